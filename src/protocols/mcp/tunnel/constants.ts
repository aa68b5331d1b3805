import type { Rate } from '../../limits/index.ts'

export const MCP_PROTOCOL = '/talos/mcp/1.0.0'

/** Frame types of the tunnel (pb/tunnel.proto). */
export const FRAME = { open: 1, accept: 2, refuse: 3, data: 4 } as const

/** Why a host refuses to open a tunnel (pb/tunnel.proto). */
export const REFUSAL = {
  notAuthorised: 1,
  noSession: 2,
  unknownService: 3,
  unknownTunnel: 4,
  busy: 5,
  unsupported: 6,
  notNow: 7
} as const

export const TUNNEL_ID_LENGTH = 16
/** What the host adds to that for the records of both sides. */
export const HOST_ID_LENGTH = 8
export const SECRET_LENGTH = 32

/** Longest JSON-RPC message by default: what the official SDKs accept. Bytes. */
export const DEFAULT_MAX_LINE = 10 * 1024 * 1024

/** The least that a side may accept as its longest line: errors must fit. Bytes. */
export const LEAST_MAX_LINE = 1024

/**
 * Longest frame that a side with this limit for lines accepts, in bytes: its longest line, or a batch of small ones, of
 * which each costs some bytes more.
 */
export function maxFrameLength(maxLine: number): number {
  return Math.max(maxLine, 2 * BATCH_LENGTH) + FRAME_OVERHEAD
}

/** Longest frame of a handshake: an OPEN with a long name and the largest session message has a tenth of it. Bytes. */
export const HANDSHAKE_FRAME_LENGTH = 64 * 1024

/** What frames add to the longest line: protobuf tags, ratchet header, salt, commitment and tag. Bytes, rounded up. */
const FRAME_OVERHEAD = 1024

/** A batch of lines is sent when it has reached this length, so that one message does not hold up the next. Bytes. */
export const BATCH_LENGTH = 256 * 1024

/**
 * Lines sent and not yet taken by the other side's application, in bytes. One line is always allowed, whatever its length.
 * It bounds both what the sender keeps for a broken link and what the receiver must hold.
 */
export const WINDOW = 4 * 1024 * 1024

/** What each line counts in a window besides its bytes, so that many short lines are bounded, too. Bytes. */
export const LINE_COST = 64

/** Nothing received for this long: ask for a sign of life. Milliseconds. */
export const PING_AFTER = 2_000

/** Nothing received for this long although asked: the link is broken. A host busy for 7 s is seen in practice. Milliseconds. */
export const SILENT_AFTER = 9_000

/** An acknowledgement waits this long for a message to travel with. Milliseconds. */
export const ACK_DELAY = 100

/** How long end() waits for its last message to be taken; it goes on in the background until LINGER. Milliseconds. */
export const END_WAIT = 1_000

/** How long what was sent before the end of a tunnel may take to a slow reader before the stream is reset. Milliseconds. */
export const LINGER = 30_000

/** How long each side keeps a tunnel whose link fell silent. Milliseconds. */
export const DEFAULT_GRACE = 30_000

/**
 * How long each side keeps a tunnel whose connection was closed by the other side's system, which is what the death of a
 * process looks like. A link that was merely reset is dialled again well within it. Milliseconds.
 */
export const CLOSED_GRACE = 3_000

/** The longest grace time of a host that is believed. Milliseconds. */
export const MAX_GRACE = 3_600_000

/** A stream that has not said OPEN, or not got its ACCEPT, after this long is reset. Milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000

/**
 * Streams that one peer may open: each costs an OPEN of the main session and its storage, and a session an MCP server's start
 * besides. 60 sessions at once and two a second after that, or 600 streams that take up a tunnel, and 20 a second.
 */
export const OPEN_RATE: Rate = { burst: 600, perSecond: 20 }
export const OPEN_COST = 1
export const SESSION_COST = 10
