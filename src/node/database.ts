import { mkdir, statfs } from 'node:fs/promises'
import { Level } from 'level'
import { isTalosError, TalosError } from '../errors.ts'

export type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** Which keys, in the order of their UTF-8; those between the bounds. */
export interface Range {
  gt?: string
  gte?: string
  lt?: string
  reverse?: boolean
  limit?: number
}

/** Free space that opening again needs, which writes what the log of the database holds, up to 4 MiB. Bytes. */
const ROOM = 16 * 1024 * 1024

/**
 * A LevelDB database, keys of text and values of bytes, held by one process.
 *
 * A write that fails may leave half of itself in LevelDB's log, and whatever is written after it, acknowledged and synced, is not
 * found when the log is read after a crash. So after a failure nothing is written before the database was opened anew, which reads the
 * log up to there and begins another; for that there must be room again. Writes run one after the other, so that none is behind a
 * failed one already.
 */
export class Database implements AsyncDisposable {
  readonly #location: string
  readonly #level: Level<string, Uint8Array>
  /** Why the last write failed, until the database was opened anew. */
  #failure: TalosError | undefined
  #reopening: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()

  private constructor(location: string, level: Level<string, Uint8Array>) {
    this.#location = location
    this.#level = level
  }

  /**
   * Opens the database in the folder `location`, or makes it. Throws STORAGE_LOCKED while another process holds it,
   * STORAGE_CORRUPT, STORAGE_FULL, STORAGE_DENIED, STORAGE_FAILED; everything else here throws the last four.
   */
  static async open(location: string): Promise<Database> {
    try {
      // Level would make the folder readable for others
      await mkdir(location, { recursive: true, mode: 0o700 })
      const level = new Level<string, Uint8Array>(location, { keyEncoding: 'utf8', valueEncoding: 'view' })
      await level.open()
      return new Database(location, level)
    } catch (cause) {
      throw asStorageError(location, cause)
    }
  }

  /** Eight microseconds of this thread, against fifty for the round through the thread pool. */
  getSync(key: string): Uint8Array | undefined {
    if (this.#failure !== undefined && this.#level.status !== 'open') {
      void this.#reopen().catch(() => {})
      throw this.#failure
    }
    try {
      return this.#level.getSync(key)
    } catch (cause) {
      throw asStorageError(this.#location, cause)
    }
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#level.get(key))
  }

  getMany(keys: string[]): Promise<Array<Uint8Array | undefined>> {
    return this.#read(() => this.#level.getMany(keys))
  }

  keys(range: Range): Promise<string[]> {
    return this.#read(() => this.#level.keys(range).all())
  }

  async *iterator(range: Range): AsyncGenerator<[string, Uint8Array]> {
    yield* await this.#read(async () => this.#level.iterator(range))
  }

  /** All of it or nothing; with `sync`, on disk when it resolves. */
  batch(operations: Operation[], { sync = false } = {}): Promise<void> {
    const writing = this.#last.then(() => this.#write(operations, sync))
    this.#last = writing.catch(() => {})
    return writing
  }

  /** Lets what was begun end, and releases the lock. */
  async close(): Promise<void> {
    await this.#last
    await this.#reopening?.catch(() => {})
    await this.#level.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #write(operations: Operation[], sync: boolean): Promise<void> {
    if (this.#failure !== undefined) await this.#reopen()
    try {
      // one after the other into the native batch: an array of them costs twice as much of this thread
      const batch = this.#level.batch()
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value)
        else batch.del(operation.key)
      }
      await batch.write({ sync })
    } catch (cause) {
      this.#failure = asStorageError(this.#location, cause)
      throw this.#failure
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    // it can be read in spite of a failure, unless opening it anew failed, too
    if (this.#failure !== undefined && this.#level.status !== 'open') await this.#reopen()
    try {
      return await read()
    } catch (cause) {
      throw asStorageError(this.#location, cause)
    }
  }

  #reopen(): Promise<void> {
    this.#reopening ??= this.#openAnew().finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  async #openAnew(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#location)
      if (bavail * bsize < ROOM) throw noSpace(this.#location)
      await this.#level.close()
      await this.#level.open()
      this.#failure = undefined
    } catch (cause) {
      this.#failure = asStorageError(this.#location, cause)
      throw this.#failure
    }
  }
}

/** What a failed open, read or write means, in words and with a remedy. */
export function asStorageError(folder: string, cause: unknown): TalosError {
  if (isTalosError(cause)) return cause
  const error = cause as NodeJS.ErrnoException
  const inner = (error.cause ?? error) as NodeJS.ErrnoException
  const text = `${inner.code ?? ''} ${inner.message}`
  if (text.includes('LEVEL_LOCKED')) {
    return new TalosError('STORAGE_LOCKED', `another Talos process uses ${folder}`, {
      hint: 'Stop it, or give this one a --data-dir of its own.',
      cause
    })
  }
  if (/LEVEL_CORRUPTION|Corruption/.test(text)) {
    return new TalosError('STORAGE_CORRUPT', `the database ${folder} is damaged: ${inner.message}`, {
      hint: 'Move the folder away and start again; the identity is kept elsewhere.',
      cause
    })
  }
  if (/ENOSPC|EDQUOT|EFBIG|No space left|quota exceeded|File too large/i.test(text)) return noSpace(folder, cause)
  if (/EACCES|EPERM|EROFS|Permission denied|Read-only/i.test(text)) {
    return new TalosError('STORAGE_DENIED', `no permission to use ${folder}: ${inner.message}`, {
      hint: 'Run as the user that owns it, or give another --data-dir.',
      cause
    })
  }
  return new TalosError('STORAGE_FAILED', `cannot use the database ${folder}: ${inner.message}`, { cause })
}

function noSpace(folder: string, cause?: unknown): TalosError {
  return new TalosError('STORAGE_FULL', `no space is left for ${folder}`, {
    hint: `Free some and try again: after a failed write ${ROOM / 1024 / 1024} MiB have to be free.`,
    cause
  })
}
