import type { ComponentLogger, Connection, Logger, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { FrameStream } from '../framing/index.ts'
import { networkAddressOf, type Rate, RateLimiter } from '../limits/index.ts'
import {
  EXCHANGE_TIMEOUT,
  MAX_FRAME_LENGTH,
  MAX_REQUEST_LENGTH,
  MAX_STREAMS,
  STATUS,
  type StatusName,
  WITNESS_PROTOCOL
} from './constants.ts'
import { WitnessRequest, WitnessResponse } from './pb/witness.ts'
import { Witness, type WitnessAnswer, type WitnessInit } from './witness.ts'

/** Tokens that a request costs. One that brings parameters may begin a chain, which stays in the store. */
const COST = { latest: 1, add: 1, begin: 20 } as const

const PEER_RATE: Rate = { burst: 120, perSecond: 1 }
const ADDRESS_RATE: Rate = { burst: 1_200, perSecond: 10 }

export interface WitnessServerInit extends WitnessInit {
  /** Requests of one peer. @default 120 at once, and one more each second */
  peerRate?: Rate
  /** Called with each answer, for metrics. */
  onAnswer?: (status: StatusName) => void
}

export interface WitnessServerComponents {
  registrar: Registrar
  logger: ComponentLogger
}

type Answer = WitnessAnswer & { retryAfter?: number }

/** Answers /talos/witness/1.0.0 (docs/spec/witness.md). */
export class WitnessServer implements Startable {
  readonly [Symbol.toStringTag] = '@talos/witness-server'
  readonly #components: WitnessServerComponents
  readonly #init: WitnessServerInit
  readonly #log: Logger
  readonly #peers: RateLimiter
  readonly #addresses = new RateLimiter(ADDRESS_RATE)
  readonly #inFlight = new Set<Promise<void>>()
  #witness: Witness | undefined

  constructor(components: WitnessServerComponents, init: WitnessServerInit) {
    this.#components = components
    this.#init = init
    this.#log = components.logger.forComponent('talos:witness')
    this.#peers = new RateLimiter(init.peerRate ?? PEER_RATE)
  }

  /** There once it has started. */
  get witness(): Witness | undefined {
    return this.#witness
  }

  /** Throws STORAGE_*. */
  async start(): Promise<void> {
    this.#witness = await Witness.open(this.#init)
    await this.#components.registrar.handle(WITNESS_PROTOCOL, (stream, connection) => this.#track(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#components.registrar.unhandle(WITNESS_PROTOCOL)
    await Promise.allSettled(this.#inFlight)
    this.#witness = undefined
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

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameLength: MAX_REQUEST_LENGTH })
    const deadline = AbortSignal.timeout(EXCHANGE_TIMEOUT)
    try {
      const frame = await frames.read(deadline)
      if (frame === undefined) throw new Error('a stream without a request')
      const answer = await this.#answer(frame, connection)
      this.#init.onAnswer?.(answer.status)
      frames.setMaxFrameLength(MAX_FRAME_LENGTH)
      await frames.write(encode(answer), deadline)
      await frames.finish(deadline)
    } catch (error) {
      this.#log('stream of %p ended - %e', connection.remotePeer, error)
      frames.abort(error as Error)
    }
  }

  async #answer(frame: Uint8Array, connection: Connection): Promise<Answer> {
    try {
      const request = decode(frame)
      const witness = this.#witness
      if (request === undefined || witness === undefined) return { status: 'malformed' }
      const { latest, addCheckpoint, params } = request
      const cost = latest.length > 0 ? COST.latest : params.length > 0 ? COST.begin : COST.add
      const wait = this.#wait(connection, cost)
      if (wait > 0) return { status: 'rateLimited', retryAfter: wait }
      return await (latest.length > 0 ? witness.latest(latest) : witness.addCheckpoint(textOf(addCheckpoint), params))
    } catch (error) {
      this.#log.error('could not answer - %e', error)
      return { status: 'internal' }
    }
  }

  #wait({ remoteAddr, remotePeer }: Connection, cost: number): number {
    const now = (this.#init.now ?? Date.now)()
    return (
      this.#addresses.take(networkAddressOf(remoteAddr), cost, now) ||
      this.#peers.take(remotePeer.toString(), cost, now)
    )
  }
}

/** Undefined for anything but exactly one request. */
function decode(frame: Uint8Array): WitnessRequest | undefined {
  try {
    const request = WitnessRequest.decode(frame)
    return request.latest.length > 0 === request.addCheckpoint.length > 0 ? undefined : request
  } catch {
    return undefined
  }
}

/** Text that is not UTF-8 is none that could be signed. */
function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return Buffer.byteLength(text) === bytes.length ? text : ''
}

function encode({ status, body = '', evidence, retryAfter = 0 }: Answer): Uint8Array {
  return WitnessResponse.encode({
    status: STATUS[status],
    body: new TextEncoder().encode(body),
    ...(evidence === undefined ? {} : { evidence: Uint8Array.from(evidence) }),
    retryAfter
  })
}
