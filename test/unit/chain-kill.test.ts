import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { LocalChain, verifyLocal } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { ownerOf } from '../support/keys.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KILLS = Number(process.env['TALOS_CHAIN_KILLS'] ?? 8)
const writer = fileURLToPath(new URL('../fixtures/chain-writer.ts', import.meta.url))

test('a process that is killed at any point leaves a valid chain, every thing with its record, and all it said was done', async () => {
  const location = join(temporaryFolder(), 'store')
  let said = -1
  for (let round = 0; round < KILLS; round++) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', writer, location, String(said + 1)],
      {
        stdio: ['ignore', 'pipe', 'inherit']
      }
    )
    const exit = once(child, 'exit')
    const wanted = said + 1 + Math.floor(Math.random() * 400)
    for await (const line of createInterface({ input: child.stdout })) {
      said = Math.max(said, Number(line))
      if (said >= wanted) child.kill('SIGKILL')
    }
    expect((await exit)[1]).toBe('SIGKILL')

    await using store = await DurableStore.open(location, new Uint8Array(32), crypto)
    const things = await store.transact(transaction => transaction.keys('thing/'))
    const numbers = new Set(things.map(key => Number(key.slice('thing/'.length))))
    expect(Array.from({ length: said + 1 }, (_, number) => number).filter(number => !numbers.has(number))).toEqual([])
    // a thing that was written and not said is not written anew
    said = Math.max(said, ...numbers)
    await using chain = await LocalChain.open({ store, owner: ownerOf(1), randomBytes: crypto.randomBytes })
    const open = await verifyLocal(chain, { contents: true })
    expect(open.errors).toEqual([])
    await chain.sealAll()
    const records = await store.transact(transaction => transaction.keys('chain/o/thing/'))
    expect(records.map(key => key.slice('chain/o/'.length))).toEqual(things)
    const sealed = await verifyLocal(chain, { contents: true })
    expect(sealed).toMatchObject({ valid: true, counts: { records: things.length, commitments: things.length } })
  }
}, 120_000)
