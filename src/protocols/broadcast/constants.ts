/** The label under which a broadcast is signed (docs/spec/broadcast.md). */
export const BROADCAST_LABEL = 'talos/broadcast/v1'

/** Longest content of a broadcast. Bytes. Larger things are announced here and fetched from their sender. */
export const MAX_CONTENT_LENGTH = 64 * 1024
/** Longest content type: an Internet media type with its parameters. Bytes, ASCII. */
export const MAX_CONTENT_TYPE_LENGTH = 127
/** Longest envelope: the longest content, and the fields and tags around it. Bytes. */
export const MAX_ENVELOPE_LENGTH = MAX_CONTENT_LENGTH + 512

/** How far a sender's clock may differ from ours, and how long a broadcast may be under way. Milliseconds, either way. */
export const TIME_WINDOW = 5 * 60_000
/** Broadcasts remembered, so that none is delivered twice. Above it the window closes from its old end. About 10 MB. */
export const MAX_REMEMBERED = 65_536

/** What a broadcast costs its sender: one, and one more for each so many bytes of its envelope. */
export const COST_LENGTH = 4 * 1024
/** A sender's bucket: 60 short ones at once or 3 of full length, then 5 a second or one of full length in 4 s. */
export const SENDER_RATE = { burst: 60, perSecond: 5 } as const

/**
 * Bytes of broadcasts that a node takes in all. gossipsub keeps them for 5 s and sends them again in one piece when asked:
 * burst and 5 s of refill stay below MAX_RPC_LENGTH.
 */
export const TOTAL_RATE = { burst: 4 * 1024 * 1024, perSecond: 512 * 1024 } as const

/** Longest gossipsub RPC. One above it would silently end the peer's stream for the life of the connection. Bytes. */
export const MAX_RPC_LENGTH = 8 * 1024 * 1024
/** What waits for a peer that does not read, before its stream is given up. libp2p's own default has no bound. Bytes. */
export const MAX_OUTBOUND_LENGTH = 8 * 1024 * 1024

/** Broadcasts that no honest node would have forwarded, as a peer's budget: each costs FAULT_COST of 100, which return in 1,000 s. */
export const FAULT_RATE = { burst: 100, perSecond: 0.1 } as const
/** One is enough to leave the mesh (below 0), the ninth to be ignored (below -80). */
export const FAULT_COST = 10

/** Topics that an agent listens to. A forwarder takes as many from one peer. */
export const MAX_OWN_TOPICS = 32

/** How long publish() looks for a peer that listens: streams of a connection just made take some round trips. Milliseconds. */
export const PEERS_WAIT = 5_000
/** How often it looks. Milliseconds. */
export const PEERS_RETRY = 50
