import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { peerIdFromString } from '@libp2p/peer-id'
import { TypedEventEmitter } from 'main-event'
import { peerIdOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import type { Sessions } from '../sessions/index.ts'
import { Channel, stopping } from './channel.ts'
import {
  DEFAULT_CONTENT_TYPE,
  DEFAULT_EXPIRY,
  MAX_CONTENT,
  MAX_CONTENT_TYPE,
  MAX_EXPIRY,
  MESSAGE_PROTOCOL,
  REFUSAL
} from './constants.ts'
import type { Context } from './context.ts'
import { EnvelopeError, openEnvelope } from './envelope.ts'
import { History } from './history.ts'
import type {
  HistoryEntry,
  InboxEntry,
  InboxQuery,
  IncomingMessage,
  MessageCounts,
  Messaging,
  MessagingEvents,
  MessagingInit,
  OutgoingMessage,
  SendOptions
} from './index.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { Link } from './link.ts'
import { PeerRecord } from './pb/records.ts'
import { PEERS, stageOf } from './records.ts'
import { type Forgotten, Retention } from './retention.ts'
import { UuidSource } from './uuid.ts'

export interface MessagingComponents {
  registrar: Registrar
  logger: ComponentLogger
  /** The service of that name. */
  sessions: Sessions
}

/** Between two looks at how much of the history is kept. Milliseconds. */
const TRIM_INTERVAL = 3_600_000

/** Streams of one connection; two sides that open at once have two. */
const MAX_STREAMS = 4

type Waiter = (message: OutgoingMessage) => void

export class MessagingService extends TypedEventEmitter<MessagingEvents> implements Messaging, Startable {
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #context: Context
  readonly #history: History
  readonly #retention: Retention
  readonly #isTrimmed: boolean
  readonly #channels = new Map<string, Channel>()
  /** Of peers without a channel. */
  readonly #records = new Map<string, Uint8Array>()
  readonly #waiters = new Map<string, Set<Waiter>>()
  #topology: string | undefined
  #started = false
  #over = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #trimming: Promise<unknown> | undefined

  constructor(components: MessagingComponents, init: MessagingInit) {
    super()
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('talos:messaging')
    const { identity, store, crypto, mailbox } = init
    const now = init.now ?? Date.now
    this.#context = {
      identity,
      sessions: components.sessions,
      store,
      crypto,
      mailbox,
      limits: { ...DEFAULT_LIMITS, ...init.limits },
      total: { outCount: 0, outBytes: 0, inCount: 0, inBytes: 0 },
      uuids: new UuidSource(now, length => crypto.randomBytes(length)),
      log: this.#log,
      connect: (peer, signal) => init.connect(peer, signal),
      acceptFrom: init.acceptFrom ?? 'anyone',
      isKnown: peer => init.isKnown?.(peer) ?? true,
      counts: { unreadableHere: 0, unreadableThere: 0, forged: 0 },
      now,
      isWatched: id => this.#waiters.has(id) || this.listenerCount('state') > 0,
      onState: message => this.#onState(message),
      onMessage: message => void this.safeDispatchEvent('message', { detail: message }),
      record: init.record ?? (async () => {}),
      onRoom: () => {
        for (const channel of this.#channels.values()) channel.tellRoom()
      },
      onIdle: peer => this.#forget(peer)
    }
    this.#history = new History(store)
    this.#isTrimmed = init.history !== undefined
    this.#retention = new Retention(store, init.history ?? { maxAge: 0, maxBytes: 0 }, now)
  }

  get usage(): { outbox: number; inbox: number } {
    const { outCount, inCount } = this.#context.total
    return { outbox: outCount, inbox: inCount }
  }

  get counts(): MessageCounts {
    return { ...this.#context.counts }
  }

  async start(): Promise<void> {
    await this.#load()
    this.#started = true
    await this.#registrar.handle(MESSAGE_PROTOCOL, (stream, connection) => this.#onStream(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      maxOutboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
    this.#topology = await this.#registrar.register(MESSAGE_PROTOCOL, {
      notifyOnLimitedConnection: true,
      onConnect: peer => this.#channels.get(peer.toString())?.wake()
    })
    for (const [peer, record] of this.#records) {
      const { outCount, due, sealed } = PeerRecord.decode(record)
      if (outCount > 0 || due !== undefined || sealed !== undefined) this.#channel(peerIdFromString(peer)).wake()
    }
    if (!this.#isTrimmed) return
    this.#over = new AbortController()
    this.#timer = setInterval(() => this.#trim(), TRIM_INTERVAL).unref()
    this.#trim()
  }

  async stop(): Promise<void> {
    this.#started = false
    clearInterval(this.#timer)
    this.#over.abort(stopping())
    await this.#trimming
    if (this.#topology !== undefined) this.#registrar.unregister(this.#topology)
    await this.#registrar.unhandle(MESSAGE_PROTOCOL)
    await Promise.all([...this.#channels.values()].map(channel => channel.stop()))
    this.#channels.clear()
    this.#records.clear()
  }

  async send(peer: PeerId, content: Uint8Array, options: SendOptions = {}): Promise<OutgoingMessage> {
    const { contentType = DEFAULT_CONTENT_TYPE, expiresIn = DEFAULT_EXPIRY, signal } = options
    signal?.throwIfAborted()
    if (content.length > MAX_CONTENT) {
      throw new TalosError('MESSAGE_TOO_LARGE', `a message of ${content.length} bytes is longer than ${MAX_CONTENT}`, {
        hint: 'Send it as a file.'
      })
    }
    if (Buffer.byteLength(contentType) > MAX_CONTENT_TYPE) throw invalid('its content type is too long')
    if (!(expiresIn > 0) || expiresIn > MAX_EXPIRY) throw invalid('it must expire within 14 days')
    if (Buffer.compare(publicKeyOf(peer), this.#context.identity.publicKey) === 0) throw invalid('it is for ourselves')
    const draft = { content: content.slice(), contentType, expiresIn: Math.ceil(expiresIn) }
    return this.#channel(peer).send(draft, signal)
  }

  async waitFor(id: string, state: 'stored' | 'delivered' | 'read', signal: AbortSignal): Promise<OutgoingMessage> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<OutgoingMessage>()
    const waiter: Waiter = message => {
      if (stageOf(message.state) >= stageOf(state)) resolve(message)
    }
    const waiters = this.#waiters.get(id) ?? new Set()
    this.#waiters.set(id, waiters.add(waiter))
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const message = await this.#history.get(id)
      if (message?.direction !== 'out') throw unknown(id)
      const { direction: _, ...outgoing } = message
      waiter(outgoing)
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      waiters.delete(waiter)
      if (waiters.size === 0) this.#waiters.delete(id)
    }
  }

  async get(id: string): Promise<OutgoingMessage | IncomingMessage | undefined> {
    const message = await this.#history.get(id)
    if (message === undefined) return undefined
    const { direction: _, ...rest } = this.#withReason(message)
    return rest as OutgoingMessage | IncomingMessage
  }

  async history(query: Parameters<Messaging['history']>[0] = {}): Promise<HistoryEntry[]> {
    return (await this.#history.list(query)).map(message => this.#withReason(message))
  }

  inbox(query: InboxQuery = {}): Promise<InboxEntry[]> {
    return this.#history.inbox(query)
  }

  async take(id: string): Promise<void> {
    const found = await this.#history.find(id)
    if (found?.message.incoming !== true) throw unknown(id)
    await this.#channel(peerIdFromString(found.message.peer)).take(found.key)
  }

  async receive(bytes: Uint8Array): Promise<boolean> {
    if (!this.#started) return false
    try {
      const { crypto, identity } = this.#context
      const envelope = openEnvelope(crypto, bytes, identity.publicKey, this.#context.now())
      const peer = peerIdFromString(peerIdOf(envelope.sender))
      const { promise, resolve } = Promise.withResolvers<boolean>()
      this.#channel(peer).receive({ envelope, link: undefined, settle: resolve })
      return await promise
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      if (error.refusal !== REFUSAL.clock) this.#context.counts.forged++
      this.#log('an envelope from a mailbox is refused: %e', error)
      return error.refusal !== REFUSAL.clock
    }
  }

  retry(peer?: PeerId): void {
    if (peer !== undefined) this.#channels.get(peer.toString())?.wake()
    else for (const channel of this.#channels.values()) channel.wake()
  }

  forget(peer: string, signal: AbortSignal): Promise<Forgotten> {
    return this.#retention.forget(peer, signal)
  }

  /** One at a time: a full history takes a while to be measured. */
  #trim(): void {
    this.#trimming ??= this.#retention
      .enforce(this.#over.signal)
      .catch(error => this.#log('the history could not be trimmed: %e', error))
      .finally(() => {
        this.#trimming = undefined
      })
  }

  async #load(): Promise<void> {
    const { store, total } = this.#context
    await store.transact(async transaction => {
      for (const key of await transaction.keys(PEERS)) {
        const bytes = (await transaction.get(key))!
        const record = PeerRecord.decode(bytes)
        this.#records.set(key.slice(PEERS.length), bytes)
        for (const usage of ['outCount', 'outBytes', 'inCount', 'inBytes'] as const) total[usage] += record[usage]
      }
    })
  }

  #channel(peer: PeerId): Channel {
    if (!this.#started) throw stopping()
    const name = peer.toString()
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      const record = this.#records.get(name) ?? new Uint8Array()
      channel = new Channel(this.#context, peer, publicKeyOf(peer), record)
      this.#channels.set(name, channel)
      this.#records.delete(name)
    }
    return channel
  }

  /** Strangers who came and went take no memory. */
  #forget(peer: string): void {
    const channel = this.#channels.get(peer)
    if (channel === undefined || !this.#started) return
    this.#channels.delete(peer)
    if (channel.saved.length > 0) this.#records.set(peer, channel.saved)
    void channel.stop()
  }

  #onStream(stream: Stream, connection: Connection): void {
    if (this.#started && connection.remotePeer.type === 'Ed25519') {
      this.#channel(connection.remotePeer).attach(new Link(connection, stream))
    } else stream.abort(new Error('not a Talos agent, or not a running one'))
  }

  #onState(message: OutgoingMessage): void {
    for (const waiter of this.#waiters.get(message.id) ?? []) waiter(message)
    this.safeDispatchEvent('state', { detail: message })
  }

  #withReason(message: HistoryEntry): HistoryEntry {
    if (message.direction === 'in' || (message.state !== 'queued' && message.state !== 'stored')) return message
    const reason = this.#channels.get(message.peer)?.waiting
    return reason === undefined ? message : { ...message, reason }
  }
}

function publicKeyOf(peer: PeerId): Uint8Array {
  if (peer.type !== 'Ed25519') {
    throw new TalosError('PEER_KEY_TYPE', `${peer.toString()} is not an Ed25519 peer, so it is not a Talos agent`)
  }
  return peer.publicKey.raw
}

function invalid(why: string): TalosError {
  return new TalosError('MESSAGE_INVALID', `the message cannot be sent: ${why}`)
}

function unknown(id: string): TalosError {
  return new TalosError('MESSAGE_UNKNOWN', `there is no such message: ${id}`, {
    hint: '`talos history` shows those there are.'
  })
}
