import * as z from 'zod/mini'
import type { FileOffer, Transfer } from '../../protocols/files/index.ts'
import type { Forgotten, IncomingMessage, MessageState, OutgoingMessage } from '../../protocols/messaging/index.ts'
import type { ChangedKey } from '../../protocols/sessions/index.ts'
import type { RecordedMessage } from '../audit/history.ts'
import type { NodeStatus } from '../directory/types.ts'
import type { RegistrationEvent } from '../mcp/registration-news.ts'
import type { WitnessReport } from '../witness/types.ts'
import { AUDIT_METHODS, type AuditResults } from './audit-methods.ts'
import { CHAIN_METHODS, type ChainResults } from './chain-methods.ts'
import { LIGHT_METHODS, type LightResults } from './light-methods.ts'

/** Counts up when a client of before could not work with a node of after (docs/spec/control.md). */
export const CONTROL_PROTOCOL = 1

export const HELLO = z.object({ token: z.string() })

const ROLES = ['client', 'agent', 'daemon'] as const

/**
 * A `client` dials only, and ends with its command; an `agent` listens and is registered as long as its command runs; a `daemon`
 * does so for good. A node of a later role takes the place of one of an earlier role.
 */
export type NodeRole = (typeof ROLES)[number]

export const isAbove = (one: NodeRole, other: NodeRole): boolean => ROLES.indexOf(one) > ROLES.indexOf(other)

/** What a node says of itself to a command that attaches. */
export interface NodeGreeting {
  version: string
  pid: number
  peerId: string
  name: string
  role: NodeRole
  /** Milliseconds since the epoch. */
  startedAt: number
}

const peer = z.string().check(z.minLength(1), z.maxLength(256))
const id = z.string().check(z.minLength(1), z.maxLength(64))
const bytes = z.custom<Uint8Array>(value => value instanceof Uint8Array, 'expected bytes')
const topic = z.string().check(z.minLength(1), z.maxLength(256))
const limit = z.optional(z.int().check(z.minimum(1), z.maximum(1000)))
const time = z.optional(z.int().check(z.nonnegative()))

/** Every request that a node answers, and what its parameters are. */
export const METHODS = {
  /** The node, its connections, servers, peers and sessions. */
  status: z.object({}),
  /** Puts a message into the outbox. */
  send: z.object({
    peer,
    content: bytes,
    contentType: z.optional(z.string()),
    /** Milliseconds. */
    expiresIn: z.optional(z.int().check(z.positive()))
  }),
  /** Waits until a message of ours has come this far, or has failed. */
  waitFor: z.object({ id, state: z.enum(['stored', 'delivered', 'read']) }),
  /** A message of ours, as far as it has come. */
  outgoing: z.object({ id }),
  /** Messages of both directions, newest first. */
  history: z.object({ peer: z.optional(peer), since: time, before: z.optional(z.string()), limit }),
  /** Forgets the messages of both directions with a peer, but for what is not taken, or not delivered. */
  forgetHistory: z.object({ peer }),
  /** Received messages that no application has taken, in order. */
  inbox: z.object({ peer: z.optional(peer), limit }),
  /** As inbox, of those that no reader has: they are this reader's until it takes them or leaves. A client may have several readers. */
  receive: z.object({ peer: z.optional(peer), limit, reader: z.optional(id) }),
  /** Others may have what the reader has not taken. */
  leaveInbox: z.object({ reader: id }),
  /** The application has the message: it leaves the inbox, and its sender is told. */
  take: z.object({ id }),
  /** Begins to send a file or directory of this machine; `path` is absolute. */
  sendFile: z.object({ peer, path: z.string().check(z.minLength(1), z.maxLength(4096)) }),
  /** Waits for the end of a transfer. */
  transferDone: z.object({ id }),
  /** The offers that wait for an answer, and the transfers. */
  files: z.object({}),
  /** Takes or refuses an offer. */
  answerOffer: z.object({ id, accept: z.boolean() }),
  cancelTransfer: z.object({ id }),
  /** Says something to everybody who listens to a topic: signed, and not encrypted. */
  broadcast: z.object({ topic, content: bytes, contentType: z.optional(z.string()) }),
  /** Listens to a topic until the client has left it as often, or goes: its broadcasts are events. */
  topicJoin: z.object({ topic }),
  topicLeave: z.object({ topic }),
  /** How far witnesses have seen the audit chain; with `ask` after each was asked what it remembers. */
  witnesses: z.object({ ask: z.optional(z.boolean()) }),
  /** Has the audit chain witnessed as it is now; with `anchor` the signatures are recorded in it. */
  submitToWitnesses: z.object({ anchor: z.optional(z.boolean()) }),
  /** Agrees on keys with a peer that can be reached, unless that was done. */
  establishSession: z.object({ peer }),
  /** Asks a peer that can be reached for the keys that begin a session, and checks them. */
  prekeyBundle: z.object({ peer }),
  /** The agreement key that is pinned for a peer, and the one that it has offered instead. */
  changedKey: z.object({ peer }),
  /** Pins the key that was offered. */
  acceptKey: z.object({ peer, offered: bytes }),
  ...AUDIT_METHODS,
  ...CHAIN_METHODS,
  ...LIGHT_METHODS,
  /** Reads the address book, the servers and the configuration again. */
  refresh: z.object({}),
  /** Ends the node. */
  stop: z.object({}),
  /** Ends the node, unless its role is as good as that of the process that wants to take its place. */
  handOver: z.object({ to: z.enum(ROLES) })
}

export type MethodName = keyof typeof METHODS

/** What must not be asked for again when the node has ended before it answered: it may have been done. */
export const ONCE: ReadonlySet<MethodName> = new Set([
  'send',
  'sendFile',
  'broadcast',
  // another node knows nothing of it
  'topicLeave',
  'leaveInbox'
])

export interface BroadcastReport {
  /** UUIDv7. */
  id: string
  /** How many peers it was handed to, at least one; who else gets it is not known. */
  peers: number
}

export interface EstablishedSession {
  peerId: string
  /** False when there was one. */
  isNew: boolean
  /** False for a connection through a relay. */
  direct: boolean
}

/** A peer's prekey bundle, verified: its signature is by the peer's key. */
export interface PrekeyBundleReport {
  peerId: string
  /** X25519, 32 bytes. */
  agreementKey: Uint8Array
  signedPrekeyId: number
  /** Of the ML-KEM-768 key: a one-time one, else the last-resort one. */
  kemPrekeyId: number
  /** It holds one-time keys, which no other requester is given. */
  oneTime: boolean
  /** Milliseconds since the epoch. */
  expiresAt: number
}

interface Results extends AuditResults, ChainResults, LightResults {
  status: NodeStatus
  send: OutgoingMessage
  waitFor: OutgoingMessage
  outgoing: OutgoingMessage
  history: RecordedMessage[]
  forgetHistory: Forgotten
  inbox: IncomingMessage[]
  receive: IncomingMessage[]
  leaveInbox: null
  take: null
  sendFile: Transfer
  transferDone: Transfer
  files: { offers: FileOffer[]; transfers: Transfer[] }
  answerOffer: null
  cancelTransfer: Transfer
  broadcast: BroadcastReport
  /** The topic's name as its broadcasts have it: in lower case. */
  topicJoin: { topic: string }
  topicLeave: null
  witnesses: WitnessReport
  submitToWitnesses: WitnessReport
  establishSession: EstablishedSession
  prekeyBundle: PrekeyBundleReport
  changedKey: ChangedKey
  acceptKey: null
  refresh: null
  stop: null
  handOver: null
}

/** What happens at a node. A hint to look: events are dropped when nobody reads them, what they tell of is in the store. */
export type NodeEvent =
  | { type: 'message'; id: string; peer: string }
  | { type: 'message-state'; id: string; peer: string; state: MessageState }
  | { type: 'file-offer'; offer: FileOffer }
  | { type: 'file-answered'; id: string }
  | { type: 'transfer'; transfer: Transfer }
  /** On a topic that some client listens to; it is in no store. */
  | {
      type: 'broadcast'
      topic: string
      id: string
      peer: string
      contentType: string
      content: Uint8Array
      sentAt: number
    }
  /** How far a check of the chain is: blocks done, of how many. */
  | { type: 'audit-progress'; id: string; done: number; of: number }
  | RegistrationEvent
  /** Something is wrong with a witness of the audit chain that was not before. */
  | { type: 'witness-trouble'; witness: string; code: string; message: string }
  /** Records get no block for now, or something was not recorded. */
  | { type: 'audit-trouble'; code: string; message: string }
  /** Told by the client side: the node is in another process from now on, and what it holds is to be asked for again. */
  | { type: 'node-changed' }

export interface CallContext {
  signal?: AbortSignal
  /** Who asks: what its readers hold of the inbox is free when it is released, and the topics it joined are left. */
  client?: symbol
}

/** The running node, in this process or through its control socket: the same calls, the same errors. */
export type NodeApi = {
  [Name in MethodName]: (params: z.input<(typeof METHODS)[Name]>, context?: CallContext) => Promise<Results[Name]>
} & {
  /** Returns the function that ends it. */
  onEvent(listener: (event: NodeEvent) => void): () => void
  /** The client is gone: others may receive what it has not taken, and nobody listens for it. */
  release(client: symbol): void
}
