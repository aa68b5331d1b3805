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

/** Token buckets by key, in bounded memory. Time comes from the caller, in milliseconds. */
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
    const { burst, perSecond } = this.#rate
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
    // a clock that was set back gives nothing, and takes nothing away
    const elapsed = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(burst, bucket.tokens + (elapsed / 1000) * perSecond)
    bucket.at = now
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > this.#maxBuckets) this.#buckets.delete(this.#buckets.keys().next().value!)
    if (bucket.tokens < cost) return Math.ceil(((cost - bucket.tokens) / perSecond) * 1000)
    bucket.tokens -= cost
    return 0
  }

  get size(): number {
    return this.#buckets.size
  }
}
