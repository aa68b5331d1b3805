/** What a validation can find, by the hundreds of its layer. 1xx to 5xx without a name of their own are of the original. */
export const VIOLATIONS = {
  MALFORMED_BLOCK: 100,
  MISSING_FIELD: 101,
  INVALID_TYPE: 102,
  SIZE_EXCEEDED: 103,
  NON_CANONICAL: 104,
  UNSUPPORTED_VERSION: 105,
  HASH_MISMATCH: 200,
  SIGNATURE_INVALID: 201,
  MERKLE_INVALID: 202,
  PRODUCER_SIGNATURE_INVALID: 203,
  COMMITMENT_INVALID: 204,
  POW_INVALID: 300,
  TIMESTAMP_INVALID: 301,
  CHAIN_LINK_BROKEN: 302,
  DIFFICULTY_MISMATCH: 303,
  BITS_INVALID: 304,
  HISTORY_ROOT_INVALID: 305,
  NETWORK_MISMATCH: 306,
  DUPLICATE_MESSAGE: 400,
  NONCE_REUSED: 401,
  MESSAGE_FORMAT_INVALID: 402,
  SEQUENCE_GAP: 403,
  EQUIVOCATION: 404,
  AUTHOR_NOT_ADMITTED: 405,
  KIND_NOT_ALLOWED: 406,
  CUSTOM_RULE: 499,
  ANCHOR_MISMATCH: 500,
  EXTERNAL_VERIFICATION_FAILED: 501,
  QUORUM_NOT_MET: 502
} as const

export type ViolationName = keyof typeof VIOLATIONS

/** The five layers, with the names that reports give them, in the order of their hundreds. */
export const LAYERS = ['structural', 'cryptographic', 'consensus', 'semantic', 'cross-chain'] as const
export type Layer = (typeof LAYERS)[number]

export function layerOf(violation: ViolationName): Layer {
  return LAYERS[Math.floor(VIOLATIONS[violation] / 100) - 1]!
}
