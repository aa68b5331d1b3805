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
export const BUNDLE_RATE = { burst: 10, refillMilliseconds: 60_000 } as const

/** One exchange, request to answer. Milliseconds. */
export const PREKEYS_TIMEOUT = 10_000
