import type { Connection, Logger, PeerId } from '@libp2p/interface'
import type { CryptoProvider } from '../../crypto/index.ts'
import type { MailboxRoute } from '../mailbox/index.ts'
import type { Recorder, SessionStore, Sessions } from '../sessions/index.ts'
import type { EnvelopeSigner } from './envelope.ts'
import type { IncomingMessage, MessageCounts, OutgoingMessage } from './index.ts'
import type { MessagingLimits, Usage } from './limits.ts'
import type { UuidSource } from './uuid.ts'

/** What the channels of all peers share. */
export interface Context {
  readonly identity: EnvelopeSigner
  readonly sessions: Sessions
  readonly store: SessionStore
  readonly crypto: CryptoProvider
  readonly mailbox: MailboxRoute | undefined
  readonly limits: MessagingLimits
  /** Of all peers. */
  readonly total: Usage
  readonly uuids: UuidSource
  readonly log: Logger
  connect(peer: PeerId, signal: AbortSignal): Promise<Connection>
  readonly acceptFrom: 'anyone' | 'known'
  isKnown(peer: PeerId): boolean | Promise<boolean>
  readonly counts: MessageCounts
  /** Milliseconds since the epoch. */
  now(): number
  /** Somebody wants to know what becomes of an outgoing message. */
  isWatched(id: string): boolean
  onState(message: OutgoingMessage): void
  onMessage(message: IncomingMessage): void
  /** Records what happened in the transaction in which it happens. */
  readonly record: Recorder
  /** The application has taken a message. */
  onRoom(): void
  /** A channel has nothing to do. */
  onIdle(peer: string): void
}
