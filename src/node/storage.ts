import { join } from 'node:path'
import { Database, type Operation, type Range } from './database.ts'

/** One owner's part of a database. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>
  getMany(keys: string[]): Promise<Array<Uint8Array | undefined>>
  batch(operations: Operation[], options?: { sync?: boolean }): Promise<void>
  /** @param range all of it without one */
  iterator(range?: Range): AsyncIterable<[string, Uint8Array]>
}

/** The one handle on a data directory's database. Every owner works in a part of its own. */
export interface Storage extends AsyncDisposable {
  /** The part of `owner` (lower-case letters and hyphens): a name that no other owner uses. */
  of(owner: string): Store
  /** Writes what is in memory and releases the lock. No part is of use afterwards. */
  close(): Promise<void>
}

/**
 * Opens `<dataDir>/store`, a LevelDB database, and creates it when there is none. The process that holds it is the node.
 * Throws STORAGE_LOCKED, STORAGE_CORRUPT, STORAGE_FULL, STORAGE_DENIED or STORAGE_FAILED.
 */
export async function openStorage(dataDir: string): Promise<Storage> {
  const database = await Database.open(join(dataDir, 'store'))
  return {
    of: owner => partOf(database, `!${owner}!`),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close()
  }
}

function partOf(database: Database, prefix: string): Store {
  const named = (key: string): string => `${prefix}${key}`
  return {
    get: key => database.get(named(key)),
    getMany: keys => database.getMany(keys.map(named)),
    batch: (operations, options) =>
      database.batch(
        operations.map(operation => ({ ...operation, key: named(operation.key) })),
        options
      ),
    async *iterator({ gt, gte, lt, ...rest } = {}) {
      const bounds = {
        ...(gt === undefined ? { gte: named(gte ?? '') } : { gt: named(gt) }),
        lt: lt === undefined ? `${prefix}\u{ffff}` : named(lt)
      }
      for await (const [key, value] of database.iterator({ ...bounds, ...rest }))
        yield [key.slice(prefix.length), value]
    }
  }
}
