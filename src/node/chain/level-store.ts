import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import type { SharedStore } from '../../chain/shared/store.ts'
import { asStorageError } from '../storage.ts'

/** The database of a shared chain: <data directory>/networks/<first 16 digits of its id>. What is in it is public, and not sealed. */
export class LevelStore implements SharedStore, AsyncDisposable {
  readonly #level: Level<string, Uint8Array>
  readonly #location: string

  private constructor(location: string, level: Level<string, Uint8Array>) {
    this.#location = location
    this.#level = level
  }

  /** @throws STORAGE_LOCKED while another process holds it, STORAGE_CORRUPT, STORAGE_FULL, STORAGE_DENIED, STORAGE_FAILED */
  static async open(dataDir: string, chainId: Uint8Array): Promise<LevelStore> {
    const location = join(dataDir, 'networks', Buffer.from(chainId.subarray(0, 8)).toString('hex'))
    try {
      await mkdir(location, { recursive: true, mode: 0o700 })
      // it opens by itself when it is made, and would make the folder readable for others
      const level = new Level<string, Uint8Array>(location, { keyEncoding: 'utf8', valueEncoding: 'view' })
      await level.open()
      return new LevelStore(location, level)
    } catch (cause) {
      throw asStorageError(location, cause)
    }
  }

  get(key: string): Uint8Array | undefined {
    try {
      // some microseconds of this thread, against fifty for the round through the thread pool
      return this.#level.getSync(key)
    } catch (cause) {
      throw asStorageError(this.#location, cause)
    }
  }

  async *entries(prefix: string): AsyncGenerator<[string, Uint8Array]> {
    try {
      yield* this.#level.iterator({ gte: prefix, lt: `${prefix}\u{ffff}` })
    } catch (cause) {
      throw asStorageError(this.#location, cause)
    }
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>, sync: boolean): Promise<void> {
    const batch = [...changes].map(([key, value]) =>
      value === undefined ? { type: 'del' as const, key } : { type: 'put' as const, key, value }
    )
    try {
      await this.#level.batch(batch, { sync })
    } catch (cause) {
      throw asStorageError(this.#location, cause)
    }
  }

  async close(): Promise<void> {
    await this.#level.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
