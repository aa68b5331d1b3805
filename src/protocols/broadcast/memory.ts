/** Times are kept together in slots of so many milliseconds. */
const SLOT = 1_000

/**
 * Remembers keys by the time that they carry, for as long as a key of that time could come again. In bounded memory: when it is
 * full the oldest slot goes, and with it every time up to its end counts as known. So a flood makes the window shorter, and never
 * lets anything through twice.
 */
export class Memory {
  readonly #window: number
  readonly #max: number
  readonly #slots = new Map<number, Set<string>>()
  #size = 0
  #floor = Number.NEGATIVE_INFINITY

  /** `window`: how far a time may lie from now, either way, in milliseconds. */
  constructor(window: number, max: number) {
    this.#window = window
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  /** False when `time` is outside the window, or so old that its keys have been forgotten. */
  covers(time: number, now: number): boolean {
    return Math.abs(now - time) <= this.#window && Math.floor(time / SLOT) > this.#floor
  }

  has(key: string, time: number): boolean {
    return this.#slots.get(Math.floor(time / SLOT))?.has(key) ?? false
  }

  add(key: string, time: number, now: number): void {
    const slot = Math.floor(time / SLOT)
    const keys = this.#slots.get(slot) ?? new Set()
    if (keys.has(key)) return
    this.#slots.set(slot, keys.add(key))
    this.#size++
    this.#forget(Math.floor((now - this.#window) / SLOT) - 1)
    while (this.#size > this.#max) this.#forget(Math.min(...this.#slots.keys()))
  }

  /** Forgets all slots up to `last`. */
  #forget(last: number): void {
    for (const [slot, keys] of this.#slots) {
      if (slot > last) continue
      this.#slots.delete(slot)
      this.#size -= keys.size
    }
    this.#floor = Math.max(this.#floor, last)
  }
}
