import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finish, propose } from '../../src/chain/shared/propose.ts'
import { SharedChain } from '../../src/chain/shared/shared-chain.ts'
import { ChainState } from '../../src/chain/validation/state.ts'
import { validateBlock } from '../../src/chain/validation/validate.ts'
import { LevelStore } from '../../src/node/chain/level-store.ts'
import { chainProcesses } from '../support/chain-processes.ts'
import { eventually } from '../support/processes.ts'
import { authors, entryOf, networkOf } from '../support/shared-chain.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** `npm run soak:chain-join`: 100,000. */
const BLOCKS = Number(process.env['TALOS_CHAIN_BLOCKS'] ?? 3_000)

/** Writes a chain of so many blocks, with a record each, into the folder of a node. */
async function grow(folder: string, count: number): Promise<void> {
  const chain = networkOf()
  const state = new ChainState(chain)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await using store = await LevelStore.open(folder, chain.id)
  const shared = await SharedChain.open({ chain, store })
  const [author] = authors
  for (let height = 1; height <= count; ) {
    const blocks: Uint8Array[] = []
    for (; blocks.length < 64 && height <= count; height++) {
      const head = state.headOf(author!.publicKey, 99) ?? { sequence: 0, id: new Uint8Array(32) }
      const proposal = propose(chain, state, [entryOf(chain, 0, head, 99)], author!.publicKey, state.previousTime + 1)
      const block = await finish(proposal, author!)
      state.advance((await validateBlock(block, chain, state, { level: 'MINIMAL' })).block!)
      blocks.push(block)
    }
    await shared.acceptAll(blocks, true)
  }
}

test(
  'a node that is new fetches a long chain while that grows, in bounded memory, and goes on after a kill',
  async context => {
    const folder = temporaryFolder()
    await grow(join(folder, '0'), BLOCKS)
    const [old, young] = await chainProcesses(context, folder, 2, {})
    await Promise.all([old!.start(), young!.start()])
    old!.tell({ do: 'write', count: 1_000_000, pause: 200 })
    const began = performance.now()
    young!.tell({ do: 'connect', addresses: [old!.address] })
    await eventually(async () => (await young!.status()).height > BLOCKS / 3, BLOCKS * 20 + 30_000)
    await young!.kill()
    await young!.start()
    const { height } = await young!.status()
    expect(height).toBeGreaterThan(BLOCKS / 4)
    young!.tell({ do: 'connect', addresses: [old!.address] })
    await eventually(
      async () => {
        const [a, b] = await Promise.all([old!.status(), young!.status()])
        return b.height > BLOCKS && b.height >= a.height - 1
      },
      BLOCKS * 20 + 30_000
    )
    const seconds = (performance.now() - began) / 1_000
    const end = await young!.status()
    console.log(
      `${end.height} blocks fetched in ${seconds.toFixed(1)} s (${Math.round(end.height / seconds)} a second, a kill in between), ` +
        `${Math.round(end.memory / 1e6)} MB resident`
    )
    expect(end.memory).toBeLessThan(600_000_000)
  },
  BLOCKS * 60 + 120_000
)
