/** What a node can hold. Every value is configuration (config.yaml, `limits`); these are the defaults and their reasons. */
export interface NetworkLimits {
  /** Open connections; above this the least valuable are closed. */
  maxConnections: number
  /** New connections per second from one address. libp2p's default of 5 refuses a fleet behind one NAT. */
  inboundConnectionThreshold: number
  /** Connections that are still shaking hands. */
  maxIncomingPendingConnections: number
  /** Reservations that a relay holds. */
  maxReservations: number
}

/** What a bootstrap server holds besides. */
export interface ServerLimits extends NetworkLimits {
  /** Connections from one network address: its share, so that one does not take all. */
  maxConnectionsPerAddress: number
  /** Registrations that its registry keeps. */
  maxRegistrations: number
  /** Recipients that its mailbox keeps boxes for. */
  maxMailboxes: number
  /** Bytes that its mailbox keeps, in all. */
  maxMailboxBytes: number
  /** The same for one recipient, and how many boxes. */
  maxMailboxBytesPerPeer: number
  maxMailboxItemsPerPeer: number
}

export const AGENT_LIMITS: NetworkLimits = {
  maxConnections: 100,
  inboundConnectionThreshold: 20,
  maxIncomingPendingConnections: 20,
  maxReservations: 0
}

export const SERVER_LIMITS: ServerLimits = {
  maxConnections: 1_000,
  inboundConnectionThreshold: 100,
  maxIncomingPendingConnections: 100,
  maxReservations: 1_000,
  maxConnectionsPerAddress: 250,
  maxRegistrations: 10_000,
  maxMailboxes: 10_000,
  maxMailboxBytes: 2 * 1024 * 1024 * 1024,
  maxMailboxBytesPerPeer: 128 * 1024 * 1024,
  maxMailboxItemsPerPeer: 20_000
}

/**
 * The largest receive window of a yamux stream, in bytes: about 40 MB/s over 100 ms, and less than what FrameStream lets a
 * paused stream buffer (libp2p's own 16 MiB is not, and pausing would then abort the stream).
 */
export const MAX_STREAM_WINDOW = 4 * 1024 * 1024
