import type { ComponentLogger, Connection, Logger, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { crypto } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { networkAddressOf, type Rate, RateLimiter } from '../limits/index.ts'
import { boxClassOf, verifyBundle } from '../ratchet/index.ts'
import { type Answer, decodeRequest, encodeAnswer, type MailboxRequest, tagOf } from './codec.ts'
import {
  IDLE_TIMEOUT,
  MAILBOX_PROTOCOL,
  MAX_FRAME_LENGTH,
  type StatusName,
  SUBSCRIBED_IDLE_TIMEOUT
} from './constants.ts'
import type { MailboxDatabase } from './group-commit.ts'
import { MailboxStore, type StoreLimits } from './store.ts'
import { Subscribers } from './subscribers.ts'

/** How long a peer may take to read an answer, in milliseconds. */
const READ_PATIENCE = 20_000
/** How long stop() waits for answers in flight, in milliseconds. */
const DRAIN_TIMEOUT = 2_000
/** Streams of one connection: a subscription, and one for what is asked beside it. */
const MAX_STREAMS = 4
/** Requests of one stream at a time. */
const CONCURRENCY = 64
/** Refusals for haste on one stream, after which it is reset: whoever goes on does not read them. */
const MAX_HASTE = 50
const SWEEP_INTERVAL = 60_000
/** Boxes removed in one go, so that a sweep never holds up the requests behind it. */
const SWEEP_LIMIT = 500
/** Tokens of the network address that a request costs, a box one more for each 64 KiB. */
const COST = { put: 1, askBundle: 1, subscribe: 5, fetch: 2, remove: 2, unknown: 1 } as const
const BYTES_PER_TOKEN = 64 * 1024

export type RequestKind = keyof typeof COST

export interface MailboxLimits extends StoreLimits {
  /** Requests from one network address; see docs/spec/mailbox.md for what they cost. */
  addressRate: Rate
  /** Bytes that one network address deposits for one recipient. */
  depositRate: Rate
  /** Streams that are open and no subscription, each of which may hold a box: in all, and of one network address. */
  maxStreams: number
  maxStreamsPerAddress: number
}

export const DEFAULT_MAILBOX_LIMITS: MailboxLimits = {
  maxRecipients: 10_000,
  // a fleet behind one NAT is within, a flood is not
  maxRecipientsPerAddress: 500,
  // a day of a busy agent: 20,000 messages of up to 4 KiB
  itemsPerRecipient: 20_000,
  bytesPerRecipient: 128 * 1024 * 1024,
  maxBytes: 2 * 1024 * 1024 * 1024,
  addressRate: { burst: 5_000, perSecond: 500 },
  // who wants to fill a stranger's mailbox from one address needs minutes, and is seen
  depositRate: { burst: 64 * 1024 * 1024, perSecond: 256 * 1024 },
  maxStreams: 256,
  maxStreamsPerAddress: 64
}

export interface MailboxServerInit {
  /** Where boxes are kept. Open while the service runs. */
  database: MailboxDatabase
  /** @default DEFAULT_MAILBOX_LIMITS */
  limits?: Partial<MailboxLimits>
  /** Called with each answer, for metrics. */
  onAnswer?: (request: RequestKind, status: StatusName) => void
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface MailboxServerComponents {
  registrar: Registrar
  logger: ComponentLogger
}

/**
 * Answers /talos/mailbox/1.0.0 (docs/spec/mailbox.md): holds sealed boxes for recipients that are away. Whose boxes a peer may
 * fetch and remove follows from the PeerId at the other end of its connection, and from nothing that it says.
 */
export class MailboxServer implements Startable {
  readonly [Symbol.toStringTag] = '@talos/mailbox-server'
  readonly #components: MailboxServerComponents
  readonly #init: MailboxServerInit
  readonly #limits: MailboxLimits
  readonly #log: Logger
  readonly #now: () => number
  readonly #addresses: RateLimiter
  readonly #deposits: RateLimiter
  readonly #inFlight = new Set<Promise<void>>()
  readonly #streams = new Map<string, number>()
  readonly #subscribers = new Subscribers()
  #open = 0
  #store: MailboxStore | undefined
  #draining = new AbortController()
  #stopping = new AbortController()
  #sweeper: NodeJS.Timeout | undefined
  #sweep: Promise<unknown> = Promise.resolve()

  constructor(components: MailboxServerComponents, init: MailboxServerInit) {
    this.#components = components
    this.#init = init
    this.#limits = { ...DEFAULT_MAILBOX_LIMITS, ...init.limits }
    this.#log = components.logger.forComponent('talos:mailbox')
    this.#now = init.now ?? Date.now
    this.#addresses = new RateLimiter(this.#limits.addressRate)
    this.#deposits = new RateLimiter(this.#limits.depositRate)
  }

  /** Boxes held. */
  get items(): number {
    return this.#store?.items ?? 0
  }

  /** Bytes of the boxes held. */
  get bytes(): number {
    return this.#store?.bytes ?? 0
  }

  /** Recipients that have a mailbox. */
  get recipients(): number {
    return this.#store?.recipients ?? 0
  }

  async start(): Promise<void> {
    this.#store = await MailboxStore.open(this.#init.database, this.#limits)
    this.#draining = new AbortController()
    this.#stopping = new AbortController()
    await this.#components.registrar.handle(MAILBOX_PROTOCOL, (stream, connection) => this.#track(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
    this.#sweeper = setInterval(() => {
      this.#sweep = this.sweep().catch(error => this.#log.error('could not remove what is over - %e', error))
    }, SWEEP_INTERVAL)
    this.#sweeper.unref()
  }

  /** Lets answers in flight finish, takes no new request. */
  async beforeStop(): Promise<void> {
    await this.#components.registrar.unhandle(MAILBOX_PROTOCOL)
    this.#draining.abort(new TalosError('NETWORK_STOPPING', 'the mailbox is shutting down'))
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>(resolve => {
      timer = setTimeout(resolve, DRAIN_TIMEOUT)
    })
    await Promise.race([Promise.allSettled(this.#inFlight), deadline])
    clearTimeout(timer)
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#stopping.abort(new TalosError('NETWORK_STOPPING', 'the mailbox has shut down'))
    await Promise.allSettled([...this.#inFlight, this.#sweep])
    this.#store = undefined
  }

  /** Removes some of what is over; returns how many boxes. It runs each minute by itself. */
  async sweep(): Promise<number> {
    return (await this.#store?.sweep(this.#now(), SWEEP_LIMIT)) ?? 0
  }

  async #track(stream: Stream, connection: Connection): Promise<void> {
    const address = networkAddressOf(connection.remoteAddr)
    const here = this.#streams.get(address) ?? 0
    if (this.#open >= this.#limits.maxStreams || here >= this.#limits.maxStreamsPerAddress) {
      stream.abort(new Error('too many streams'))
      return
    }
    this.#open++
    this.#streams.set(address, here + 1)
    const visit = new Visit(connection, address, () => {
      this.#open--
      const left = this.#streams.get(address)! - 1
      if (left > 0) this.#streams.set(address, left)
      else this.#streams.delete(address)
    })
    const work = this.#serve(stream, visit)
    this.#inFlight.add(work)
    try {
      await work
    } finally {
      visit.leave()
      this.#inFlight.delete(work)
    }
  }

  /** Requests and answers, in order, until the peer closes its end, is idle, or does not read. */
  async #serve(stream: Stream, visit: Visit): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    let haste = 0
    try {
      for (;;) {
        const patience = AbortSignal.timeout(visit.isSubscribed ? SUBSCRIBED_IDLE_TIMEOUT : IDLE_TIMEOUT)
        const waiting = await frames.readAll(AbortSignal.any([this.#draining.signal, patience]))
        if (waiting === undefined) break
        // those that wait share a write to the disk
        for (let from = 0; from < waiting.length; from += CONCURRENCY) {
          const some = waiting.slice(from, from + CONCURRENCY)
          for (const answer of await Promise.all(some.map(frame => this.#answer(frame, visit, frames)))) {
            if (answer.status === 'rateLimited' && ++haste > MAX_HASTE) throw new Error('requests come too fast')
            await frames.write(encodeAnswer(answer), this.#writeSignal())
          }
        }
      }
      await frames.close(this.#writeSignal())
    } catch (error) {
      // not of whom: who deposits is nobody here
      this.#log('a stream ended - %e', error)
      frames.abort(error as Error)
    } finally {
      this.#subscribers.remove(frames)
    }
  }

  #writeSignal(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(READ_PATIENCE)])
  }

  async #answer(frame: Uint8Array, visit: Visit, frames: FrameStream): Promise<Answer> {
    let kind: RequestKind = 'unknown'
    let answer: Answer
    try {
      const request = decodeRequest(frame)
      kind = request.kind
      answer = this.#refuseHaste(request, visit) ?? (await this.#handle(request, visit, frames))
    } catch (error) {
      answer = this.#failure(error)
    }
    this.#init.onAnswer?.(kind, answer.status)
    return answer
  }

  #refuseHaste(request: MailboxRequest, { address }: Visit): Answer | undefined {
    const now = this.#now()
    const size = request.kind === 'put' ? request.box.byteLength : 0
    const cost = COST[request.kind] + Math.floor(size / BYTES_PER_TOKEN)
    let retryAfter = this.#addresses.take(address, cost, now)
    if (retryAfter === 0 && request.kind === 'put') {
      retryAfter = this.#deposits.take(`${address} ${Buffer.from(request.tag).toString('hex')}`, size, now)
    }
    return retryAfter === 0 ? undefined : { status: 'rateLimited', message: 'too many requests', retryAfter }
  }

  async #handle(request: MailboxRequest, visit: Visit, frames: FrameStream): Promise<Answer> {
    const store = this.#store
    if (store === undefined) return { status: 'internal', message: 'the mailbox is shutting down' }
    switch (request.kind) {
      case 'put':
        return this.#put(store, request)
      case 'askBundle': {
        const bundle = await store.bundle(request.tag, this.#now())
        if (bundle === undefined) return { status: 'unknownRecipient', message: 'this recipient has no mailbox here' }
        return { status: 'ok', bundle: Uint8Array.from(bundle) }
      }
      case 'subscribe':
        return this.#subscribe(store, request.bundle, visit, frames)
      case 'fetch': {
        this.#subscribers.asked(frames)
        const { boxes, next, more } = await store.page(visit.ownTag(), request.after, this.#now())
        return { status: 'ok', page: { boxes: boxes as Array<Uint8Array<ArrayBuffer>>, next: BigInt(next), more } }
      }
      case 'remove':
        await store.remove(visit.ownTag(), request.ids)
        return { status: 'ok' }
      case 'unknown':
        return { status: 'unknownRequest', message: 'this mailbox does not know that request' }
    }
  }

  async #put(store: MailboxStore, { tag, box, expiresAt }: MailboxRequest & { kind: 'put' }): Promise<Answer> {
    const boxClass = boxClassOf(box.byteLength)
    // version and class; the rest is the recipient's business
    if (boxClass === undefined || box[0] !== 1 || box[1] !== boxClass) {
      return { status: 'malformed', message: `no box is like that (${box.byteLength} bytes)` }
    }
    const outcome = await store.put(tag, box, expiresAt, this.#now())
    if (outcome.status !== 'ok') return outcome
    if (outcome.isNew) this.#subscribers.tell(tag)
    return { status: 'ok', until: BigInt(outcome.until) }
  }

  async #subscribe(store: MailboxStore, bundle: Uint8Array, visit: Visit, frames: FrameStream): Promise<Answer> {
    const { oneTime, oneTimeKem } = verifyBundle(crypto, bundle, visit.publicKey(), this.#now())
    if (oneTime !== undefined || oneTimeKem !== undefined) {
      return { status: 'badBundle', message: 'one-time prekeys are not for a mailbox' }
    }
    const outcome = await store.keep(visit.ownTag(), bundle, visit.address, this.#now())
    if (outcome.status !== 'ok') return outcome
    this.#subscribers.add(visit.ownTag(), frames)
    visit.isSubscribed = true
    // it may be open for long, and holds no box
    visit.leave()
    return { status: 'ok', until: BigInt(outcome.until) }
  }

  #failure(error: unknown): Answer {
    if (isTalosError(error, 'MAILBOX_REQUEST_MALFORMED')) return { status: 'malformed', message: error.message }
    if (isTalosError(error) && error.code.startsWith('SESSION_')) return { status: 'badBundle', message: error.message }
    this.#log.error('could not answer - %e', error)
    return { status: 'internal', message: 'the mailbox could not answer' }
  }
}

/** One stream of a peer. */
class Visit {
  readonly address: string
  isSubscribed = false
  readonly #connection: Connection
  #onLeave: (() => void) | undefined
  #tag: Uint8Array | undefined

  constructor(connection: Connection, address: string, onLeave: () => void) {
    this.#connection = connection
    this.address = address
    this.#onLeave = onLeave
  }

  /** No longer counted among the streams that may hold a box. */
  leave(): void {
    this.#onLeave?.()
    this.#onLeave = undefined
  }

  publicKey(): Uint8Array {
    const { remotePeer } = this.#connection
    if (remotePeer.type === 'Ed25519') return remotePeer.publicKey.raw
    throw new TalosError('MAILBOX_REQUEST_MALFORMED', 'only a Talos agent has a mailbox')
  }

  /** The tag of whoever has proved to be at the other end. */
  ownTag(): Uint8Array {
    this.#tag ??= tagOf(this.publicKey())
    return this.#tag
  }
}
