import { join } from 'node:path'
import type { SharedStore } from '../../chain/shared/store.ts'
import { Database } from '../database.ts'

/** The database of a shared chain: <data directory>/networks/<first 16 digits of its id>. What is in it is public, and not sealed. */
export class LevelStore implements SharedStore, AsyncDisposable {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  /** @throws STORAGE_LOCKED while another process holds it, STORAGE_CORRUPT, STORAGE_FULL, STORAGE_DENIED, STORAGE_FAILED */
  static async open(dataDir: string, chainId: Uint8Array): Promise<LevelStore> {
    const name = Buffer.from(chainId.subarray(0, 8)).toString('hex')
    return new LevelStore(await Database.open(join(dataDir, 'networks', name)))
  }

  get(key: string): Uint8Array | undefined {
    return this.#database.getSync(key)
  }

  entries(prefix: string): AsyncGenerator<[string, Uint8Array]> {
    return this.#database.iterator({ gte: prefix, lt: `${prefix}\u{ffff}` })
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>, sync: boolean): Promise<void> {
    const batch = [...changes].map(([key, value]) =>
      value === undefined ? { type: 'del' as const, key } : { type: 'put' as const, key, value }
    )
    await this.#database.batch(batch, { sync })
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
