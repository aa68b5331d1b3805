import type { CryptoProvider } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import type { Durability, KeyRange, SessionStore, Transaction } from '../protocols/sessions/index.ts'
import { Database } from './database.ts'
import { RecordSeal } from './record-seal.ts'

/** What one synced write may hold: as many transactions as wait, up to this many. */
const MAX_GROUP = 512

type Writes = Map<string, Uint8Array | undefined>

interface Job {
  work: (transaction: Transaction) => Promise<unknown>
  durability: Durability
  resolve: (result: never) => void
  reject: (error: unknown) => void
}

/**
 * The database of a node: records sealed under a key of the wallet (see RecordSeal), held open by the one process that is the
 * node of its data directory.
 *
 * Transactions run one after the other, each on what the ones before have written. Those that wait while the disk is busy
 * share the next synced write (group commit), so that durability costs one fsync for many. A transaction resolves when it is
 * on disk; one whose work throws leaves nothing behind; when a write fails, every transaction in it fails and nothing of it
 * is there.
 */
export class DurableStore implements SessionStore, AsyncDisposable {
  readonly #database: Database
  readonly #seal: RecordSeal
  #jobs: Job[] = []
  #running: Promise<void> | undefined
  #closed = false

  private constructor(database: Database, seal: RecordSeal) {
    this.#database = database
    this.#seal = seal
  }

  /**
   * Opens the database in the folder `location`, or makes it. Throws STORAGE_LOCKED while another process holds it,
   * STORAGE_CORRUPT, STORAGE_FULL, STORAGE_DENIED, STORAGE_FAILED.
   */
  static async open(location: string, key: Uint8Array, crypto: CryptoProvider): Promise<DurableStore> {
    return new DurableStore(await Database.open(location), new RecordSeal(key, crypto))
  }

  /**
   * Runs `work` and resolves with its result when what it wrote is on disk, or with the system that will bring it there when
   * `durability` is 'process'. `work` may wait for nothing but the transaction.
   * Throws what `work` throws, STORAGE_CLOSED, STORAGE_FULL, STORAGE_CORRUPT, STORAGE_FAILED.
   */
  transact<T>(work: (transaction: Transaction) => Promise<T>, durability: Durability = 'machine'): Promise<T> {
    if (this.#closed) return Promise.reject(closed())
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ work, durability, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Lets what was begun end, then releases the lock. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await this.#database.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #run(): Promise<void> {
    // what is asked for in the same turn of the event loop goes into the same write
    await Promise.resolve()
    while (this.#jobs.length > 0) {
      const writes: Writes = new Map()
      const done: Array<() => void> = []
      const failed: Array<(error: unknown) => void> = []
      let sync = false
      for (const job of this.#jobs.splice(0, MAX_GROUP)) {
        const own: Writes = new Map()
        try {
          const result = await job.work(this.#transaction(own, writes))
          for (const [key, value] of own) writes.set(key, value)
          if (own.size > 0 && job.durability === 'machine') sync = true
          done.push(() => job.resolve(result as never))
          failed.push(job.reject)
        } catch (error) {
          job.reject(error)
        }
      }
      try {
        await this.#write(writes, sync)
        for (const resolve of done) resolve()
      } catch (error) {
        for (const reject of failed) reject(error)
      }
    }
    this.#running = undefined
  }

  async #write(writes: Writes, sync: boolean): Promise<void> {
    if (writes.size === 0) return
    const batch = [...writes].map(([key, value]) =>
      value === undefined
        ? { type: 'del' as const, key }
        : { type: 'put' as const, key, value: this.#seal.seal(key, value) }
    )
    for (const value of writes.values()) value?.fill(0)
    await this.#database.batch(batch, { sync })
  }

  #transaction(own: Writes, group: Writes): Transaction {
    return {
      get: async key => {
        const written = own.has(key) ? own : group.has(key) ? group : undefined
        // a copy: the caller may wipe what it was given
        return written === undefined ? this.#read(key) : written.get(key)?.slice()
      },
      keys: (prefix, range) => this.#keys(prefix, range ?? {}, [group, own]),
      put: (key, value) => void own.set(key, value),
      delete: key => void own.set(key, undefined)
    }
  }

  #read(key: string): Uint8Array | undefined {
    const record = this.#database.getSync(key)
    return record === undefined ? undefined : this.#seal.open(key, record)
  }

  async #keys(prefix: string, range: KeyRange, overlays: Writes[]): Promise<string[]> {
    const { after, before, limit = Number.POSITIVE_INFINITY, reverse = false } = range
    const isWithin = (key: string): boolean =>
      key.startsWith(prefix) && (after === undefined || key > after) && (before === undefined || key < before)
    const written = new Map<string, boolean>()
    for (const overlay of overlays) {
      for (const [key, value] of overlay) if (isWithin(key)) written.set(key, value !== undefined)
    }
    const removed = [...written.values()].filter(isThere => !isThere).length
    const stored = await this.#database.keys({
      ...(after === undefined ? { gte: prefix } : { gt: after < prefix ? prefix : after }),
      lt: before === undefined || before > `${prefix}\u{ffff}` ? `${prefix}\u{ffff}` : before,
      reverse,
      ...(limit === Number.POSITIVE_INFINITY ? {} : { limit: limit + removed })
    })
    if (written.size === 0) return stored
    const keys = stored.filter(key => !written.has(key))
    for (const [key, isThere] of written) if (isThere) keys.push(key)
    keys.sort((a, b) => (a < b ? -1 : 1) * (reverse ? -1 : 1))
    return keys.slice(0, limit)
  }
}

function closed(): TalosError {
  return new TalosError('STORAGE_CLOSED', 'the node of this data directory is stopping', { hint: 'Try again.' })
}
