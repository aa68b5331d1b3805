import type { ComponentLogger, Connection, Logger, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { networkAddressOf, type Rate, RateLimiter } from '../limits/index.ts'
import {
  MAX_FRAME_LENGTH,
  MAX_PAGE,
  MAX_PREFIX_LENGTH,
  MAX_REQUEST_LENGTH,
  MIN_PREFIX_LENGTH,
  REGISTRY_PROTOCOL,
  STATUS
} from './constants.ts'
import { type LookUp, Request, Response, type SignedRegistration as SignedRegistrationPb } from './pb/registry.ts'
import { checkSignature, checkTimes, readRegistration, type SignedRegistration } from './registration.ts'
import { type RegisterOutcome, type RegistryDatabase, RegistryStore, type StoreLimits } from './store.ts'

/** An idle stream is closed after this many milliseconds: agents open a new one for each refresh. */
const IDLE_TIMEOUT = 30_000
/** How long a peer may take to read an answer, in milliseconds. */
const READ_PATIENCE = 10_000
/** How long stop() waits for answers in flight, in milliseconds. */
const DRAIN_TIMEOUT = 2_000
/** Streams of one connection. A client of ours uses 8. */
const MAX_STREAMS = 16
/** Refusals for haste on one stream, after which it is reset: whoever goes on does not read them. */
const MAX_HASTE = 50
const SWEEP_INTERVAL = 60_000
/** Registrations removed in one go, so that a sweep never holds up the requests behind it. */
const SWEEP_LIMIT = 500
/** Tokens that a request costs: what it makes the registry do. */
const COST = { register: 5, unregister: 5, lookUp: 1, list: 5, unknown: 1 } as const
/** What a page may fill of a frame; the rest is for the fields around it. */
const PAGE_LENGTH = MAX_FRAME_LENGTH - 1024

export type RequestKind = keyof typeof COST
export type StatusName = keyof typeof STATUS

export interface RegistryLimits extends StoreLimits {
  /** Requests of one peer. */
  peerRate: Rate
  /** Requests from one network address. */
  addressRate: Rate
}

export const DEFAULT_REGISTRY_LIMITS: RegistryLimits = {
  maxRegistrations: 10_000,
  // a fleet behind one NAT is within, a flood is not
  maxPerAddress: 500,
  // a laptop that sleeps over night keeps its name
  holdTime: 24 * 60 * 60_000,
  peerRate: { burst: 60, perSecond: 5 },
  addressRate: { burst: 1_200, perSecond: 100 }
}

export interface RegistryServerInit {
  /** Where registrations are kept. Open while the service runs. */
  database: RegistryDatabase
  /** @default DEFAULT_REGISTRY_LIMITS */
  limits?: Partial<RegistryLimits>
  /** How long a peer may take to read an answer, in milliseconds. @default 10_000 */
  readPatience?: number
  /** Called with each answer, for metrics. */
  onAnswer?: (request: RequestKind, status: StatusName) => void
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface RegistryServerComponents {
  registrar: Registrar
  logger: ComponentLogger
}

/** A registry's answer to the fields of Response; what is left out is empty on the wire. */
type Answer = Partial<Omit<Response, 'status'>> & { status: StatusName }

/** Answers /talos/registry/1.0.0 (docs/spec/registry.md). */
export class RegistryServer implements Startable {
  readonly [Symbol.toStringTag] = '@talos/registry-server'
  readonly #components: RegistryServerComponents
  readonly #init: RegistryServerInit
  readonly #limits: RegistryLimits
  readonly #log: Logger
  readonly #now: () => number
  readonly #peers: RateLimiter
  readonly #addresses: RateLimiter
  readonly #inFlight = new Set<Promise<void>>()
  #store: RegistryStore | undefined
  #draining = new AbortController()
  #stopping = new AbortController()
  #sweeper: NodeJS.Timeout | undefined
  #sweep: Promise<void> = Promise.resolve()

  constructor(components: RegistryServerComponents, init: RegistryServerInit) {
    this.#components = components
    this.#init = init
    this.#limits = { ...DEFAULT_REGISTRY_LIMITS, ...init.limits }
    this.#log = components.logger.forComponent('talos:registry')
    this.#now = init.now ?? Date.now
    this.#peers = new RateLimiter(this.#limits.peerRate)
    this.#addresses = new RateLimiter(this.#limits.addressRate)
  }

  /** Registrations kept, living and held. */
  get size(): number {
    return this.#store?.size ?? 0
  }

  async start(): Promise<void> {
    this.#store = await RegistryStore.open(this.#init.database, this.#limits)
    this.#draining = new AbortController()
    this.#stopping = new AbortController()
    await this.#components.registrar.handle(
      REGISTRY_PROTOCOL,
      (stream, connection) => this.#track(stream, connection),
      {
        maxInboundStreams: MAX_STREAMS
      }
    )
    this.#sweeper = setInterval(() => {
      this.#sweep = this.#sweepOnce()
    }, SWEEP_INTERVAL)
    this.#sweeper.unref()
  }

  /** Lets answers in flight finish, takes no new request. */
  async beforeStop(): Promise<void> {
    await this.#components.registrar.unhandle(REGISTRY_PROTOCOL)
    this.#draining.abort(new TalosError('NETWORK_STOPPING', 'the registry is shutting down'))
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>(resolve => {
      timer = setTimeout(resolve, DRAIN_TIMEOUT)
    })
    await Promise.race([Promise.allSettled(this.#inFlight), deadline])
    clearTimeout(timer)
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#stopping.abort(new TalosError('NETWORK_STOPPING', 'the registry has shut down'))
    await Promise.allSettled([...this.#inFlight, this.#sweep])
    this.#store = undefined
  }

  async #sweepOnce(): Promise<void> {
    try {
      const removed = await this.#store?.sweep(this.#now(), SWEEP_LIMIT)
      if (removed !== undefined && removed > 0) this.#log('removed %d registrations that were over', removed)
    } catch (error) {
      this.#log.error('could not remove registrations that are over - %e', error)
    }
  }

  async #track(stream: Stream, connection: Connection): Promise<void> {
    const work = this.#serve(stream, connection)
    this.#inFlight.add(work)
    try {
      await work
    } finally {
      this.#inFlight.delete(work)
    }
  }

  /** One exchange after another until the peer closes its end, is idle, or does not read. */
  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    let haste = 0
    try {
      for (;;) {
        const frame = await frames.read(AbortSignal.any([this.#draining.signal, AbortSignal.timeout(IDLE_TIMEOUT)]))
        if (frame === undefined) break
        const answer = await this.#answer(frame, connection)
        if (answer.status === 'rateLimited' && ++haste > MAX_HASTE) throw new Error('requests come too fast')
        await frames.write(this.#encode(answer), this.#writeSignal())
      }
      await frames.close(this.#writeSignal())
    } catch (error) {
      this.#log('stream of %p ended - %e', connection.remotePeer, error)
      frames.abort(error as Error)
    }
  }

  #writeSignal(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#init.readPatience ?? READ_PATIENCE)])
  }

  async #answer(frame: Uint8Array, connection: Connection): Promise<Answer> {
    let kind: RequestKind = 'unknown'
    let answer: Answer
    try {
      const request = decodeRequest(frame)
      kind = kindOf(request)
      answer = this.#refuseHaste(kind, connection) ?? (await this.#handle(request, connection))
    } catch (error) {
      answer = this.#failure(error)
    }
    this.#init.onAnswer?.(kind, answer.status)
    return answer
  }

  #refuseHaste(kind: RequestKind, connection: Connection): Answer | undefined {
    const now = this.#now()
    const cost = COST[kind]
    const wait =
      this.#addresses.take(networkAddressOf(connection.remoteAddr), cost, now) ||
      this.#peers.take(connection.remotePeer.toString(), cost, now)
    if (wait === 0) return undefined
    return { status: 'rateLimited', message: 'too many requests', retryAfter: wait }
  }

  async #handle(request: Request, connection: Connection): Promise<Answer> {
    const store = this.#store
    if (store === undefined) return { status: 'internal', message: 'the registry is shutting down' }
    if (request.register !== undefined) return this.#register(store, request.register, connection)
    if (request.unregister !== undefined) {
      const publicKey = connection.remotePeer.publicKey
      if (publicKey !== undefined) await store.unregister(publicKey.raw)
      return { status: 'ok' }
    }
    if (request.lookUp !== undefined) return this.#lookUp(store, request.lookUp)
    if (request.list !== undefined) {
      const { after, limit } = request.list
      if (after.length > MAX_PREFIX_LENGTH) return malformed('no name is that long')
      const { page, next } = await store.list(after, Math.min(limit || MAX_PAGE, MAX_PAGE), this.#now())
      return { status: 'ok', page: { registrations: page.map(asPb), next } }
    }
    return { status: 'unknownRequest', message: 'this registry does not know that request' }
  }

  async #register(store: RegistryStore, signed: SignedRegistrationPb, connection: Connection): Promise<Answer> {
    const registration = readRegistration(signed.registration)
    const peer = connection.remotePeer.publicKey?.raw
    if (peer === undefined || Buffer.compare(peer, registration.publicKey) !== 0) {
      return { status: 'notYours', message: 'a peer can register only itself' }
    }
    checkSignature(registration, signed)
    checkTimes(registration, this.#now())
    const address = networkAddressOf(connection.remoteAddr)
    const outcome = await store.register(registration, signed, address, this.#now())
    this.#log('registration of %p as %s: %s', connection.remotePeer, registration.name, outcome.status)
    return asAnswer(outcome)
  }

  async #lookUp(store: RegistryStore, key: LookUp): Promise<Answer> {
    const now = this.#now()
    if (key.prefix !== undefined) {
      if (key.prefix.length < MIN_PREFIX_LENGTH || key.prefix.length > MAX_PREFIX_LENGTH) {
        return malformed(`a prefix has ${MIN_PREFIX_LENGTH} to ${MAX_PREFIX_LENGTH} characters`)
      }
      return found(await store.byPrefix(key.prefix, now))
    }
    if (key.publicKey !== undefined) {
      if (key.publicKey.byteLength !== 32) return malformed('a key has 32 bytes')
      return found([await store.byKey(key.publicKey, now, key.away)])
    }
    if (key.name === undefined || key.name.length > MAX_PREFIX_LENGTH) return malformed('nothing to look up')
    return found([await store.byName(key.name, now)])
  }

  #failure(error: unknown): Answer {
    const status = isTalosError(error) ? STATUS_OF[error.code] : undefined
    if (status !== undefined) return { status, message: (error as Error).message }
    this.#log.error('could not answer - %e', error)
    return { status: 'internal', message: 'the registry could not answer' }
  }

  #encode({ status, page, ...rest }: Answer): Uint8Array {
    return Response.encode({
      message: '',
      serverTime: BigInt(this.#now()),
      sequence: 0n,
      retryAfter: 0,
      ...rest,
      ...(page === undefined ? {} : { page: fitted(page) }),
      status: STATUS[status]
    })
  }
}

const STATUS_OF: Record<string, StatusName> = {
  REGISTRY_RECORD_MALFORMED: 'malformed',
  REGISTRY_NAME_INVALID: 'badName',
  REGISTRY_SIGNATURE_INVALID: 'badSignature',
  REGISTRY_TIME_INVALID: 'badTime'
}

function decodeRequest(frame: Uint8Array): Request {
  if (frame.byteLength > MAX_REQUEST_LENGTH) {
    throw new TalosError('REGISTRY_RECORD_MALFORMED', `a request has at most ${MAX_REQUEST_LENGTH} bytes`)
  }
  try {
    return Request.decode(frame)
  } catch (cause) {
    throw new TalosError('REGISTRY_RECORD_MALFORMED', 'the request is not readable', { cause })
  }
}

function kindOf(request: Request): RequestKind {
  if (request.register !== undefined) return 'register'
  if (request.unregister !== undefined) return 'unregister'
  if (request.lookUp !== undefined) return 'lookUp'
  return request.list === undefined ? 'unknown' : 'list'
}

function asAnswer(outcome: RegisterOutcome): Answer {
  switch (outcome.status) {
    case 'ok':
      return {
        status: 'ok',
        registered: { expiresAt: BigInt(outcome.expiresAt), heldUntil: BigInt(outcome.heldUntil) }
      }
    case 'staleSequence':
      return { status: 'staleSequence', message: 'a later registration is stored', sequence: BigInt(outcome.sequence) }
    case 'nameTaken':
      return {
        status: 'nameTaken',
        message: 'another peer holds this name',
        holder: { publicKey: Uint8Array.from(outcome.holder), until: BigInt(outcome.until) }
      }
    case 'full':
      return { status: 'full', message: `the registry holds no more than ${outcome.what}` }
  }
}

function found(some: Array<SignedRegistration | undefined>): Answer {
  const registrations = some.filter(signed => signed !== undefined).map(asPb)
  return { status: 'ok', page: { registrations, next: '' } }
}

/** What of a page fits into a frame; the rest is asked for from the last one on. */
function fitted(page: NonNullable<Response['page']>): NonNullable<Response['page']> {
  let length = 0
  const count = page.registrations.findIndex(({ registration, signature }) => {
    length += registration.byteLength + signature.byteLength + 16
    return length > PAGE_LENGTH
  })
  if (count === -1) return page
  const registrations = page.registrations.slice(0, count)
  const last = registrations.at(-1)
  return { registrations, next: last === undefined ? '' : readRegistration(last.registration).name.toLowerCase() }
}

function malformed(message: string): Answer {
  return { status: 'malformed', message }
}

function asPb(signed: SignedRegistration): SignedRegistrationPb {
  return { registration: Uint8Array.from(signed.registration), signature: Uint8Array.from(signed.signature) }
}
