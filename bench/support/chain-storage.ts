import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { chainOf, localParams } from '../../src/chain/params.ts'
import { SharedChain } from '../../src/chain/shared/shared-chain.ts'
import { LevelStore } from '../../src/node/chain/level-store.ts'
import { ChainBuilder, START } from '../../test/support/chain-builder.ts'
import { ownerOf } from '../../test/support/keys.ts'
import { MemoryStore } from '../../test/support/memory-store.ts'

type Changes = ReadonlyMap<string, Uint8Array | undefined>

const RECORDS = 100
/** As a node that joins commits them (src/node/chain/sync.ts). */
export const BLOCKS_A_WRITE = 64
export const BLOCKS = 4 * BLOCKS_A_WRITE

/** What blocks of a shared chain, each of 100 signed records, write to the disk: taken in one by one, and many at once. */
export interface Writes {
  singly: Changes[]
  together: Changes[]
}

export async function writesOfBlocks(): Promise<Writes> {
  const chain = chainOf({
    ...localParams(ownerOf(1).publicKey, START, 1),
    name: 'storage',
    admission: 'list',
    spacing: 5_000
  })
  const builder = new ChainBuilder(chain)
  for (let i = 0; i < BLOCKS; i++) await builder.add({ count: RECORDS })
  const written = async (step: number): Promise<Changes[]> => {
    const store = new RecordingStore()
    const shared = await SharedChain.open({ chain, store, now: () => START + 1e12 })
    store.changes.length = 0
    for (let at = 0; at < BLOCKS; at += step) {
      const verdicts = await shared.acceptAll(builder.blocks.slice(at, at + step), true)
      const bad = verdicts.find(({ state }) => state !== 'accepted')
      if (bad !== undefined) throw new Error(JSON.stringify(bad))
    }
    return store.changes
  }
  return { singly: await written(1), together: await written(BLOCKS_A_WRITE) }
}

/** A store in memory that keeps each write. */
class RecordingStore extends MemoryStore {
  readonly changes: Changes[] = []

  override async write(changes: Changes): Promise<void> {
    this.changes.push(new Map(changes))
    await super.write(changes)
  }
}

/** Writes them into a new database, each synced. Milliseconds. */
export async function replay(folder: string, writes: readonly Changes[]): Promise<number> {
  await using store = await LevelStore.open(mkdtempSync(join(folder, 'storage-')), new Uint8Array(32))
  const start = performance.now()
  for (const changes of writes) await store.write(changes, true)
  return performance.now() - start
}
