export const WITNESS_PROTOCOL = '/talos/witness/1.0.0'
/** A request: 63 hashes, a note, and the parameters of a chain. In bytes. */
export const MAX_REQUEST_LENGTH = 16_384
/** An answer: cosignatures or a checkpoint, and evidence. */
export const MAX_FRAME_LENGTH = 69_632
/** An exchange takes at most so long. Milliseconds. */
export const EXCHANGE_TIMEOUT = 10_000
/** Streams of one connection. */
export const MAX_STREAMS = 4

/** Statuses of HTTP, as c2sp.org/tlog-witness has them. */
export const STATUS = {
  ok: 200,
  malformed: 400,
  forbidden: 403,
  unknown: 404,
  conflict: 409,
  inconsistent: 422,
  rateLimited: 429,
  internal: 500,
  full: 507
} as const
export type StatusName = keyof typeof STATUS
