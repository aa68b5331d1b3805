export const STREAM_PROTOCOL = '/talos/stream/1.0.0'

/** Frame types (pb/stream.proto). */
export const FRAME = { start: 3, chunk: 4, end: 5, accept: 6, refuse: 7, credit: 8 } as const

/** Why a reader refuses a stream (pb/stream.proto). */
export const REFUSAL = { notAccepted: 1, noSession: 2, unknownCodec: 3, busy: 4, unsupported: 5 } as const

export const SECRET_LABEL = 'talos/stream-secret/v1'
export const STREAM_ID_LENGTH = 16
export const SECRET_LENGTH = 32

/** Longest label, in bytes of UTF-8: a line that a person reads before consenting. */
export const MAX_LABEL_LENGTH = 256

/**
 * Bytes of a block, before the codec: what one chunk carries, and the most that a codec may make of one. With all that is put
 * around it a full chunk fits into one noise message (65,535 bytes), also when zstd can do nothing with it.
 */
export const MAX_BLOCK_LENGTH = 64_000
/** The most that a codec may make of a block. Bytes. */
export const MAX_ENCODED_LENGTH = 64_512
/** Longest frame: a chunk and what is around it. Bytes. */
export const MAX_FRAME_LENGTH = MAX_ENCODED_LENGTH + 512

/** What each chunk counts in the window besides its block's bytes, so that many short ones are bounded, too. Bytes. */
export const CHUNK_COST = 64

/** Blocks sent and not yet taken by the application: 5 MB/s over 100 ms. Bytes, each block counted with CHUNK_COST. */
export const DEFAULT_WINDOW = 512 * 1024
/** The least that a reader may offer: two full blocks. Bytes. */
export const LEAST_WINDOW = 128 * 1024

/** Streams that a reader holds, offered and open: with DEFAULT_WINDOW at most 64 MiB for one peer, 128 MiB in all. */
export const MAX_STREAMS_PER_PEER = 128
export const MAX_STREAMS = 256

/** Offers of one peer: each costs a step of the main session, on disk. */
export const OFFER_RATE = { burst: 256, perSecond: 16 } as const

/** A stream that has not said START after this long is reset. Milliseconds. */
export const START_TIMEOUT = 10_000
/** How long a person has to consent. Milliseconds. */
export const DECISION_TIMEOUT = 60_000
/** How long a writer waits for the answer: the decision, and the way there and back. Milliseconds. */
export const ANSWER_TIMEOUT = DECISION_TIMEOUT + START_TIMEOUT
/** How long end() waits to be told that all has arrived. Milliseconds. */
export const END_TIMEOUT = 30_000
/** How long the last word of an aborted stream may take. Milliseconds. */
export const LAST_WORD_TIMEOUT = 2_000

/** Frames that failed to open before a stream is given up: whoever is at the other end has no reason to send one. */
export const MAX_FORGED = 16
/** Longest reason of an abort that is passed on, in characters. */
export const MAX_REASON_LENGTH = 200
