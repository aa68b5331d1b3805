import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { isTalosError, TalosError } from '../../../errors.ts'
import { FrameStream } from '../../framing/index.ts'
import { RateLimiter } from '../../limits/index.ts'
import type { MainSessions, StreamSessions } from '../../sessions/index.ts'
import type { TunnelChannel } from './channel.ts'
import {
  HANDSHAKE_FRAME_LENGTH,
  HANDSHAKE_TIMEOUT,
  MCP_PROTOCOL,
  maxFrameLength,
  OPEN_COST,
  OPEN_RATE,
  REFUSAL,
  SESSION_COST
} from './constants.ts'
import { acceptOpen, readOpen, refuse } from './handshake.ts'
import type { TunnelOpen } from './pb/tunnel.ts'

/** A stream that a peer wants to open, its OPEN read and genuine. */
export interface TunnelRequest {
  /** 32 hexadecimal digits. */
  tunnelId: string
  /** PeerId of the opener, from the authenticated stream. */
  peer: string
  service: string
  /** To take up an interrupted tunnel, of which the opener has received so many lines. */
  resume: { received: number } | undefined
  /** Longest line that the opener accepts, in bytes. */
  maxLine: number
}

/** The answer to a TunnelRequest: a reason of REFUSAL, or what to do with the stream when the handshake is over. */
export type TunnelAdmission =
  | { refused: number }
  | {
      /** Lines received so far (0 in a new tunnel). */
      received: number
      /** 8 bytes, the same for every stream of the tunnel. */
      hostId: Uint8Array
      attach(channel: TunnelChannel): void
      /** The handshake failed. */
      abandon(error: TalosError): void
    }

/** Services of one program, and who may use them. */
export interface TunnelOffer {
  services: readonly string[]
  /** PeerIds. */
  authorizedPeers: readonly string[]
  /** Longest JSON-RPC message, in bytes. */
  maxLine: number
  /** How long a tunnel whose link fell silent is kept, in milliseconds. */
  grace: number
  /** The process that offers. */
  pid: number
  /** A peer that may use the service has come: what a session needs may be begun. Called for each stream that it opens. */
  prepare(peer: string, service: string): void
  admit(request: TunnelRequest, signal: AbortSignal): Promise<TunnelAdmission>
}

export interface TunnelHostInit {
  sessions: MainSessions
  streams: StreamSessions
  /**
   * Whether the peer may use the service, or any, though nobody offers it at this moment. Such a peer is told so, others that
   * they are not authorised.
   */
  isAwaited(peer: PeerId, service?: string): Promise<boolean>
  /** A peer was refused what it is not authorised for: for each stream that it opens. */
  onDenied?(peer: PeerId, reason: 'not-authorised' | 'unknown-service'): void
}

export interface TunnelHostComponents {
  peerId: PeerId
  registrar: Registrar
  logger: ComponentLogger
}

export interface TunnelHost {
  /** Offers services until the returned function is called. Throws TUNNEL_SERVICE_TAKEN. */
  offer(offer: TunnelOffer): () => void
}

/** Streams of one connection at a time: its sessions, and some that are being taken up. */
const MAX_STREAMS = 20

/**
 * The owner's end of the MCP tunnel as a libp2p service: authorises, shakes hands, and hands streams to whoever offers the
 * service. A service exists for a peer only if its offer authorises that peer.
 */
export function tunnelHost(init: TunnelHostInit): (components: TunnelHostComponents) => TunnelHost {
  return components => new Host(components, init)
}

/** The program that offered the service has just ended. */
function unlessGone(error: unknown): { refused: number } {
  if (!isTalosError(error, 'NODE_GONE')) throw error
  return { refused: REFUSAL.notNow }
}

class Host implements TunnelHost, Startable {
  readonly #self: PeerId
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #init: TunnelHostInit
  readonly #rate = new RateLimiter(OPEN_RATE)
  readonly #offers = new Set<TunnelOffer>()
  #shutdown = new AbortController()

  constructor(components: TunnelHostComponents, init: TunnelHostInit) {
    this.#self = components.peerId
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('talos:mcp:host')
    this.#init = init
  }

  offer(offer: TunnelOffer): () => void {
    for (const { services, pid } of this.#offers) {
      const taken = services.find(service => offer.services.includes(service))
      if (taken === undefined) continue
      throw new TalosError('TUNNEL_SERVICE_TAKEN', `"${taken}" is served here by another program (process ${pid})`, {
        hint: 'Choose another name with --name.'
      })
    }
    this.#offers.add(offer)
    return () => this.#offers.delete(offer)
  }

  async start(): Promise<void> {
    this.#shutdown = new AbortController()
    await this.#registrar.handle(MCP_PROTOCOL, (stream, connection) => this.#onStream(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#registrar.unhandle(MCP_PROTOCOL)
    this.#shutdown.abort(new TalosError('TUNNEL_HOST_STOPPED', "the tool's host was stopped by its owner"))
  }

  async #onStream(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer
    const frames = new FrameStream(stream, { maxFrameLength: HANDSHAKE_FRAME_LENGTH })
    const signal = AbortSignal.any([this.#shutdown.signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)])
    try {
      const offers = [...this.#offers].filter(({ authorizedPeers }) => authorizedPeers.includes(peer.toString()))
      if (offers.length === 0) {
        const isAwaited = await this.#init.isAwaited(peer)
        this.#log('refused %p: %s', peer, isAwaited ? 'nothing for it is served now' : 'not authorised')
        if (!isAwaited) this.#init.onDenied?.(peer, 'not-authorised')
        await refuse(frames, isAwaited ? REFUSAL.notNow : REFUSAL.notAuthorised, signal)
      } else if (this.#take(peer, OPEN_COST) > 0) {
        this.#log('refused %p: it opens streams too often', peer)
        await refuse(frames, REFUSAL.busy, signal)
      } else {
        const [service, ...others] = offers.flatMap(({ services }) => services)
        if (others.length === 0) offers[0]!.prepare(peer.toString(), service!)
        await this.#open(frames, connection, offers, signal)
      }
    } catch (error) {
      this.#log.error('a tunnel of %p did not open: %e', peer, error)
      if (stream.writeStatus !== 'writable') return // it was told
      await refuse(frames, REFUSAL.unsupported, AbortSignal.timeout(1_000)).catch(reason => frames.abort(reason))
    }
  }

  /** Milliseconds that the peer has to wait; 0 when `cost` has been taken. */
  #take(peer: PeerId, cost: number): number {
    return this.#rate.take(peer.toString(), cost, performance.now())
  }

  async #open(
    frames: FrameStream,
    connection: Connection,
    offers: readonly TunnelOffer[],
    signal: AbortSignal
  ): Promise<void> {
    const open = await readOpen(frames, connection.remotePeer, this.#init.sessions, signal)
    try {
      await this.#answer(open, frames, connection, offers, signal)
    } finally {
      open.secret.fill(0)
    }
  }

  async #answer(
    open: TunnelOpen,
    frames: FrameStream,
    connection: Connection,
    offers: readonly TunnelOffer[],
    signal: AbortSignal
  ): Promise<void> {
    const { sessions, streams } = this.#init
    const peer = connection.remotePeer
    const known = offers.flatMap(offer => offer.services.map(service => ({ offer, service })))
    const wanted = known.length === 1 && open.service === '' ? known[0] : known.find(it => it.service === open.service)
    if (wanted === undefined) {
      const isAwaited = await this.#init.isAwaited(peer, open.service)
      if (!isAwaited) this.#init.onDenied?.(peer, 'unknown-service')
      return refuse(frames, isAwaited ? REFUSAL.notNow : REFUSAL.unknownService, signal)
    }
    const { offer, service } = wanted
    if (!open.resume && this.#take(peer, SESSION_COST - OPEN_COST) > 0) return refuse(frames, REFUSAL.busy, signal)
    const request = {
      tunnelId: Buffer.from(open.tunnelId).toString('hex'),
      peer: peer.toString(),
      service,
      resume: open.resume ? { received: open.received } : undefined,
      maxLine: open.maxLine
    }
    const admission = await offer.admit(request, signal).catch(unlessGone)
    if ('refused' in admission) return refuse(frames, admission.refused, signal)
    const { received, hostId } = admission
    const { maxLine, grace } = offer
    frames.setMaxFrameLength(maxFrameLength(maxLine))
    try {
      const answer = { received, maxLine, service, grace, hostId }
      admission.attach(await acceptOpen(frames, this.#self, connection, open, answer, sessions, streams, signal))
    } catch (error) {
      admission.abandon(error as TalosError)
      throw error
    }
  }
}
