import { ACK_DELAY } from './constants.ts'
import type { DueEpoch } from './pb/records.ts'

/**
 * When acknowledgements of what came over a link are sent: at once, unless the application has been answering so quickly
 * that they can travel with its answer. What waits here is on disk; should it be forgotten, its sender asks again.
 */
export class AckDelay {
  readonly #poke: () => void
  #unacknowledged: DueEpoch[] = []
  /** When the application was given something last. */
  #handedAt = Number.NEGATIVE_INFINITY
  /** The application answers quickly. */
  #isTalk = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(poke: () => void) {
    this.#poke = poke
  }

  /** For a step that sends something or not: what waits, and whether it may wait longer. */
  take(sends: boolean): { unacknowledged: readonly DueEpoch[]; mayWait: boolean } {
    if (sends && performance.now() - this.#handedAt < ACK_DELAY) this.#isTalk = true
    return { unacknowledged: this.#unacknowledged, mayWait: this.#isTalk && !this.#isOver }
  }

  /** The step, with arrivals or not, is on disk: what it left to be acknowledged. */
  settle(left: { unacknowledged: DueEpoch[]; acknowledgementWaits: boolean }, arrivals: boolean): void {
    if (arrivals) this.#handedAt = performance.now()
    this.#unacknowledged = left.unacknowledged
    this.#isOver = false
    if (!left.acknowledgementWaits) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      return
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#isTalk = false
      this.#isOver = true
      this.#poke()
    }, ACK_DELAY)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
