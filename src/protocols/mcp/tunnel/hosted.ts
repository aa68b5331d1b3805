import { randomBytes } from 'node:crypto'
import { TalosError } from '../../../errors.ts'
import { recordsId } from './client.ts'
import { CLOSED_GRACE, DEFAULT_GRACE, DEFAULT_MAX_LINE, HOST_ID_LENGTH, REFUSAL } from './constants.ts'
import type { TunnelRequest } from './host.ts'
import { ResumableLink, type TunnelLink, type TunnelLinkEvents } from './link.ts'
import type { Channel } from './message.ts'

export interface HostedTunnelsInit {
  /** Serves one session over its link; called once per tunnel. The link is ended when it settles. */
  serve(
    link: TunnelLink,
    session: {
      /** PeerId of the agent's machine. */
      peer: string
      service: string
      /** What the records of both sides call the tunnel: 48 hexadecimal digits. */
      recordsId: string
      /** Longest line that the agent's side accepts, in bytes. */
      maxLine: number
      signal: AbortSignal
    }
  ): Promise<void>
  /** A tunnel of this peer for this service is likely to open: what a session needs may be begun. Called more than once. */
  prepare?(peer: string, service: string): void
  /** Longest JSON-RPC message, in bytes. @default 10_485_760 */
  maxLine?: number
  /** How long a tunnel whose link fell silent is kept, in milliseconds. @default 30_000 */
  grace?: number
  /** Sessions in all. @default 64 */
  maxSessions?: number
  /** Sessions of one peer. @default 16 */
  maxSessionsPerPeer?: number
}

interface HostedTunnel {
  peer: string
  hostId: Uint8Array
  link: ResumableLink
  done: Promise<void>
}

/** What the owner of a stream does with it: see TunnelAdmission. */
type Admission =
  | { refused: number }
  | { received: number; hostId: Uint8Array; attach(channel: Channel): void; abandon(error: TalosError): void }

/** The tunnels of a program that offers services: they outlive the streams that carry them, and the node that these go through. */
export class HostedTunnels {
  readonly maxLine: number
  readonly grace: number
  readonly #init: Required<Pick<HostedTunnelsInit, 'serve' | 'prepare' | 'maxSessions' | 'maxSessionsPerPeer'>>
  readonly #tunnels = new Map<string, HostedTunnel>()
  #stopped = false

  constructor(init: HostedTunnelsInit) {
    this.maxLine = init.maxLine ?? DEFAULT_MAX_LINE
    this.grace = init.grace ?? DEFAULT_GRACE
    this.#init = { prepare: () => {}, maxSessions: 64, maxSessionsPerPeer: 16, ...init }
  }

  /** Tunnels that are open or within their grace time. */
  get size(): number {
    return this.#tunnels.size
  }

  /** The peer has come. One that has a tunnel here most likely takes it up again. */
  prepare(peer: string, service: string): void {
    if (this.#of(peer) === 0) this.#init.prepare(peer, service)
  }

  admit({ tunnelId, peer, service, resume, maxLine }: TunnelRequest): Admission {
    const known = this.#tunnels.get(tunnelId)
    if (resume !== undefined) {
      // authority is the authenticated stream's peer: another peer's tunnel does not exist for this one
      if (known === undefined || known.peer !== peer || known.link.hasEnded) return { refused: REFUSAL.unknownTunnel }
      const { link, hostId } = known
      return {
        received: link.received,
        hostId,
        attach: channel => link.attach(channel, resume.received),
        abandon: () => {}
      }
    }
    const isFull = this.#tunnels.size >= this.#init.maxSessions || this.#of(peer) >= this.#init.maxSessionsPerPeer
    if (known !== undefined || isFull || this.#stopped) return { refused: REFUSAL.busy }
    this.#init.prepare(peer, service)
    const link = new ResumableLink()
    const hostId = randomBytes(HOST_ID_LENGTH)
    this.#keep(tunnelId, hostId, link, { peer, service, maxLine })
    return {
      received: 0,
      hostId,
      attach: channel => link.attach(channel, 0),
      abandon: error => void link.end(error)
    }
  }

  /** Ends all tunnels; resolves when their sessions are over. */
  async stop(): Promise<void> {
    this.#stopped = true
    const reason = new TalosError('TUNNEL_HOST_STOPPED', "the tool's host was stopped by its owner")
    const tunnels = [...this.#tunnels.values()]
    await Promise.all(tunnels.map(tunnel => tunnel.link.end(reason)))
    await Promise.all(tunnels.map(tunnel => tunnel.done))
  }

  #of(peer: string): number {
    return [...this.#tunnels.values()].filter(tunnel => tunnel.peer === peer).length
  }

  #keep(
    tunnelId: string,
    hostId: Uint8Array,
    link: ResumableLink,
    session: { peer: string; service: string; maxLine: number }
  ): void {
    let graceTimer: NodeJS.Timeout | undefined
    link.addEventListener('interrupted', (event: TunnelLinkEvents['interrupted']) => {
      const wait = event.detail.closed ? Math.min(CLOSED_GRACE, this.grace) : this.grace
      clearTimeout(graceTimer)
      graceTimer = setTimeout(
        () => void link.end(new TalosError('TUNNEL_LOST', 'the link did not come back in time')),
        wait
      )
    })
    link.addEventListener('resumed', () => clearTimeout(graceTimer))
    link.addEventListener('ended', () => clearTimeout(graceTimer))

    const done = this.#init
      .serve(link, { ...session, recordsId: recordsId(Buffer.from(tunnelId, 'hex'), hostId), signal: link.signal })
      // a session reports its own troubles
      .catch(() => {})
      .then(() => link.end())
      .finally(() => this.#tunnels.delete(tunnelId))
    this.#tunnels.set(tunnelId, { peer: session.peer, hostId, link, done })
  }
}
