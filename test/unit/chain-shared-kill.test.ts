import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { SharedChain } from '../../src/chain/shared/shared-chain.ts'
import { LevelStore } from '../../src/node/chain/level-store.ts'
import { checkWhole } from '../support/check-shared.ts'
import { networkOf } from '../support/shared-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KILLS = Number(process.env['TALOS_CHAIN_KILLS'] ?? 8)
const writer = fileURLToPath(new URL('../fixtures/shared-writer.ts', import.meta.url))

test('a process that is killed at any point leaves a shared chain that is whole, and every record that it said it had', async () => {
  const folder = temporaryFolder()
  const chain = networkOf()
  const records = new Set<string>()
  let tip = 0
  for (let round = 0; round < KILLS; round++) {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writer, folder], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const exit = once(child, 'exit')
    let left = 1 + Math.floor(Math.random() * 150)
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, value] = line.split(' ')
      if (what === 'record') records.add(value!)
      else tip = Math.max(tip, Number(value))
      if (--left === 0) child.kill('SIGKILL')
    }
    expect((await exit)[1]).toBe('SIGKILL')

    await using store = await LevelStore.open(folder, chain.id)
    const shared = await SharedChain.open({ chain, store })
    expect(shared.tip.height).toBeGreaterThanOrEqual(tip)
    const present = await checkWhole(shared)
    const lost = [...records].filter(id => !present.has(id) && !shared.mempool.has(Buffer.from(id, 'hex')))
    expect(lost).toEqual([])
  }
  expect(tip).toBeGreaterThan(KILLS)
}, 120_000)
