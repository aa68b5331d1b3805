import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { CryptoProvider } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { RateLimiter } from '../limits/index.ts'
import {
  abandonSession,
  activeSession,
  beginSession,
  beginsSession,
  createBook,
  decodeBook,
  decodePrekeys,
  encodeBook,
  encodePrekeys,
  issueBundle,
  type LocalIdentity,
  MAX_BUNDLE_SIZE,
  NO_PREKEYS,
  namedSession,
  noSessionNotice,
  offeredAgreementKey,
  openBox,
  openMessage,
  type PrekeyBundle,
  type Prekeys,
  retireBook,
  type SessionBook,
  type SessionEvent,
  sealMessage,
  spendPrekeys,
  verifyBundle,
  verifyNoSessionNotice
} from '../ratchet/index.ts'
import { keyEntry, sessionEntry } from './audit.ts'
import { BUNDLE_RATE, FAILURE_RATE, PREKEY_REFUSAL, PREKEYS_PROTOCOL, RESPONSE_OVERHEAD } from './constants.ts'
import { answerRequest, fetchBundle } from './prekey-exchange.ts'
import { bookKey, offeredKey, PREKEYS_KEY } from './records.ts'
import type { Recorder, SessionStore, Transaction } from './store.ts'

export interface SessionsInit {
  identity: LocalIdentity
  store: SessionStore
  crypto: CryptoProvider
  /** Asked before a peer is given a bundle: nobody else can make us spend prekeys. */
  mayBegin(peer: PeerId): boolean
  /** What happened to a session: for logs. */
  onEvent?: (peer: PeerId, event: SessionEvent) => void
  /** Records what happened in the transaction in which it happens. @default nothing is recorded */
  record?: Recorder
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface SessionsComponents {
  registrar: Registrar
  logger: ComponentLogger
}

/** A message that was opened. */
export interface OpenedMessage {
  plaintext: Uint8Array
  /** The peer has proved that it takes part in the session now. */
  confirmed: boolean
  /**
   * A one-time prekey went into the session. A message whose session is neither confirmed nor of a one-time prekey may be a
   * replay: nothing with an effect runs on it alone.
   */
  oneTime: boolean
}

/** The sessions with one peer during a transaction; see Sessions.within(). */
export interface PeerSession {
  /** As Sessions.sealIn(). */
  seal(plaintext: Uint8Array): Promise<Uint8Array | undefined>
  /** As Sessions.openIn(). */
  open(message: Uint8Array): Promise<OpenedMessage>
  /** As Sessions.beginIn(). */
  begin(bundle: FetchedBundle): Promise<void>
}

/** A peer's verified prekey bundle. */
export interface FetchedBundle {
  readonly bundle: PrekeyBundle
  /** Whether its one-time prekeys are to be used, if it has any. */
  readonly oneTime: boolean
}

/** What a peer that sent an unreadable message is told, so that it can heal. */
export interface Unreadable {
  /** The signed statement that we have no such session; absent for other failures. */
  notice: Uint8Array | undefined
  /** The handshake used a one-time prekey that is gone: begin again without. */
  withoutOneTime: boolean
}

/**
 * The sessions of a node with its peers (docs/spec/session.md): PQXDH over `/talos/prekeys/1.0.0`, then the Double Ratchet.
 * Every change of state is on disk before the bytes that it made are handed out.
 */
export interface Sessions {
  /**
   * Seals a message for the peer at the other end of `connection`; shakes hands first if there is no session. Throws
   * SESSION_NOT_AUTHORISED, SESSION_BUSY, SESSION_IDENTITY_CHANGED, SESSION_* of a bad bundle, NETWORK_*, STORAGE_*.
   */
  seal(connection: Connection, plaintext: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** Opens a message of the peer. Throws SESSION_* and changes nothing when it is not genuine. */
  open(peer: PeerId, message: Uint8Array): Promise<OpenedMessage>
  /** As seal(), within the caller's transaction. Undefined when there is no session: begin one with fetch() and beginIn(). */
  sealIn(transaction: Transaction, peer: PeerId, plaintext: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * As open(), within the caller's transaction. When it throws SESSION_*, nothing of the message's is written, and the caller
   * may go on with the transaction.
   */
  openIn(transaction: Transaction, peer: PeerId, message: Uint8Array): Promise<OpenedMessage>
  /**
   * Several of these in one go within the caller's transaction: the state is read once, when it is first needed, and written
   * once, when `work` is done. When `work` throws nothing is written. `work` may wait for nothing but the transaction.
   */
  within<T>(transaction: Transaction, peer: PeerId, work: (session: PeerSession) => Promise<T>): Promise<T>
  /** Asks the peer at the other end for a prekey bundle. Throws as seal(). Not within a transaction. */
  fetch(connection: Connection, signal: AbortSignal): Promise<FetchedBundle>
  /** A bundle that came another way, without one-time prekeys. Throws SESSION_* when it is not the peer's, or too old. */
  verify(peer: PeerId, bundle: Uint8Array): FetchedBundle
  /** Begins a session with the owner of the bundle, unless there is one. Throws SESSION_IDENTITY_CHANGED. */
  beginIn(transaction: Transaction, peer: PeerId, bundle: FetchedBundle): Promise<void>
  /** Our own bundle without one-time prekeys, signed: for where others find it while we are away. Valid for 14 days. */
  publicBundle(): Promise<Uint8Array>
  /**
   * What sealed boxes for us hold (docs/spec/mailbox.md), one result for each: its contents, or why it will never open.
   * Throws STORAGE_*.
   */
  openBoxes(boxes: readonly Uint8Array[]): Promise<Array<Uint8Array | TalosError>>
  /** The answer to a message that open() refused with `error`. */
  explain(peer: PeerId, message: Uint8Array, error: TalosError): Unreadable
  /** Takes the peer's word that it could not read us: the next seal() shakes hands anew. False when nothing changed. */
  heal(peer: PeerId, unreadable: Unreadable): Promise<boolean>
}

export function sessions(init: SessionsInit): (components: SessionsComponents) => Sessions {
  return components => new SessionService(components, init)
}

class SessionService implements Sessions, Startable {
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #init: Required<SessionsInit>
  readonly #failures = new RateLimiter(FAILURE_RATE)
  readonly #bundles = new RateLimiter(BUNDLE_RATE)
  readonly #withoutOneTime = new Set<string>()
  /** The last handshake of seal() with a peer; it never rejects. */
  readonly #handshakes = new Map<string, Promise<void>>()

  constructor(components: SessionsComponents, init: SessionsInit) {
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('talos:sessions')
    this.#init = { onEvent: () => {}, record: async () => {}, now: Date.now, ...init }
  }

  async start(): Promise<void> {
    await this.#registrar.handle(PREKEYS_PROTOCOL, (stream, connection) => this.#onRequest(stream, connection), {
      maxInboundStreams: 2,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#registrar.unhandle(PREKEYS_PROTOCOL)
  }

  async seal(connection: Connection, plaintext: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const peer = connection.remotePeer
    const sealWith = () => this.#init.store.transact(transaction => this.sealIn(transaction, peer, plaintext))
    const sealed = await sealWith()
    if (sealed !== undefined) return sealed
    // one handshake with a peer at a time: whoever waited finds its session
    const before = this.#handshakes.get(peer.toString())
    const handshake = (before ?? Promise.resolve()).then(async () => {
      signal.throwIfAborted()
      return (before && (await sealWith())) ?? this.#beginAndSeal(connection, plaintext, signal)
    })
    const over = handshake.then(
      () => {},
      () => {}
    )
    this.#handshakes.set(peer.toString(), over)
    void over.then(() => {
      if (this.#handshakes.get(peer.toString()) === over) this.#handshakes.delete(peer.toString())
    })
    return handshake
  }

  async #beginAndSeal(connection: Connection, plaintext: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const peer = connection.remotePeer
    const { store } = this.#init
    // not within a transaction: the peer may be another process that waits for the same store
    const fetched = await this.fetch(connection, signal)
    const begun = await store.transact(async transaction => {
      const refused = await refusalOf(this.beginIn(transaction, peer, fetched), 'SESSION_IDENTITY_CHANGED')
      return refused ?? { message: await this.sealIn(transaction, peer, plaintext) }
    })
    if ('error' in begun) throw begun.error
    return begun.message!
  }

  sealIn(transaction: Transaction, peer: PeerId, plaintext: Uint8Array): Promise<Uint8Array | undefined> {
    return this.within(transaction, peer, session => session.seal(plaintext))
  }

  async fetch(connection: Connection, signal: AbortSignal): Promise<FetchedBundle> {
    const oneTime = !this.#withoutOneTime.delete(connection.remotePeer.toString())
    const bytes = await fetchBundle(connection, oneTime, signal)
    return { ...this.verify(connection.remotePeer, bytes), oneTime }
  }

  verify(peer: PeerId, bytes: Uint8Array): FetchedBundle {
    const { crypto, now } = this.#context()
    return { bundle: verifyBundle(crypto, bytes, publicKeyOf(peer), now), oneTime: false }
  }

  beginIn(transaction: Transaction, peer: PeerId, bundle: FetchedBundle): Promise<void> {
    return this.within(transaction, peer, session => session.begin(bundle))
  }

  publicBundle(): Promise<Uint8Array> {
    return this.#issue(false)
  }

  async open(peer: PeerId, message: Uint8Array): Promise<OpenedMessage> {
    // a refused message may leave a note (keepOffer), so the transaction itself does not fail
    const opened = await this.#init.store.transact(async transaction => {
      const refused = this.openIn(transaction, peer, message)
      return (await refusalOf(refused, 'SESSION_')) ?? refused
    })
    if ('error' in opened) throw opened.error
    return opened
  }

  openIn(transaction: Transaction, peer: PeerId, message: Uint8Array): Promise<OpenedMessage> {
    return this.within(transaction, peer, session => session.open(message))
  }

  within<T>(transaction: Transaction, peer: PeerId, work: (session: PeerSession) => Promise<T>): Promise<T> {
    return this.#withBook(transaction, peer, use =>
      work({
        seal: plaintext => this.#seal(use, plaintext),
        open: message => this.#open(use, message),
        begin: bundle => this.#begin(use, bundle)
      })
    )
  }

  async #seal(use: BookInUse, plaintext: Uint8Array): Promise<Uint8Array | undefined> {
    const book = await use.get()
    if (activeSession(book) === undefined) return undefined
    const { book: next, message } = sealMessage(book, plaintext, this.#context())
    use.set(next)
    return message
  }

  async #begin(use: BookInUse, { bundle, oneTime }: FetchedBundle): Promise<void> {
    const book = await use.get()
    if (activeSession(book) !== undefined) return
    try {
      const begun = beginSession(book, this.#init.identity, bundle, this.#context(), oneTime)
      use.set(begun.book, begun.events)
    } catch (error) {
      if (isTalosError(error, 'SESSION_IDENTITY_CHANGED')) await this.#refuseKey(use, book, bundle.agreement)
      throw error
    }
  }

  async #open(use: BookInUse, message: Uint8Array): Promise<OpenedMessage> {
    const { transaction, peer } = use
    if (this.#failures.wait(peer, 1, performance.now()) > 0) {
      throw new TalosError('SESSION_THROTTLED', 'The peer has sent too many messages that do not authenticate')
    }
    const { identity, crypto } = this.#init
    const book = await use.get()
    try {
      // only a new session needs them, and to read them costs more than to open a hundred messages
      const prekeys = beginsSession(crypto, book, message) ? await this.#loadPrekeys(transaction) : NO_PREKEYS
      const opened = openMessage(book, message, identity, prekeys, this.#context())
      const { oneTime, oneTimeKem } = opened.spent
      if (oneTime !== undefined || oneTimeKem !== undefined) {
        transaction.put(PREKEYS_KEY, encodePrekeys(spendPrekeys(prekeys, opened.spent)))
      }
      use.set(opened.book, opened.events)
      return { plaintext: opened.plaintext, confirmed: opened.confirmed, oneTime: opened.oneTime }
    } catch (error) {
      if (isTalosError(error, 'SESSION_IDENTITY_CHANGED')) {
        await this.#refuseKey(use, book, offeredAgreementKey(crypto, book, message))
      }
      // a lost state is nobody's fault; everything else costs the peer some of its budget
      if (isTalosError(error) && error.code.startsWith('SESSION_') && error.code !== 'SESSION_UNKNOWN') {
        this.#failures.take(peer, 1, performance.now())
      }
      throw error
    }
  }

  async openBoxes(boxes: readonly Uint8Array[]): Promise<Array<Uint8Array | TalosError>> {
    const { store, identity, crypto } = this.#init
    const prekeys = await store.transact(transaction => this.#loadPrekeys(transaction))
    return boxes.map(box => {
      try {
        return openBox(crypto, identity, prekeys, box)
      } catch (error) {
        if (isTalosError(error)) return error
        throw error
      }
    })
  }

  explain(peer: PeerId, message: Uint8Array, error: TalosError): Unreadable {
    const sid = error.code === 'SESSION_UNKNOWN' ? namedSession(message) : undefined
    return {
      notice: sid === undefined ? undefined : noSessionNotice(this.#init.identity, publicKeyOf(peer), sid),
      withoutOneTime: error.code === 'SESSION_ONE_TIME_PREKEY_GONE'
    }
  }

  async heal(peer: PeerId, { notice, withoutOneTime }: Unreadable): Promise<boolean> {
    return this.#init.store.transact(transaction =>
      this.#withBook(transaction, peer, async use => {
        const book = await use.get()
        const active = activeSession(book)
        if (active === undefined) return false
        // a session that the peer has never answered in may go without proof: nothing was agreed in it yet
        const sid = notice === undefined ? undefined : verifyNoSessionNotice(this.#init.crypto, book, notice)
        if (sid === undefined && active.confirmed) return false
        if (withoutOneTime) this.#withoutOneTime.add(peer.toString())
        const { book: next, events } = abandonSession(book, sid ?? active.sid)
        use.set(next, events)
        return events.length > 0
      })
    )
  }

  async #onRequest(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer
    const frames = new FrameStream(stream, { maxFrameLength: MAX_BUNDLE_SIZE + RESPONSE_OVERHEAD })
    try {
      await answerRequest(
        frames,
        () => this.#admit(peer),
        oneTime => this.#issue(oneTime)
      )
    } catch (error) {
      this.#log.error('a prekey request of %p failed: %e', peer, error)
      frames.abort(error as Error)
    }
  }

  #admit(peer: PeerId): number {
    if (!this.#init.mayBegin(peer)) return PREKEY_REFUSAL.notAuthorised
    return this.#bundles.take(peer.toString(), 1, performance.now()) > 0 ? PREKEY_REFUSAL.tooMany : 0
  }

  async #issue(oneTime: boolean): Promise<Uint8Array> {
    const { store, identity } = this.#init
    return store.transact(async transaction => {
      const { crypto, now } = this.#context()
      const { prekeys, bundle } = issueBundle(crypto, await this.#loadPrekeys(transaction), identity, now, { oneTime })
      transaction.put(PREKEYS_KEY, encodePrekeys(prekeys))
      return bundle
    })
  }

  /** Works on the book of a peer: read when it is first needed, written when `work` is done, wiped from memory in any case. */
  async #withBook<T>(transaction: Transaction, peer: PeerId, work: (book: BookInUse) => Promise<T>): Promise<T> {
    const { identity, crypto } = this.#init
    const name = peer.toString()
    const use = new BookInUse(transaction, name, async () => {
      const bytes = await transaction.get(bookKey(name))
      const book = bytes === undefined ? createBook(identity.publicKey, publicKeyOf(peer)) : decodeBook(crypto, bytes)
      bytes?.fill(0)
      return book
    })
    try {
      const result = await work(use)
      use.store()
      await this.#record(use)
      for (const event of use.events) this.#tell(peer, event)
      return result
    } finally {
      use.wipe()
    }
  }

  async #record({ transaction, peer, events }: BookInUse): Promise<void> {
    const sides = { self: this.#init.identity.publicKey, peer }
    const entries = events.map(event => sessionEntry(sides, event)).filter(entry => entry !== undefined)
    if (entries.length > 0) await this.#init.record(transaction, entries)
  }

  /** Keeps the key that a peer came with instead of its pinned one, so that the user can accept that very key. */
  async #refuseKey({ transaction, peer }: BookInUse, book: SessionBook, offered: Uint8Array): Promise<void> {
    const before = await transaction.get(offeredKey(peer))
    // it is tried again and again
    if (before !== undefined && this.#init.crypto.timingSafeEqual(before, offered)) return
    transaction.put(offeredKey(peer), Uint8Array.from(offered))
    await this.#init.record(transaction, [keyEntry('key-refused', peer, { pinned: book.agreement!, offered })])
  }

  #tell(peer: PeerId, event: SessionEvent): void {
    this.#log('session with %p: %s', peer, event.type)
    this.#init.onEvent(peer, event)
  }

  async #loadPrekeys(transaction: Transaction): Promise<Prekeys> {
    const bytes = await transaction.get(PREKEYS_KEY)
    return bytes === undefined ? NO_PREKEYS : decodePrekeys(this.#init.crypto, bytes)
  }

  #context(): { crypto: CryptoProvider; now: number } {
    return { crypto: this.#init.crypto, now: this.#init.now() }
  }
}

/** The book of one peer during a transaction. */
class BookInUse {
  readonly transaction: Transaction
  readonly peer: string
  readonly events: SessionEvent[] = []
  readonly #read: () => Promise<SessionBook>
  #book: SessionBook | undefined
  #changed = false

  constructor(transaction: Transaction, peer: string, read: () => Promise<SessionBook>) {
    this.transaction = transaction
    this.peer = peer
    this.#read = read
  }

  async get(): Promise<SessionBook> {
    this.#book ??= await this.#read()
    return this.#book
  }

  /** `next` replaces what get() gave; what only the old one held is wiped. */
  set(next: SessionBook, events: readonly SessionEvent[] = []): void {
    if (next === this.#book) return
    if (this.#book !== undefined) retireBook(this.#book, next)
    this.#book = next
    this.#changed = true
    this.events.push(...events)
  }

  store(): void {
    if (this.#changed) this.transaction.put(bookKey(this.peer), encodeBook(this.#book!))
  }

  wipe(): void {
    if (this.#book !== undefined) retireBook(this.#book, createBook(this.#book.self, this.#book.peer))
  }
}

/** The error that `work` fails with, if its code begins with `codes`; undefined when it succeeds. */
async function refusalOf(work: Promise<unknown>, codes: string): Promise<{ error: TalosError } | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (isTalosError(error) && error.code.startsWith(codes)) return { error }
    throw error
  }
}

function publicKeyOf(peer: PeerId): Uint8Array {
  if (peer.type !== 'Ed25519') {
    throw new TalosError('PEER_KEY_TYPE', `${peer.toString()} is not an Ed25519 peer, so it is not a Talos agent`)
  }
  return peer.publicKey.raw
}
