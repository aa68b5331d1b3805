/** What has come and was not taken yet, for an iterator. Above its limit the oldest goes. */
export class Waiting<T> {
  readonly #limit: number
  readonly #items: T[] = []
  #wake = Promise.withResolvers<void>()

  constructor(limit: number) {
    this.#limit = limit
  }

  push(item: T): void {
    this.#items.push(item)
    if (this.#items.length > this.#limit) this.#items.shift()
    this.wake()
  }

  /** Ends a wait, though nothing has come. */
  wake(): void {
    this.#wake.resolve()
  }

  /** The oldest, or undefined when wake() was called and there is none. */
  async next(): Promise<T | undefined> {
    if (this.#items.length === 0) await this.#wake.promise
    this.#wake = Promise.withResolvers()
    return this.#items.shift()
  }
}
