import type { SharedStore } from './store.ts'

type Changes = Map<string, Uint8Array | undefined>

interface Writing {
  sync: boolean
  done: Promise<void>
}

/**
 * What is to be written, seen by reads before it is. Everything that is put in one turn of the event loop is written together, or not at
 * all; writes follow one another. After one that failed nothing is written until recover(): what comes later may build on what is lost.
 */
export class Journal {
  readonly #store: SharedStore
  #waiting: Changes = new Map()
  #flying: Changes = new Map()
  #running: Promise<void> = Promise.resolve()
  /** The write that takes what waits now. */
  #next: Writing | undefined
  #failure: { error: unknown } | undefined

  constructor(store: SharedStore) {
    this.#store = store
  }

  /** A write failed. */
  get isBroken(): boolean {
    return this.#failure !== undefined
  }

  get(key: string): Uint8Array | undefined {
    for (const changes of [this.#waiting, this.#flying]) if (changes.has(key)) return changes.get(key)
    return this.#store.get(key)
  }

  put(key: string, value: Uint8Array): void {
    this.#waiting.set(key, value)
  }

  delete(key: string): void {
    this.#waiting.set(key, undefined)
  }

  /** Resolves when everything that was put so far is written. Throws what the store throws. */
  commit(sync: boolean): Promise<void> {
    if (this.#next !== undefined) {
      this.#next.sync ||= sync
      return this.#next.done
    }
    const next: Writing = { sync, done: this.#running.then(() => this.#write(next)) }
    this.#next = next
    this.#running = next.done.catch(() => {})
    return next.done
  }

  /** Forgets everything that is not on disk. */
  recover(): void {
    this.#waiting = new Map()
    this.#failure = undefined
  }

  async #write(next: Writing): Promise<void> {
    this.#next = undefined
    if (this.#failure !== undefined) throw this.#failure.error
    this.#flying = this.#waiting
    this.#waiting = new Map()
    try {
      if (this.#flying.size > 0) await this.#store.write(this.#flying, next.sync)
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      this.#flying = new Map()
    }
  }
}
