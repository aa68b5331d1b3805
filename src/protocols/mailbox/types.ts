import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CryptoProvider } from '../../crypto/index.ts'
import type { TalosError } from '../../errors.ts'
import type { Sessions } from '../sessions/index.ts'

/** A node that offers a mailbox, and where it is. */
export interface MailboxAddress {
  readonly peerId: PeerId
  readonly addresses: readonly Multiaddr[]
}

export interface Deposited {
  /** Mailboxes that have it on disk, one at least. */
  copies: number
  /** Until when the last of them keeps it. Milliseconds since the epoch. */
  until: number
}

/** How envelopes reach a peer that is away. */
export interface MailboxRoute {
  /**
   * Seals the envelope (1,114,112 bytes at most) and leaves it at all mailboxes of the peer. Resolves when one at least has
   * it on disk. A mailbox forgets it at `expiresAt` (milliseconds since the epoch,
   * rounded up to the hour) or after 7 days, whichever is first.
   *
   * Throws MAILBOX_NONE, MAILBOX_UNREACHABLE, MAILBOX_UNSUPPORTED, MAILBOX_UNKNOWN_RECIPIENT, MAILBOX_RECIPIENT_AWAY,
   * MAILBOX_FULL, MAILBOX_TOO_LARGE, MAILBOX_EXPIRED, MAILBOX_RATE_LIMITED, MAILBOX_REFUSED, MAILBOX_FAILED,
   * MAILBOX_ANSWER_INVALID, what lookUp() throws, and the reason of the signal.
   */
  deposit(peer: PeerId, envelope: Uint8Array, expiresAt: number, signal: AbortSignal): Promise<Deposited>
  /**
   * The newest prekey bundle that the peer has left at its mailboxes, verified; undefined when none has one that is valid.
   * Throws MAILBOX_NONE, MAILBOX_UNREACHABLE, what lookUp() throws, and the reason of the signal.
   */
  bundle(peer: PeerId, signal: AbortSignal): Promise<Uint8Array | undefined>
}

/** Connections of an identity that nobody knows, and that nobody sees again. */
export interface Depositor {
  /** Throws when the mailbox cannot be reached. */
  connect(mailbox: MailboxAddress, signal: AbortSignal): Promise<Connection>
  /** Closes the connections and forgets the identity. */
  close(): Promise<void>
}

export interface MailboxClientInit {
  sessions: Pick<Sessions, 'openBoxes' | 'publicBundle'>
  crypto: CryptoProvider
  /** A connection of this node itself to one of its own mailboxes. */
  connect(mailbox: MailboxAddress, signal: AbortSignal): Promise<Connection>
  /** A new throw-away identity; it says nothing of this node, and listens nowhere. */
  depositor(): Promise<Depositor>
  /** This node's own mailboxes; see refresh(). */
  mailboxes(): readonly MailboxAddress[]
  /** Where the mailboxes of a peer are; none when it names none. */
  lookUp(peer: PeerId, signal: AbortSignal): Promise<readonly MailboxAddress[]>
  /**
   * An envelope that somebody has left for us; who says so is the envelope's business. True when the mailbox may forget it.
   * When it is false, or throws, it comes again. The same one may come more than once.
   */
  onEnvelope(envelope: Uint8Array): Promise<boolean>
  /** Called whenever the state at one of the own mailboxes changes. */
  onState?: (state: MailboxState) => void
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

/** What is known of one of the own mailboxes. */
export interface MailboxState {
  readonly mailbox: MailboxAddress
  /** It tells us of news at this moment. */
  readonly isOpen: boolean
  /** It has taken our prekey bundle since this node was started: others may be told of it. */
  readonly isOurs: boolean
  /** Why it is not open. */
  readonly error?: TalosError
}

export interface MailboxCounts {
  /** Envelopes that were handed on and may be forgotten. */
  received: number
  /** Boxes that will never open, and were removed. */
  poisoned: number
}

export interface MailboxClient extends MailboxRoute {
  /** The state at each own mailbox. */
  states(): MailboxState[]
  readonly counts: Readonly<MailboxCounts>
  /** Looks at mailboxes() again: begins to collect at new ones, and ends at those that are gone. */
  refresh(): void
}
