/**
 * `/talos/message/1.0.0`: messages between agents that are never lost. What is sent is on disk before send() resolves, and
 * goes to the peer, or to its mailbox, until the peer has acknowledged that it is on its disk; the peer's application sees it
 * once, in the order of sending. Wire form: docs/spec/message.md.
 *
 * @example
 * const node = await createNode({ …, services: { sessions: …, messaging: messaging({ identity, store, crypto, connect }) } })
 * const { id } = await node.services.messaging.send(peer, content)
 * await node.services.messaging.waitFor(id, 'delivered', AbortSignal.timeout(30_000))
 */
import type { Connection, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { CryptoProvider } from '../../crypto/index.ts'
import type { MailboxRoute } from '../mailbox/index.ts'
import type { Recorder, SessionStore } from '../sessions/index.ts'
import type { EnvelopeSigner } from './envelope.ts'
import type { MessagingLimits } from './limits.ts'
import { type MessagingComponents, MessagingService } from './messaging.ts'
import type { Forgotten, HistoryLimits } from './retention.ts'

export { HASH, messageOf, operationOf } from './audit.ts'
export type { MessagingLimits } from './limits.ts'
export type { MessagingComponents } from './messaging.ts'
export type { Forgotten, HistoryLimits } from './retention.ts'

/**
 * `queued`: on our disk. `stored`: a mailbox holds it as well; `queued` again, should its time there run out. `delivered`: on the peer's disk. `read`: the peer's application
 * has taken it. `failed`: it will not be delivered, `reason` says why.
 */
export type MessageState = 'queued' | 'stored' | 'delivered' | 'read' | 'failed'

/** Times are milliseconds since the epoch. */
export interface OutgoingMessage {
  /** UUIDv7, the same on both sides. */
  id: string
  /** PeerId of the recipient. */
  peer: string
  state: MessageState
  contentType: string
  content: Uint8Array
  queuedAt: number
  expiresAt: number
  /** When it came into its state. */
  stateAt: number
  /** Why it failed, or what it waits for. */
  reason?: { code: string; message: string }
}

export interface IncomingMessage {
  id: string
  /** PeerId of the sender. */
  peer: string
  contentType: string
  content: Uint8Array
  /** By the sender's clock. */
  sentAt: number
  receivedAt: number
  /** take() was called for it. */
  read: boolean
}

export interface InboxQuery {
  peer?: string
  /** The place of the last one of the page before. */
  after?: string
  /** False for the place of a message that is passed over unread. @default all are wanted */
  isWanted?(place: string): boolean
  /** @default 100 */
  limit?: number
}

/** A message and where it is in the inbox. What comes later has a greater place. */
export interface InboxEntry extends IncomingMessage {
  place: string
}

export type HistoryEntry = ({ direction: 'out' } & OutgoingMessage) | ({ direction: 'in' } & IncomingMessage)

export interface SendOptions {
  /** At most 255 bytes. @default text/plain; charset=utf-8 */
  contentType?: string
  /** How long it is tried, milliseconds, at most 14 days. @default 7 days */
  expiresIn?: number
  /** Nothing is queued when it is aborted before the message is being written to disk; later it has no effect. */
  signal?: AbortSignal
}

export interface MessagingEvents {
  /** A message is next in order for the application; inbox() has those of before. */
  message: CustomEvent<IncomingMessage>
  /** An outgoing message has come into another state, or waits for another reason. */
  state: CustomEvent<OutgoingMessage>
}

/** Envelopes that were not taken. */
export interface MessageCounts {
  /** Signed by their sender, and not to be decrypted here. */
  unreadableHere: number
  /** Ours that a peer could not decrypt. */
  unreadableThere: number
  /** Malformed, not signed by whom they name, or not for us. */
  forged: number
}

export interface MessagingInit {
  /** What our envelopes are signed with. */
  identity: EnvelopeSigner
  store: SessionStore
  crypto: CryptoProvider
  /** An open connection to the peer, or a new one. Throws NETWORK_*. */
  connect(peer: PeerId, signal: AbortSignal): Promise<Connection>
  /**
   * Whose messages are taken: of others, who are told MESSAGE_NOT_ACCEPTED, nothing is kept. Known is whom we have written to ourselves, and who
   * isKnown(). @default 'anyone'
   */
  acceptFrom?: 'anyone' | 'known'
  /** Part of the inbox is kept for those who are known. Asked only when it matters. @default everybody is */
  isKnown?(peer: PeerId): boolean | Promise<boolean>
  /** The way for when a peer cannot be reached. @default none: messages wait here until the peer is reached */
  mailbox?: MailboxRoute
  /** Records what happened in the transaction in which it happens. @default nothing is recorded */
  record?: Recorder
  limits?: Partial<MessagingLimits>
  /** How much is kept of what is done: looked after when it starts, and every hour. @default everything */
  history?: HistoryLimits
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface Messaging extends TypedEventTarget<MessagingEvents> {
  /**
   * Resolves when the message is on disk, as `queued`. Throws MESSAGE_TOO_LARGE (more than 1 MiB), MESSAGE_OUTBOX_FULL,
   * MESSAGE_INVALID, STORAGE_*.
   */
  send(peer: PeerId, content: Uint8Array, options?: SendOptions): Promise<OutgoingMessage>
  /** Resolves when an outgoing message has come at least that far, or has failed. Throws MESSAGE_UNKNOWN, the signal's reason. */
  waitFor(id: string, state: 'stored' | 'delivered' | 'read', signal: AbortSignal): Promise<OutgoingMessage>
  get(id: string): Promise<OutgoingMessage | IncomingMessage | undefined>
  /** From the latest back, in the order in which they were queued or came; `before` is an id, `since` a time. @default limit 100 */
  history(query?: { peer?: string; since?: number; before?: string; limit?: number }): Promise<HistoryEntry[]>
  /** What was not taken yet, the oldest first. */
  inbox(query?: InboxQuery): Promise<InboxEntry[]>
  /** The application has it: it leaves the inbox, and the sender is told `read`. Throws MESSAGE_UNKNOWN, STORAGE_*. */
  take(id: string): Promise<void>
  /**
   * An envelope that came another way (a mailbox). True when nothing is lost by forgetting it: it is on disk, or known, or no
   * message to us at all. False when there is no room for it now, or its sender's changed key awaits acceptance.
   */
  receive(envelope: Uint8Array): Promise<boolean>
  /** Tries now what waits for that peer, or for any: the way or the user's consent is there again. */
  retry(peer?: PeerId): void
  /** Messages that are not delivered or failed yet, and messages that no application has taken yet. */
  readonly usage: { outbox: number; inbox: number }
  /** Since the start. */
  readonly counts: MessageCounts
  /** Forgets what passed between us and a peer, but for what is not read, or not delivered. Throws the signal's reason. */
  forget(peer: string, signal: AbortSignal): Promise<Forgotten>
}

export function messaging(init: MessagingInit): (components: MessagingComponents) => Messaging {
  return components => new MessagingService(components, init)
}
