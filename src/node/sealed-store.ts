import { setTimeout as delay } from 'node:timers/promises'
import { Level } from 'level'
import type { CryptoProvider } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import type { SessionStore, Transaction } from '../protocols/sessions/store.ts'

type Database = Level<string, Uint8Array>

/** Another process of the same data directory holds the store for some milliseconds a time. */
const LOCK_TIMEOUT = 15_000
const LOCK_RETRY = 10

const VERSION = 1
const NONCE_LENGTH = 12
const encoder = new TextEncoder()

/**
 * A Level database of records sealed under a key of the wallet, shared by all Talos processes of one data directory: opened
 * for each transaction and closed after it, because LevelDB lets one process in at a time. Sessions touch it a few times per
 * tunnel, never per call.
 *
 * A record is version (1 byte) ‖ nonce (12) ‖ ChaCha20-Poly1305, with `talos/store/v1 NUL key` as associated data, so that
 * records cannot be swapped.
 */
export class SealedStore implements SessionStore {
  readonly #location: string
  readonly #key: Uint8Array
  readonly #crypto: CryptoProvider
  #last: Promise<unknown> = Promise.resolve()

  constructor(location: string, key: Uint8Array, crypto: CryptoProvider) {
    this.#location = location
    this.#key = key
    this.#crypto = crypto
  }

  /** Throws STORAGE_BUSY, STORAGE_CORRUPT, STORAGE_FAILED, and whatever `work` throws (nothing is written then). */
  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#transact(work))
    this.#last = result.catch(() => {})
    return result
  }

  async #transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const database = await this.#open()
    try {
      const writes = new Map<string, Uint8Array | undefined>()
      const result = await work({
        get: async key => (writes.has(key) ? writes.get(key) : this.#read(database, key)),
        keys: async prefix => database.keys({ gte: prefix, lt: `${prefix}\xff` }).all(),
        put: (key, value) => writes.set(key, value),
        delete: key => writes.set(key, undefined)
      })
      const batch = [...writes].map(([key, value]) =>
        value === undefined
          ? { type: 'del' as const, key }
          : { type: 'put' as const, key, value: this.#seal(key, value) }
      )
      for (const value of writes.values()) value?.fill(0)
      if (batch.length > 0) await database.batch(batch, { sync: true }).catch(failed('write to'))
      return result
    } finally {
      await database.close()
    }
  }

  async #open(): Promise<Database> {
    const deadline = Date.now() + LOCK_TIMEOUT
    for (;;) {
      const database: Database = new Level(this.#location, { keyEncoding: 'utf8', valueEncoding: 'view' })
      try {
        await database.open()
        return database
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined
        const code = (cause as { code?: string } | undefined)?.code
        if (code === 'LEVEL_CORRUPTION') {
          throw new TalosError('STORAGE_CORRUPT', `the session store ${this.#location} is damaged`, {
            hint: 'Move that folder away: sessions are made anew, the identity is not in it.',
            cause: error
          })
        }
        if (code !== 'LEVEL_LOCKED') return failed('open')(error)
        if (Date.now() > deadline) {
          throw new TalosError('STORAGE_BUSY', `another process holds the session store ${this.#location}`, {
            hint: 'Is a talos process of this data directory stopped or stuck? End it and try again.',
            cause: error
          })
        }
        await delay(LOCK_RETRY * (0.5 + Math.random()))
      }
    }
  }

  async #read(database: Database, key: string): Promise<Uint8Array | undefined> {
    const record = await database.get(key)
    if (record === undefined) return undefined
    const opened =
      record[0] === VERSION && record.length > 1 + NONCE_LENGTH
        ? this.#crypto.open(
            this.#key,
            record.subarray(1, 1 + NONCE_LENGTH),
            record.subarray(1 + NONCE_LENGTH),
            associatedData(key)
          )
        : undefined
    if (opened === undefined) {
      throw new TalosError('STORAGE_CORRUPT', `a record of the session store ${this.#location} does not open`, {
        hint: 'It was changed, or belongs to another wallet. Move that folder away: sessions are made anew.'
      })
    }
    return opened
  }

  #seal(key: string, value: Uint8Array): Uint8Array {
    const nonce = this.#crypto.randomBytes(NONCE_LENGTH)
    const record = this.#crypto.seal(this.#key, nonce, value, associatedData(key), 1 + NONCE_LENGTH)
    record[0] = VERSION
    record.set(nonce, 1)
    return record
  }
}

function associatedData(key: string): Uint8Array {
  return encoder.encode(`talos/store/v1\0${key}`)
}

function failed(verb: string): (cause: unknown) => never {
  return cause => {
    const why = cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause)
    throw new TalosError('STORAGE_FAILED', `cannot ${verb} the session store: ${why}`, {
      hint: 'Is the disk full, or the data directory not writable?',
      cause
    })
  }
}
