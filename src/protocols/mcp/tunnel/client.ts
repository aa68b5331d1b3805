import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError, TalosError } from '../../../errors.ts'
import { CLOSED_GRACE, DEFAULT_MAX_LINE, MAX_GRACE, TUNNEL_ID_LENGTH } from './constants.ts'
import { ResumableLink, type TunnelLinkEvents } from './link.ts'
import type { Channel } from './message.ts'

/** Waits between attempts to take up a broken link. Milliseconds; the last one repeats. */
const RESUME_BACKOFF = [0, 100, 200, 400, 800, 1_500]

/** One attempt to take up a broken link may take this long. Milliseconds. */
const RESUME_ATTEMPT_TIMEOUT = 3_000

export interface OpenRequest {
  tunnelId: Uint8Array
  service: string
  /** Longest line that we accept. Bytes. */
  maxLine: number
  /** Given to take up an interrupted tunnel: the lines received so far. */
  resume?: { received: number }
}

/** What the host has answered to an OPEN. */
export interface OpenAnswer {
  /** Lines that the host has received so far (0 in a new tunnel). */
  received: number
  /** Longest line that the host accepts. Bytes. */
  maxLine: number
  service: string
  /** How long the host keeps an interrupted tunnel. Milliseconds. */
  grace: number
  /** 8 bytes: what the host adds to the tunnel's id for the records of both sides. */
  hostId: Uint8Array
}

/** The connection below a stream of a tunnel. */
export interface TunnelConnection {
  readonly id: string
  /** False through a relay. */
  readonly direct: boolean
  /** The tunnel goes on elsewhere. A connection that fell silent is closed, so that nobody is given it again. */
  leave(silent: boolean): void
}

/** A stream of a tunnel, open at the host. */
export interface TunnelStream extends OpenAnswer {
  channel: Channel
  connection: TunnelConnection
}

/** Throws what a handshake throws (see openChannel()), and NETWORK_*. */
export type OpenStream = (request: OpenRequest, signal: AbortSignal) => Promise<TunnelStream>

export interface TunnelClientInit {
  /** Opens a stream at the host, over the connection that there is, or a new one. */
  open: OpenStream
  /** Name of the service; empty for the only one of the host. @default '' */
  service?: string
  /** Longest JSON-RPC message accepted, in bytes. @default 10_485_760 */
  maxLine?: number
}

export interface OpenTunnel {
  link: ResumableLink
  /** What the records of both sides call it: 48 hexadecimal digits. */
  recordsId: string
  connection(): TunnelConnection
  /**
   * Goes on over the connection that `connect` makes and opens streams on, a direct one instead of a relayed one say. Nothing
   * is lost. Throws when that fails, and the tunnel stays where it was.
   */
  moveTo(connect: (signal: AbortSignal) => Promise<OpenStream>, signal: AbortSignal): Promise<void>
  /** Longest line that the host accepts, in bytes. */
  maxLine: number
  service: string
}

/** What the records of both sides call a tunnel: each side has drawn a part of it, so that neither can make the other use a name twice. */
export const recordsId = (tunnelId: Uint8Array, hostId: Uint8Array): string =>
  Buffer.concat([tunnelId, hostId]).toString('hex')

/**
 * Opens a tunnel and keeps it: a broken link is dialled again and taken up until the grace time is over, then the link ends
 * with TUNNEL_LOST. Throws what opening a stream throws.
 */
export async function openTunnel(init: TunnelClientInit, signal: AbortSignal): Promise<OpenTunnel> {
  const tunnelId = randomBytes(TUNNEL_ID_LENGTH)
  const maxLine = init.maxLine ?? DEFAULT_MAX_LINE
  const first = await init.open({ tunnelId, maxLine, service: init.service ?? '' }, signal)
  const link = new ResumableLink()
  let connection = first.connection
  const stopped = new AbortController()

  link.addEventListener('ended', () => stopped.abort())
  link.addEventListener('interrupted', (event: TunnelLinkEvents['interrupted']) => {
    // a connection that fell silent still counts as open: a new dial would be given the dead one
    if (!event.detail.closed) connection.leave(true)
    const grace = Math.min(event.detail.closed ? CLOSED_GRACE : MAX_GRACE, first.grace)
    resume(grace).catch(error => link.end(error as TalosError))
  })

  async function takeUp(open: OpenStream, signal: AbortSignal): Promise<void> {
    const attemptSignal = AbortSignal.any([signal, AbortSignal.timeout(RESUME_ATTEMPT_TIMEOUT)])
    const request = { tunnelId, maxLine, service: first.service, resume: { received: link.received } }
    const opened = await open(request, attemptSignal)
    connection = opened.connection
    link.attach(opened.channel, opened.received)
  }

  // one at a time: the host resets the older stream when it takes the newer, and two attempts would chase each other for ever
  let taking: Promise<unknown> = Promise.resolve()
  function inTurn(work: () => Promise<void>): Promise<void> {
    const turn = taking.then(work)
    taking = turn.catch(() => {})
    return turn
  }

  async function moveTo(connect: (signal: AbortSignal) => Promise<OpenStream>, moveSignal: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, moveSignal])
    // the dial is not part of the turn: it may take longer than a broken link can wait
    const open = await connect(signal)
    await inTurn(async () => {
      const before = connection
      await takeUp(open, signal)
      if (before.id !== connection.id) before.leave(false)
    })
  }

  async function resume(grace: number): Promise<void> {
    const deadline = AbortSignal.any([stopped.signal, AbortSignal.timeout(grace)])
    for (let attempt = 0; ; attempt++) {
      try {
        await delay(RESUME_BACKOFF[Math.min(attempt, RESUME_BACKOFF.length - 1)], undefined, { signal: deadline })
        await inTurn(async () => {
          if (!link.isAttached) await takeUp(init.open, deadline)
        })
        return
      } catch (cause) {
        if (stopped.signal.aborted) return
        const final = isTalosError(cause, 'TUNNEL_UNKNOWN') || isTalosError(cause, 'TUNNEL_NOT_AUTHORISED')
        if (final || deadline.aborted) {
          throw isTalosError(cause, 'TUNNEL_NOT_AUTHORISED')
            ? cause
            : new TalosError('TUNNEL_LOST', 'the link to the host broke and could not be taken up again', { cause })
        }
      }
    }
  }

  link.attach(first.channel, first.received)
  return {
    link,
    recordsId: recordsId(tunnelId, first.hostId),
    connection: () => connection,
    moveTo,
    maxLine: first.maxLine,
    service: first.service
  }
}
