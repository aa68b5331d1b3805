import { TalosError } from '../../errors.ts'

export interface FailureBudgetOptions {
  /** Milliseconds, never going back. */
  clock: () => number
  /**
   * Failures in a row that a peer may cause.
   *
   * @default 20
   */
  burst?: number
  /**
   * Milliseconds in which one failure is forgiven.
   *
   * @default 1000
   */
  refill?: number
  /**
   * Peers remembered; the least recent is forgotten first.
   *
   * @default 10_000
   */
  maxPeers?: number
}

/**
 * A token bucket of failures per peer. A forged message may cost 1,000 chain steps (2.5 ms) before it is found out;
 * with this a peer causes at most `burst` of them at once, and one a second after that.
 */
export class FailureBudget {
  readonly #clock: () => number
  readonly #burst: number
  readonly #refill: number
  readonly #maxPeers: number
  /** Failures not yet forgiven, as of `at`. Insertion order is age. */
  readonly #peers = new Map<string, { failures: number; at: number }>()

  constructor({ clock, burst = 20, refill = 1000, maxPeers = 10_000 }: FailureBudgetOptions) {
    this.#clock = clock
    this.#burst = burst
    this.#refill = refill
    this.#maxPeers = maxPeers
  }

  /**
   * Call before work for a peer's message.
   *
   * @throws SESSION_THROTTLED when its budget is used up
   */
  check(peer: string): void {
    if (this.#failures(peer) + 1 > this.#burst) {
      throw new TalosError('SESSION_THROTTLED', 'The peer has sent too many messages that do not authenticate')
    }
  }

  /** Call when a peer's message failed for a reason that is its fault. */
  failed(peer: string): void {
    const failures = this.#failures(peer) + 1
    this.#peers.delete(peer)
    if (this.#peers.size >= this.#maxPeers) this.#peers.delete(this.#peers.keys().next().value!)
    this.#peers.set(peer, { failures, at: this.#clock() })
  }

  #failures(peer: string): number {
    const known = this.#peers.get(peer)
    return known === undefined ? 0 : Math.max(0, known.failures - (this.#clock() - known.at) / this.#refill)
  }
}
