import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { CryptoProvider } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import {
  abandonSession,
  activeSession,
  beginSession,
  createBook,
  decodeBook,
  decodePrekeys,
  encodeBook,
  encodePrekeys,
  FailureBudget,
  issueBundle,
  type LocalIdentity,
  MAX_BUNDLE_SIZE,
  NO_PREKEYS,
  namedSession,
  noSessionNotice,
  offeredAgreementKey,
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
import { BUNDLE_RATE, PREKEY_REFUSAL, PREKEYS_PROTOCOL, RESPONSE_OVERHEAD } from './constants.ts'
import { answerRequest, fetchBundle } from './prekey-exchange.ts'
import { bookKey, offeredKey, PREKEYS_KEY } from './records.ts'
import type { SessionStore, Transaction } from './store.ts'

export interface SessionsInit {
  identity: LocalIdentity
  store: SessionStore
  crypto: CryptoProvider
  /** Asked before a peer is given a bundle: nobody else can make us spend prekeys. */
  mayBegin(peer: PeerId): boolean
  /** What happened to a session: for logs, status and the audit trail. */
  onEvent?: (peer: PeerId, event: SessionEvent) => void
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface SessionsComponents {
  registrar: Registrar
  logger: ComponentLogger
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
  open(peer: PeerId, message: Uint8Array): Promise<Uint8Array>
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
  readonly #failures: FailureBudget
  readonly #bundles: FailureBudget
  readonly #withoutOneTime = new Set<string>()

  constructor(components: SessionsComponents, init: SessionsInit) {
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('talos:sessions')
    this.#init = { onEvent: () => {}, now: Date.now, ...init }
    const clock = (): number => performance.now()
    this.#failures = new FailureBudget({ clock })
    this.#bundles = new FailureBudget({ clock, burst: BUNDLE_RATE.burst, refill: BUNDLE_RATE.refillMilliseconds })
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
    const sealed = await this.#transactBook(peer, async book => {
      if (activeSession(book) === undefined) return { next: book, result: undefined }
      const { book: next, message } = sealMessage(book, plaintext, this.#context())
      return { next, result: message }
    })
    if (sealed !== undefined) return sealed

    // not within a transaction: the peer may be another process that waits for the same store
    const oneTime = !this.#withoutOneTime.delete(peer.toString())
    const bytes = await fetchBundle(connection, oneTime, signal)
    const { crypto, now } = this.#context()
    const bundle = verifyBundle(crypto, bytes, publicKeyOf(peer), now)
    try {
      return await this.#begin(peer, bundle, oneTime, plaintext)
    } catch (error) {
      if (isTalosError(error, 'SESSION_IDENTITY_CHANGED')) await this.#keepOffer(peer, () => bundle.agreement)
      throw error
    }
  }

  /** Keeps the key that a peer came with instead of its pinned one, so that the user can accept that very key. */
  async #keepOffer(peer: PeerId, offered: (book: SessionBook) => Uint8Array): Promise<void> {
    await this.#transactBook(peer, async (book, transaction) => {
      transaction.put(offeredKey(peer.toString()), Uint8Array.from(offered(book)))
      return { next: book, result: undefined }
    })
  }

  async #begin(peer: PeerId, bundle: PrekeyBundle, oneTime: boolean, plaintext: Uint8Array): Promise<Uint8Array> {
    return this.#transactBook(peer, async book => {
      const begun =
        activeSession(book) === undefined
          ? beginSession(book, this.#init.identity, bundle, this.#context(), oneTime)
          : { book, events: [] }
      const { book: next, message } = sealMessage(begun.book, plaintext, this.#context())
      return { next, result: message, events: begun.events }
    })
  }

  async open(peer: PeerId, message: Uint8Array): Promise<Uint8Array> {
    this.#failures.check(peer.toString())
    const { identity } = this.#init
    try {
      return await this.#transactBook(peer, async (book, transaction) => {
        const prekeys = await this.#loadPrekeys(transaction)
        const opened = openMessage(book, message, identity, prekeys, this.#context())
        const { oneTime, oneTimeKem } = opened.spent
        if (oneTime !== undefined || oneTimeKem !== undefined) {
          transaction.put(PREKEYS_KEY, encodePrekeys(spendPrekeys(prekeys, opened.spent)))
        }
        return { next: opened.book, result: opened.plaintext, events: opened.events }
      })
    } catch (error) {
      if (isTalosError(error, 'SESSION_IDENTITY_CHANGED')) {
        await this.#keepOffer(peer, book => offeredAgreementKey(this.#init.crypto, book, message))
      }
      // a lost state is nobody's fault; everything else costs the peer some of its budget
      if (isTalosError(error) && error.code.startsWith('SESSION_') && error.code !== 'SESSION_UNKNOWN') {
        this.#failures.failed(peer.toString())
      }
      throw error
    }
  }

  explain(peer: PeerId, message: Uint8Array, error: TalosError): Unreadable {
    const sid = error.code === 'SESSION_UNKNOWN' ? namedSession(message) : undefined
    return {
      notice: sid === undefined ? undefined : noSessionNotice(this.#init.identity, publicKeyOf(peer), sid),
      withoutOneTime: error.code === 'SESSION_ONE_TIME_PREKEY_GONE'
    }
  }

  async heal(peer: PeerId, { notice, withoutOneTime }: Unreadable): Promise<boolean> {
    return this.#transactBook(peer, async book => {
      const active = activeSession(book)
      if (active === undefined) return { next: book, result: false }
      // a session that the peer has never answered in may go without proof: nothing was agreed in it yet
      const sid = notice === undefined ? undefined : verifyNoSessionNotice(this.#init.crypto, book, notice)
      if (sid === undefined && active.confirmed) return { next: book, result: false }
      if (withoutOneTime) this.#withoutOneTime.add(peer.toString())
      const { book: next, events } = abandonSession(book, sid ?? active.sid)
      return { next, result: events.length > 0, events }
    })
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
    try {
      this.#bundles.check(peer.toString())
    } catch {
      return PREKEY_REFUSAL.tooMany
    }
    this.#bundles.failed(peer.toString())
    return 0
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

  async #transactBook<T>(
    peer: PeerId,
    work: (
      book: SessionBook,
      transaction: Transaction
    ) => Promise<{ next: SessionBook; result: T; events?: readonly SessionEvent[] }>
  ): Promise<T> {
    const { store, identity, crypto, onEvent } = this.#init
    const key = bookKey(peer.toString())
    let events: readonly SessionEvent[] = []
    const result = await store.transact(async transaction => {
      const bytes = await transaction.get(key)
      const book = bytes === undefined ? createBook(identity.publicKey, publicKeyOf(peer)) : decodeBook(crypto, bytes)
      bytes?.fill(0)
      const done = await work(book, transaction)
      if (done.next !== book) transaction.put(key, encodeBook(done.next))
      retireBook(book, done.next)
      retireBook(done.next, createBook(book.self, book.peer))
      events = done.events ?? []
      return done.result
    })
    for (const event of events) {
      this.#log('session with %p: %s', peer, event.type)
      onEvent(peer, event)
    }
    return result
  }

  async #loadPrekeys(transaction: Transaction): Promise<Prekeys> {
    const bytes = await transaction.get(PREKEYS_KEY)
    return bytes === undefined ? NO_PREKEYS : decodePrekeys(this.#init.crypto, bytes)
  }

  #context(): { crypto: CryptoProvider; now: number } {
    return { crypto: this.#init.crypto, now: this.#init.now() }
  }
}

function publicKeyOf(peer: PeerId): Uint8Array {
  if (peer.type !== 'Ed25519') {
    throw new TalosError('PEER_KEY_TYPE', `${peer.toString()} is not an Ed25519 peer, so it is not a Talos agent`)
  }
  return peer.publicKey.raw
}
