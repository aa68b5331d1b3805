import type { CryptoProvider } from '../../crypto/index.ts'
import { type Rate, RateLimiter } from '../limits/index.ts'
import {
  COST_LENGTH,
  FAULT_COST,
  FAULT_RATE,
  MAX_REMEMBERED,
  SENDER_RATE,
  TIME_WINDOW,
  TOTAL_RATE
} from './constants.ts'
import { type Broadcast, readBroadcast } from './envelope.ts'
import { Memory } from './memory.ts'

/** What becomes of a broadcast: delivered and forwarded; dropped; dropped, and held against who handed it to us. */
export type Verdict = { accept: Broadcast } | 'ignore' | 'reject'

export interface GuardInit {
  crypto: CryptoProvider
  /** Milliseconds since the epoch. */
  now: () => number
  /** Bytes to all subscribers together. Only for a node that forwards to many. */
  forwardRate?: Rate
}

/**
 * Judges every broadcast before it is delivered or forwarded (docs/spec/broadcast.md §4), cheapest check first. `reject` is for
 * what no honest node forwards at any time; what an honest node with another clock or other neighbours might is `ignore`.
 */
export class Guard {
  readonly #crypto: CryptoProvider
  readonly #now: () => number
  readonly #memory = new Memory(TIME_WINDOW, MAX_REMEMBERED)
  readonly #senders = new RateLimiter(SENDER_RATE)
  readonly #total = new RateLimiter(TOTAL_RATE)
  readonly #faults = new RateLimiter(FAULT_RATE)
  readonly #forwardRate: Rate | undefined
  readonly #forwarded: RateLimiter | undefined

  constructor({ crypto, now, forwardRate }: GuardInit) {
    this.#crypto = crypto
    this.#now = now
    this.#forwardRate = forwardRate
    this.#forwarded = forwardRate === undefined ? undefined : new RateLimiter(forwardRate)
  }

  /** `from`: the peer that handed it to us. `audience`: to how many it would go on. */
  judge(from: string, topic: string, envelope: Uint8Array, audience: number): Verdict {
    const now = this.#now()
    const read = readBroadcast(envelope, topic)
    if (read === undefined) return this.#reject(from)
    const { broadcast, key } = read
    if (!this.#memory.covers(broadcast.sentAt, now) || this.#memory.has(key, broadcast.sentAt)) return 'ignore'
    // only what is genuine counts against its sender, and is remembered: a forger could otherwise silence somebody
    if (!read.verify(this.#crypto)) return this.#reject(from)
    if (!this.#afford(broadcast.sender.toString(), envelope.byteLength, audience, now)) return 'ignore'
    this.#memory.add(key, broadcast.sentAt, now)
    return { accept: broadcast }
  }

  /** Counts one of our own, which may come back to us. Returns the milliseconds to wait when others would ignore it. */
  own(sender: string, length: number): number {
    return this.#senders.take(sender, costOf(length), this.#now())
  }

  remember(envelope: Uint8Array, topic: string): void {
    const read = readBroadcast(envelope, topic)
    if (read !== undefined) this.#memory.add(read.key, read.broadcast.sentAt, this.#now())
  }

  /** The peer's share of gossipsub's score: 0 without fault, down to -100. */
  score(peer: string): number {
    return -this.#faults.spent(peer, this.#now())
  }

  /** Takes so much of a peer's budget for faults, or what is left of it. */
  blame(peer: string, cost: number): void {
    const now = this.#now()
    this.#faults.take(peer, Math.min(cost, FAULT_RATE.burst - this.#faults.spent(peer, now)), now)
  }

  #afford(sender: string, length: number, audience: number, now: number): boolean {
    if (this.#senders.take(sender, costOf(length), now) > 0 || this.#total.take('', length, now) > 0) return false
    if (this.#forwarded === undefined) return true
    return this.#forwarded.take('', Math.min(length * audience, this.#forwardRate!.burst), now) === 0
  }

  #reject(from: string): 'reject' {
    this.blame(from, FAULT_COST)
    return 'reject'
  }
}

function costOf(length: number): number {
  return 1 + Math.floor(length / COST_LENGTH)
}
