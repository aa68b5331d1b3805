import type { ComponentLogger, Connection, Logger, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { isTalosError } from '../../errors.ts'
import { FrameStream, schedulerOf } from '../framing/index.ts'
import { type Rate, RateLimiter } from '../limits/index.ts'
import {
  type Answer,
  type ChainRequest,
  decodeRequest,
  encodeAnswer,
  encodeStatus,
  own,
  type RequestKind
} from './codec.ts'
import { CHAIN_PROTOCOL, MAX_FRAME_LENGTH, MAX_PIECE, type StatusName } from './constants.ts'
import type { ChainSource, ChainStatus } from './types.ts'

/** An idle stream is closed after this. Milliseconds. */
const IDLE_TIMEOUT = 60_000
/** How long a peer may take to read an answer. Milliseconds. */
const READ_PATIENCE = 20_000
/** Streams of one connection: ours uses two. */
const MAX_STREAMS = 4
/** Refusals for haste on one stream, after which it is reset: whoever goes on does not read them. */
const MAX_HASTE = 50
/** Tokens that a request costs beside the bytes that it is answered with. */
const COST = { status: 1, headers: 2, blocks: 0, proof: 1, records: 2, unknown: 1 } as const
/** Bytes that a block counts at least, against requests for many small ones. */
const MIN_BLOCK_COST = 2_048

export interface ChainLimits {
  /** Requests of one peer that are not for blocks. */
  requestRate: Rate
  /** Bytes that one peer is sent. */
  dataRate: Rate
}

export const DEFAULT_CHAIN_LIMITS: ChainLimits = {
  requestRate: { burst: 200, perSecond: 20 },
  // a full block for a window of 64, then a small chain's worth each second
  dataRate: { burst: 64 * 1024 * 1024, perSecond: 16 * 1024 * 1024 }
}

export interface ChainServerInit {
  /** The chain that a request is about; undefined for one that is not served. */
  source(chain: Uint8Array): ChainSource | undefined
  /** @default DEFAULT_CHAIN_LIMITS */
  limits?: Partial<ChainLimits>
  /** False for a peer that is not answered at all. @default everybody is */
  isWelcome?: (peer: string) => boolean
  /** A peer says where its chain ends. */
  onStatus?: (connection: Connection, chain: Uint8Array, status: ChainStatus) => void
  /** A peer broke the rules. */
  onFault?: (peer: string, error: Error) => void
  /** Called with each answer, for metrics. */
  onAnswer?: (request: RequestKind, status: StatusName) => void
  /** Milliseconds since 1970. @default Date.now */
  now?: () => number
}

export interface ChainServerComponents {
  registrar: Registrar
  logger: ComponentLogger
}

/** Answers /talos/chain/1.0.0 (docs/spec/chain-sync.md) from chains that others keep. */
export class ChainServer implements Startable {
  readonly [Symbol.toStringTag] = '@talos/chain-server'
  readonly #registrar: Registrar
  readonly #init: ChainServerInit
  readonly #log: Logger
  readonly #now: () => number
  readonly #requests: RateLimiter
  readonly #data: RateLimiter
  readonly #maxCost: number
  readonly #inFlight = new Set<Promise<void>>()
  #stopping = new AbortController()

  constructor({ registrar, logger }: ChainServerComponents, init: ChainServerInit) {
    const { requestRate, dataRate } = { ...DEFAULT_CHAIN_LIMITS, ...init.limits }
    this.#registrar = registrar
    this.#log = logger.forComponent('talos:chain')
    this.#init = init
    this.#now = init.now ?? Date.now
    this.#requests = new RateLimiter(requestRate)
    this.#data = new RateLimiter(dataRate)
    this.#maxCost = dataRate.burst
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#registrar.handle(CHAIN_PROTOCOL, (stream, connection) => this.#track(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#registrar.unhandle(CHAIN_PROTOCOL)
    this.#stopping.abort(new Error('the node is stopping'))
    await Promise.allSettled(this.#inFlight)
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
    const peer = connection.remotePeer.toString()
    let haste = 0
    try {
      if (this.#init.isWelcome?.(peer) === false) throw new Error('not welcome')
      for (;;) {
        const frame = await frames.read(AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(IDLE_TIMEOUT)]))
        if (frame === undefined) break
        const request = decodeRequest(frame)
        for await (const answer of this.#answer(request, connection)) {
          this.#init.onAnswer?.(request.kind, answer.status)
          if (answer.status === 'rateLimited' && ++haste > MAX_HASTE) throw new Error('requests come too fast')
          const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(READ_PATIENCE)])
          await schedulerOf(connection).run('bulk', () => frames.write(encodeAnswer(answer), signal), signal)
        }
      }
      await frames.close(AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(READ_PATIENCE)]))
    } catch (error) {
      this.#log('stream of %s ended - %e', peer, error)
      if (isFault(error)) this.#init.onFault?.(peer, error as Error)
      frames.abort(error as Error)
    }
  }

  /** One answer, and for blocks as many as they take. */
  async *#answer(request: ChainRequest, connection: Connection): AsyncGenerator<Answer> {
    const peer = connection.remotePeer.toString()
    const source = this.#init.source(request.chain)
    try {
      const wait = this.#requests.take(peer, COST[request.kind], this.#now())
      if (wait > 0) yield hasty(wait)
      else if (request.kind === 'unknown') yield { status: 'unknownRequest' }
      else if (source === undefined) yield { status: 'unknownChain' }
      else if (request.kind === 'blocks') yield* this.#blocks(source, request.hashes, peer)
      else yield await this.#one(source, request, connection)
    } catch (error) {
      this.#log.error('could not answer - %e', error)
      yield { status: 'internal', message: 'the chain could not be read' }
    }
  }

  async #one(
    source: ChainSource,
    request: Exclude<ChainRequest, { kind: 'blocks' | 'unknown' }>,
    connection: Connection
  ): Promise<Answer> {
    switch (request.kind) {
      case 'status': {
        const chainStatus = encodeStatus(source.status())
        this.#init.onStatus?.(connection, request.chain, request.status)
        return { status: 'ok', chainStatus }
      }
      case 'headers': {
        const found = await source.headers(request.locator, request.max)
        if (found === undefined) return { status: 'notFound' }
        const { height, headers } = found
        return this.#metered(connection, headers.length, { status: 'ok', headers: { height, headers: own(headers) } })
      }
      case 'proof': {
        const proof = await source.proof(request.record, request.size)
        if (proof === undefined) return { status: 'notFound' }
        return this.#metered(connection, proof.length, { status: 'ok', proof: own(proof) })
      }
      case 'records': {
        const { records, next, evidence = [] } = await source.records(request.after)
        const all = [...records.map(({ record }) => record), ...evidence]
        const length = all.reduce((sum, bytes) => sum + bytes.length, 0)
        const page = {
          records: records.map(({ record, signature }) => ({ record: own(record), signature: own(signature) })),
          next: own(next ?? new Uint8Array()),
          evidence: evidence.map(own)
        }
        return this.#metered(connection, length, { status: 'ok', records: page })
      }
    }
  }

  /** Blocks in the order in which they were asked for, as one run of bytes; it ends before the first that is not there. */
  async *#blocks(source: ChainSource, hashes: readonly Uint8Array[], peer: string): AsyncGenerator<Answer> {
    let held: Uint8Array[] = []
    let length = 0
    const piece = (): Answer => {
      const data = own(Buffer.concat(held))
      held = []
      length = 0
      return { status: 'ok', blocks: { data } }
    }
    for (const hash of hashes) {
      const block = await source.block(hash)
      if (block === undefined) {
        if (length > 0) yield piece()
        yield { status: 'notFound' }
        return
      }
      const wait = this.#data.take(peer, Math.min(Math.max(block.length, MIN_BLOCK_COST), this.#maxCost), this.#now())
      if (wait > 0) {
        if (length > 0) yield piece()
        yield hasty(wait)
        return
      }
      for (let at = 0; at < block.length; ) {
        const part = block.subarray(at, at + MAX_PIECE - length)
        held.push(part)
        length += part.length
        at += part.length
        if (length === MAX_PIECE) yield piece()
      }
    }
    if (length > 0) yield piece()
  }

  #metered(connection: Connection, length: number, answer: Answer): Answer {
    const wait = this.#data.take(connection.remotePeer.toString(), length, this.#now())
    return wait > 0 ? hasty(wait) : answer
  }
}

const hasty = (retryAfter: number): Answer => ({ status: 'rateLimited', retryAfter, message: 'too much is asked for' })

/** What no peer does that keeps to the protocol; streams that end are none. */
const isFault = (error: unknown): boolean =>
  isTalosError(error, 'CHAIN_PEER_FAULT') ||
  isTalosError(error, 'NETWORK_FRAME_TOO_LARGE') ||
  isTalosError(error, 'NETWORK_FRAME_MALFORMED')
