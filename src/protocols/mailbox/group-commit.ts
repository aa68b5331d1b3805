export type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** What the mailbox needs of a Level database (or a sublevel) with string keys and byte values. */
export interface MailboxDatabase {
  get(key: string): Promise<Uint8Array | undefined>
  getMany(keys: string[]): Promise<Array<Uint8Array | undefined>>
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
  iterator(range: { gt?: string; gte?: string; lt?: string; limit?: number }): AsyncIterable<[string, Uint8Array]>
}

interface Waiting {
  operations: Operation[]
  done: PromiseWithResolvers<void>
}

/** Writes of many callers in one synced batch: while the disk is busy, those that come wait for the next one together. */
export class GroupCommit {
  readonly #database: MailboxDatabase
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(database: MailboxDatabase) {
    this.#database = database
  }

  /** Resolves when the operations are on disk, all of them; rejects when none is. */
  write(operations: Operation[]): Promise<void> {
    if (operations.length === 0) return Promise.resolve()
    const done = Promise.withResolvers<void>()
    this.#waiting.push({ operations, done })
    this.#running ??= this.#run()
    return done.promise
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      try {
        await this.#database.batch(
          group.flatMap(({ operations }) => operations),
          { sync: true }
        )
        for (const { done } of group) done.resolve()
      } catch (error) {
        for (const { done } of group) done.reject(error)
      }
    }
    this.#running = undefined
  }
}
