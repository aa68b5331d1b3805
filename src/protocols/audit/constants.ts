import type { Rate } from '../limits/index.ts'

export const AUDIT_PROTOCOL = '/talos/audit/1.0.0'

/** AuditAnswer.refused */
export const AUDIT_REFUSAL = { notAuthorised: 1, tooMany: 2 } as const

/** Bytes of one frame, and of the one with the request. */
export const MAX_FRAME_LENGTH = 262_144
export const MAX_REQUEST_LENGTH = 64
export const NONCE_LENGTH = 32
export const DIGEST_LENGTH = 16

/** Answers that one peer may ask for: each reads every record with it. */
export const ANSWER_RATE: Rate = { burst: 5, perSecond: 1 / 60 }
/** Streams of one connection. */
export const MAX_STREAMS = 2

/** How long either side waits for the next frame, or for one to be read. Milliseconds. */
export const FRAME_TIMEOUT = 20_000
