import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { TalosError } from '../../../errors.ts'
import { FrameStream } from '../../framing/index.ts'
import { RateLimiter } from '../../limits/index.ts'
import type { MainSessions, StreamSessions } from '../../sessions/index.ts'
import {
  CLOSED_GRACE,
  DEFAULT_GRACE,
  DEFAULT_MAX_LINE,
  HANDSHAKE_TIMEOUT,
  MCP_PROTOCOL,
  maxFrameLength,
  OPEN_COST,
  OPEN_RATE,
  REFUSAL,
  SESSION_COST
} from './constants.ts'
import { acceptOpen, readOpen, refuse } from './handshake.ts'
import { ResumableLink, type TunnelLink, type TunnelLinkEvents } from './link.ts'
import type { TunnelOpen } from './pb/tunnel.ts'

export interface TunnelHostInit {
  /** Names of the services offered. An empty name in a request means the only one. */
  services: string[]
  /** Asked for every stream, before anything is read from it. */
  isAuthorised(peer: PeerId): boolean
  /** A tunnel of this peer for this service is likely to open: what a session needs may be begun. Called more than once. */
  prepare?(peer: PeerId, service: string): void
  /** Serves one session over its link; called once per tunnel. The link is ended when it settles. */
  serve(
    link: TunnelLink,
    session: {
      peer: PeerId
      service: string
      /** Longest line that the agent's side accepts, in bytes. */
      maxLine: number
      signal: AbortSignal
    }
  ): Promise<void>
  sessions: MainSessions
  streams: StreamSessions
  /** Longest JSON-RPC message, in bytes. @default 10_485_760 */
  maxLine?: number
  /** How long a tunnel whose link fell silent is kept, in milliseconds. @default 30_000 */
  grace?: number
  /** Sessions in all. @default 64 */
  maxSessions?: number
  /** Sessions of one peer. @default 16 */
  maxSessionsPerPeer?: number
}

export interface TunnelHostComponents {
  peerId: PeerId
  registrar: Registrar
  logger: ComponentLogger
}

export interface TunnelHost {
  /** Sessions that are open or within their grace time. */
  readonly sessionCount: number
}

interface HostedTunnel {
  peer: PeerId
  service: string
  /** Longest line that the opener accepts, in bytes. */
  maxLine: number
  link: ResumableLink
  done: Promise<void>
}

/** The owner's end of the MCP tunnel as a libp2p service: authorises, shakes hands, resumes, and hands links to `serve`. */
export function tunnelHost(init: TunnelHostInit): (components: TunnelHostComponents) => TunnelHost {
  return components => new Host(components, init)
}

class Host implements TunnelHost, Startable {
  readonly #self: PeerId
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #init: Required<TunnelHostInit>
  readonly #rate = new RateLimiter(OPEN_RATE)
  readonly #tunnels = new Map<string, HostedTunnel>()
  #shutdown = new AbortController()

  constructor(components: TunnelHostComponents, init: TunnelHostInit) {
    this.#self = components.peerId
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('talos:mcp:host')
    this.#init = {
      maxLine: DEFAULT_MAX_LINE,
      grace: DEFAULT_GRACE,
      maxSessions: 64,
      maxSessionsPerPeer: 16,
      prepare: () => {},
      ...init
    }
  }

  get sessionCount(): number {
    return this.#tunnels.size
  }

  async start(): Promise<void> {
    this.#shutdown = new AbortController()
    await this.#registrar.handle(MCP_PROTOCOL, (stream, connection) => this.#onStream(stream, connection), {
      maxInboundStreams: this.#init.maxSessionsPerPeer + 4,
      runOnLimitedConnection: true
    })
  }

  async beforeStop(): Promise<void> {
    await this.#registrar.unhandle(MCP_PROTOCOL)
    const reason = new TalosError('TUNNEL_HOST_STOPPED', "the tool's host was stopped by its owner")
    this.#shutdown.abort(reason)
    const tunnels = [...this.#tunnels.values()]
    await Promise.all(tunnels.map(tunnel => tunnel.link.end(reason)))
    await Promise.all(tunnels.map(tunnel => tunnel.done))
  }

  async stop(): Promise<void> {}

  async #onStream(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer
    const frames = new FrameStream(stream, { maxFrameLength: maxFrameLength(this.#init.maxLine) })
    const signal = AbortSignal.any([this.#shutdown.signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)])
    try {
      if (!this.#init.isAuthorised(peer)) {
        this.#log('refused %p: not authorised', peer)
        await refuse(frames, REFUSAL.notAuthorised, signal)
        return
      }
      if (this.#take(peer, OPEN_COST) > 0) {
        this.#log('refused %p: it opens streams too often', peer)
        await refuse(frames, REFUSAL.busy, signal)
        return
      }
      // who has a tunnel here most likely takes it up again
      const [service, ...others] = this.#init.services
      if (others.length === 0 && this.#tunnelsOf(peer) === 0) this.#init.prepare(peer, service!)
      await this.#open(frames, connection, signal)
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

  async #open(frames: FrameStream, connection: Connection, signal: AbortSignal): Promise<void> {
    const open = await readOpen(frames, connection.remotePeer, this.#init.sessions, signal)
    try {
      await this.#answer(open, frames, connection, signal)
    } finally {
      open.secret.fill(0)
    }
  }

  async #answer(open: TunnelOpen, frames: FrameStream, connection: Connection, signal: AbortSignal): Promise<void> {
    const { sessions, streams, maxLine, grace } = this.#init
    const peer = connection.remotePeer
    const id = Buffer.from(open.tunnelId).toString('hex')
    const known = this.#tunnels.get(id)

    if (open.resume) {
      // authority is the authenticated stream's peer: another peer's tunnel does not exist for this one
      if (known === undefined || !known.peer.equals(peer) || known.link.hasEnded) {
        return refuse(frames, REFUSAL.unknownTunnel, signal)
      }
      const answer = { received: known.link.received, maxLine, service: known.service, grace }
      const channel = await acceptOpen(frames, this.#self, connection, open, answer, sessions, streams, signal)
      known.link.attach(channel, open.received)
      return
    }

    const service = open.service === '' && this.#init.services.length === 1 ? this.#init.services[0]! : open.service
    if (!this.#init.services.includes(service)) return refuse(frames, REFUSAL.unknownService, signal)
    if (
      known !== undefined ||
      this.#tunnels.size >= this.#init.maxSessions ||
      this.#tunnelsOf(peer) >= this.#init.maxSessionsPerPeer ||
      this.#take(peer, SESSION_COST - OPEN_COST) > 0
    ) {
      return refuse(frames, REFUSAL.busy, signal)
    }

    this.#init.prepare(peer, service)
    const link = new ResumableLink()
    this.#keep(id, { peer, service, link, maxLine: open.maxLine })
    try {
      const answer = { received: 0, maxLine, service, grace }
      link.attach(await acceptOpen(frames, this.#self, connection, open, answer, sessions, streams, signal), 0)
    } catch (error) {
      await link.end(error as TalosError)
      throw error
    }
  }

  #tunnelsOf(peer: PeerId): number {
    return [...this.#tunnels.values()].filter(tunnel => tunnel.peer.equals(peer)).length
  }

  #keep(id: string, tunnel: Omit<HostedTunnel, 'done'>): void {
    const { peer, service, link, maxLine } = tunnel
    let graceTimer: NodeJS.Timeout | undefined
    link.addEventListener('interrupted', (event: TunnelLinkEvents['interrupted']) => {
      const wait = event.detail.closed ? Math.min(CLOSED_GRACE, this.#init.grace) : this.#init.grace
      clearTimeout(graceTimer)
      graceTimer = setTimeout(
        () => void link.end(new TalosError('TUNNEL_LOST', 'the link did not come back in time')),
        wait
      )
    })
    link.addEventListener('resumed', () => clearTimeout(graceTimer))
    link.addEventListener('ended', () => clearTimeout(graceTimer))

    const done = this.#init
      .serve(link, { peer, service, maxLine, signal: link.signal })
      .catch(error => this.#log.error('session of %p ended: %e', peer, error))
      .then(() => link.end())
      .finally(() => this.#tunnels.delete(id))
    this.#tunnels.set(id, { ...tunnel, done })
  }
}
