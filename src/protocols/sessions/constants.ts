import type { Rate } from '../limits/index.ts'

export const PREKEYS_PROTOCOL = '/talos/prekeys/1.0.0'

/** PrekeyResponse.refused */
export const PREKEY_REFUSAL = { notAuthorised: 1, tooMany: 2 } as const

/** A request says one bit; a response holds a bundle. Bytes, with protobuf's tags. */
export const REQUEST_LIMIT = 64
export const RESPONSE_OVERHEAD = 64

/**
 * Bundles one peer may fetch: each costs a one-time prekey. A peer needs one a session, and a few more while either side has
 * lost its state.
 */
export const BUNDLE_RATE: Rate = { burst: 10, perSecond: 1 / 60 }

/** Messages of one peer that may fail to open: a forged one may cost 1,000 chain steps (2.5 ms) before it is found out. */
export const FAILURE_RATE: Rate = { burst: 20, perSecond: 1 }

/** One exchange, request to answer. Milliseconds. */
export const PREKEYS_TIMEOUT = 10_000
