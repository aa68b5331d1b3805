export interface Rate {
  /** Tokens of a full bucket: what may be asked for at once. */
  burst: number
  /** Tokens that flow back per second. */
  perSecond: number
}

interface Bucket {
  tokens: number
  at: number
}

/** Buckets kept; above this the one that has been idle longest goes, which by then is full again or nearly so. */
const MAX_BUCKETS = 10_000

/** Token buckets by key (a peer, a network address), in bounded memory. Time comes from the caller, in milliseconds. */
export class RateLimiter {
  readonly #rate: Rate
  readonly #maxBuckets: number
  // a Map keeps its order: re-inserting at each use makes the first the least recently used
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: Rate, maxBuckets = MAX_BUCKETS) {
    this.#rate = rate
    this.#maxBuckets = maxBuckets
  }

  /** Takes `cost` tokens and returns 0, or takes none and returns the milliseconds until there are as many. */
  take(key: string, cost: number, now: number): number {
    const tokens = this.#tokens(key, now)
    const wait = this.#until(cost - tokens)
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: wait === 0 ? tokens - cost : tokens, at: now })
    if (this.#buckets.size > this.#maxBuckets) this.#buckets.delete(this.#buckets.keys().next().value!)
    return wait
  }

  /** What take() would return, with nothing taken: for what costs only when it has failed. */
  wait(key: string, cost: number, now: number): number {
    return this.#until(cost - this.#tokens(key, now))
  }

  /** Tokens that are missing from a full bucket. */
  spent(key: string, now: number): number {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return 0
    const { burst, perSecond } = this.#rate
    return Math.max(0, burst - bucket.tokens - (Math.max(0, now - bucket.at) / 1000) * perSecond)
  }

  get size(): number {
    return this.#buckets.size
  }

  #tokens(key: string, now: number): number {
    const { burst, perSecond } = this.#rate
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return burst
    // a clock that was set back gives nothing, and takes nothing away
    return Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
  }

  #until(missing: number): number {
    return missing <= 0 ? 0 : Math.ceil((missing / this.#rate.perSecond) * 1000)
  }
}
