export const MESSAGE_PROTOCOL = '/talos/message/1.0.0'

/** What the signature of an envelope is for. */
export const ENVELOPE_LABEL = 'talos/envelope/v1'

/** Types of frames (pb/message.proto). */
export const FRAME = { envelopes: 1, refuse: 2, done: 3, room: 4 } as const

/** Types of envelopes (pb/message.proto). 3 to 5 are kept for streams. */
export const TYPE = { text: 1, ack: 2, refusal: 6, skip: 7 } as const

/** Why an envelope is refused (pb/message.proto). */
export const REFUSAL = {
  notAccepted: 1,
  unreadable: 2,
  full: 3,
  clock: 4,
  keyNotAccepted: 5,
  malformed: 6,
  unsupported: 7
} as const

export const EPOCH_LENGTH = 16

/** Longest content of a message; what is longer is a file. Bytes. */
export const MAX_CONTENT = 1024 * 1024
/** Longest content type. Bytes. */
export const MAX_CONTENT_TYPE = 255
export const DEFAULT_CONTENT_TYPE = 'text/plain; charset=utf-8'

/** Content to envelope: handshake (1,270), ratchet header, signature, keys, tags of protobuf. Bytes, rounded up. */
const ENVELOPE_OVERHEAD = 4096
/** Longest envelope that is read. Bytes. */
export const MAX_ENVELOPE = MAX_CONTENT + ENVELOPE_OVERHEAD
/** Envelopes are put together into frames of about this length, so that many small ones cost one write. Bytes. */
export const FRAME_LENGTH = 128 * 1024
/** Longest frame that is read: one more envelope than FRAME_LENGTH, whatever its length. Bytes. */
export const MAX_FRAME = FRAME_LENGTH + MAX_ENVELOPE + 1024
export const MAX_ENVELOPES_IN_FRAME = 1024
/** Ids in one refusal, confirmation or acknowledgement. */
export const MAX_IDS = 1024
/** Ranges of sequences in one acknowledgement. */
export const MAX_RANGES = 2048

const DAY = 24 * 60 * 60 * 1000

/** How long an undelivered message is tried. Milliseconds. */
export const DEFAULT_EXPIRY = 7 * DAY
/** At most; a signed prekey lives for 28 days, and a bundle in a directory may have 14 of them behind it. Milliseconds. */
export const MAX_EXPIRY = 14 * DAY
/** How far a clock may be ahead of ours; as for handshakes. Milliseconds. */
export const MAX_CLOCK_SKEW = DAY
/** An envelope sealed longer ago than this is refused. Milliseconds. */
export const MAX_AGE = MAX_EXPIRY + MAX_CLOCK_SKEW
/** An epoch is remembered for this long after its last message: longer than any envelope of it is accepted. Milliseconds. */
export const EPOCH_LIFETIME = MAX_AGE + 2 * MAX_CLOCK_SKEW
/** Epochs of one peer that are remembered. A new one begins when a peer has lost its disk. */
export const MAX_EPOCHS = 16

/** What one acknowledgement may speak of. */
export const MAX_DELIVERED = { delivered: 2 * MAX_EPOCHS, delivered$: { ranges: MAX_RANGES } }

/** An answer carries an acknowledgement that has no more epochs, and in each no more numbers in its ranges. */
export const MAX_CARRIED = { epochs: 4, ranges: 32 }

/**
 * Messages sealed and not acknowledged, counted from the oldest outstanding. Fewer than the 1,000 keys that a ratchet skips:
 * whatever part of them is lost, the next one opens.
 */
export const WINDOW = 800
/** The same in bytes of content; one message is always allowed. */
export const WINDOW_BYTES = 8 * 1024 * 1024
/** Messages sealed, or envelopes opened, in one transaction, in number and bytes: it holds up the other peers. */
export const STEP_MESSAGES = 64
export const STEP_BYTES = 2 * 1024 * 1024
/** Messages queued in one transaction: more than are sealed, since they cost less. */
export const MAX_SENDS = 512

/**
 * An acknowledgement waits this long for a message to travel with, while the application answers as quickly as that (the way
 * of TCP): a request and its answer then cost two transactions on each side, not four. Milliseconds.
 */
export const ACK_DELAY = 5
/** Messages that are acknowledged without waiting. */
export const ACK_AFTER = 16

/** Bytes waiting to be written to a stream above which no more is read or sealed for it. */
export const WRITE_AHEAD = 1024 * 1024

/** Nothing acknowledged for this long although it was sent: the link is broken. Milliseconds. */
export const ACK_TIMEOUT = 15_000
/** The slowest link that is waited for. Bytes a second. */
export const MIN_RATE = 16 * 1024
/** How long it may take to reach a peer, or a mailbox. Milliseconds. */
export const REACH_TIMEOUT = 30_000
/** Between attempts, doubled each time. Milliseconds. */
export const RETRY_FIRST = 1_000
export const RETRY_LAST = 5 * 60_000

/** What a message counts against a quota besides its content: records and indexes. Bytes. */
export const MESSAGE_COST = 512

/** Envelopes on one stream that are not what an honest sender makes, after which it is reset. */
export const MAX_BAD_ENVELOPES = 32
