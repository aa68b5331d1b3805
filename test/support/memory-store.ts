import type { SharedStore } from '../../src/chain/shared/store.ts'

/** A database in memory, whose disk may break. */
export class MemoryStore implements SharedStore {
  readonly values = new Map<string, Uint8Array>()
  /** Number of writes. */
  writes = 0
  isBroken = false

  get(key: string): Uint8Array | undefined {
    return this.values.get(key)
  }

  async *entries(prefix: string): AsyncGenerator<[string, Uint8Array]> {
    const found = [...this.values].filter(([key]) => key.startsWith(prefix))
    yield* found.sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    await Promise.resolve()
    if (this.isBroken) throw new Error('the disk')
    this.writes++
    for (const [key, value] of changes) {
      if (value === undefined) this.values.delete(key)
      else this.values.set(key, value.slice())
    }
  }
}
