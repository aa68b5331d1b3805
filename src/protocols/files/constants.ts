import type { Rate } from '../limits/index.ts'

export const FILE_PROTOCOL = '/talos/file/1.0.0'

/** Frame types (pb/file.proto). */
export const FRAME = { offer: 1, answer: 2, refuse: 3, message: 4, last: 5, wait: 6 } as const

/** Why a receiver turns an offer away before it has read it (pb/file.proto, FileRefuse). */
export const REFUSAL = { noSession: 1, busy: 2, unsupported: 3 } as const

/** What a receiver says to an offer that it has read (pb/file.proto, FileAnswer). */
export const ANSWER = {
  accepted: 0,
  done: 1,
  declined: 2,
  tooLarge: 3,
  noSpace: 4,
  quota: 5,
  cancelled: 6,
  failed: 7,
  folder: 8
} as const

export const TRANSFER_ID_LENGTH = 16
export const SECRET_LENGTH = 32

/** Bytes of the largest plaintext of a noise message, and of the header that yamux puts before a frame. */
const NOISE_PLAINTEXT = 65_535 - 16
const YAMUX_HEADER = 12

/** A full chunk is sent as so many noise messages, none of them half empty. More would only hold other streams up for longer. */
const NOISE_MESSAGES = 4

/** Bytes of a frame that carry no content: its length, the tags and length of FileFrame, the kind of message, the AEAD's tag. */
export const FRAME_OVERHEAD = 3 + 3 + 3 + 1 + 16

/** Content of a chunk: 262,038 bytes. The last of a file may be shorter. It is a leaf of the Merkle tree, so it is part of the protocol. */
export const CHUNK_LENGTH = NOISE_MESSAGES * NOISE_PLAINTEXT - YAMUX_HEADER - FRAME_OVERHEAD

/** Longest frame. Bytes. */
export const MAX_FRAME_LENGTH = CHUNK_LENGTH + FRAME_OVERHEAD

/** Longest OFFER and ANSWER, sealed: a name and a reason, and what a handshake adds. Bytes. */
export const MAX_OFFER_LENGTH = 8 * 1024

/** Longest name in an offer, and longest path of an entry: PATH_MAX of Linux. Bytes of UTF-8. */
export const MAX_NAME_LENGTH = 1024
export const MAX_PATH_LENGTH = 4096

/** Deepest path of an entry: more than anybody has, and little enough for any file system. */
export const MAX_DEPTH = 100

/** Frames that wait between the stream and the worker that seals or opens them. */
export const FRAMES_IN_FLIGHT = 8

/** A receiver that decides or hashes says WAIT or PROGRESS so often, and a sender that hashes PING. Milliseconds. */
export const SIGN_OF_LIFE = 5_000

/** Nothing heard for so long: the link is broken. Milliseconds. */
export const SILENT_AFTER = 30_000

/** Progress is told at most so often. Milliseconds. */
export const PROGRESS_INTERVAL = 200

/** A stream whose OFFER has not come after this long is reset. Milliseconds. */
export const OFFER_TIMEOUT = 10_000

/** Offers of one peer that wait for a decision, and in all. */
export const MAX_UNDECIDED_PER_PEER = 8
export const MAX_UNDECIDED = 64

/** Transfers of one peer that are received at once, and in all: each has a thread. */
export const MAX_ACTIVE_PER_PEER = 4
export const MAX_ACTIVE = 8

/** New offers that one peer may make. */
export const OFFER_RATE: Rate = { burst: 30, perSecond: 0.1 }

/** Unfinished incoming transfers that are kept for one peer. */
export const MAX_UNFINISHED_PER_PEER = 100

/** What is left free on the disk of the download folder, whatever is accepted. Bytes. */
export const SPARE_SPACE = 64 * 1024 * 1024

/** What an entry counts against quota and free space besides its content: its inode and its name. Bytes. */
export const ENTRY_COST = 4096

/** An outgoing transfer that reached nobody, and an incoming one that nobody goes on with, are kept so long. Milliseconds. */
export const DEFAULT_EXPIRY = 14 * 24 * 3_600_000

/** Transfers that are over and still listed. */
export const MAX_FINISHED = 1_000

/** Waits between attempts to send. Milliseconds; the last one repeats. A peer that connects ends the wait. */
export const RETRY_AFTER = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const
