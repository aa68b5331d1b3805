import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection, PeerId } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../../errors.ts'
import { FrameStream } from '../../framing/index.ts'
import type { MainSessions, StreamSessions } from '../../sessions/index.ts'
import {
  CLOSED_GRACE,
  DEFAULT_MAX_LINE,
  HANDSHAKE_TIMEOUT,
  MAX_GRACE,
  MCP_PROTOCOL,
  maxFrameLength,
  TUNNEL_ID_LENGTH
} from './constants.ts'
import { type OpenedChannel, type OpenRequest, openChannel } from './handshake.ts'
import { ResumableLink, type TunnelLinkEvents } from './link.ts'

/** Waits between attempts to take up a broken link. Milliseconds; the last one repeats. */
const RESUME_BACKOFF = [0, 100, 200, 400, 800, 1_500]

/** One attempt to take up a broken link may take this long. Milliseconds. */
const RESUME_ATTEMPT_TIMEOUT = 3_000

export interface TunnelClientInit {
  self: PeerId
  /** Whom the tunnel is for: a connection that leads to anybody else is not used. */
  host: PeerId
  /** A connection to the host, dialled if there is none. */
  connect(signal: AbortSignal): Promise<Connection>
  sessions: MainSessions
  streams: StreamSessions
  /** Name of the service; empty for the only one of the host. @default '' */
  service?: string
  /** Longest JSON-RPC message accepted, in bytes. @default 10_485_760 */
  maxLine?: number
}

export interface OpenTunnel {
  link: ResumableLink
  connection(): Connection
  /**
   * Goes on over another connection to the same host, a direct one instead of a relayed one say. Nothing is lost. Throws when
   * that fails, and the tunnel stays where it was.
   */
  moveTo(connect: (signal: AbortSignal) => Promise<Connection>, signal: AbortSignal): Promise<void>
  /** Longest line that the host accepts, in bytes. */
  maxLine: number
  service: string
}

/**
 * Opens a tunnel and keeps it: a broken link is dialled again and taken up until the grace time is over, then the link ends
 * with TUNNEL_LOST. Throws what openChannel() throws, and NETWORK_* when the host cannot be reached.
 */
export async function openTunnel(init: TunnelClientInit, signal: AbortSignal): Promise<OpenTunnel> {
  const tunnelId = randomBytes(TUNNEL_ID_LENGTH)
  const maxLine = init.maxLine ?? DEFAULT_MAX_LINE
  const first = await dial(init, { tunnelId, maxLine, service: init.service ?? '' }, signal)
  const link = new ResumableLink()
  let connection = first.connection
  const stopped = new AbortController()

  link.addEventListener('ended', () => stopped.abort())
  link.addEventListener('interrupted', (event: TunnelLinkEvents['interrupted']) => {
    // a connection that fell silent still counts as open: a new dial would be given the dead one
    if (!event.detail.closed) connection.abort(new TalosError('TUNNEL_SILENT', 'the other side fell silent'))
    const grace = Math.min(event.detail.closed ? CLOSED_GRACE : MAX_GRACE, first.grace)
    resume(grace).catch(error => link.end(error as TalosError))
  })

  async function takeUp(connect: TunnelClientInit['connect'], signal: AbortSignal): Promise<void> {
    const attemptSignal = AbortSignal.any([signal, AbortSignal.timeout(RESUME_ATTEMPT_TIMEOUT)])
    const request = { tunnelId, maxLine, service: first.service, resume: { received: link.received } }
    const opened = await dial({ ...init, connect }, request, attemptSignal)
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

  async function moveTo(connect: TunnelClientInit['connect'], moveSignal: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, moveSignal])
    // the dial is not part of the turn: it may take longer than a broken link can wait
    const next = await connect(signal)
    await inTurn(async () => {
      const before = connection
      await takeUp(async () => next, signal)
      if (before !== next) await before.close().catch(() => {})
    })
  }

  async function resume(grace: number): Promise<void> {
    const deadline = AbortSignal.any([stopped.signal, AbortSignal.timeout(grace)])
    for (let attempt = 0; ; attempt++) {
      try {
        await delay(RESUME_BACKOFF[Math.min(attempt, RESUME_BACKOFF.length - 1)], undefined, { signal: deadline })
        await inTurn(async () => {
          if (!link.isAttached) await takeUp(init.connect, deadline)
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
  return { link, connection: () => connection, moveTo, maxLine: first.maxLine, service: first.service }
}

async function dial(
  init: TunnelClientInit,
  request: OpenRequest,
  signal: AbortSignal
): Promise<OpenedChannel & { connection: Connection }> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)])
  for (let retried = false; ; retried = true) {
    const connection = await init.connect(deadline)
    if (!connection.remotePeer.equals(init.host)) {
      const wrong = new TalosError(
        'TUNNEL_WRONG_PEER',
        `at that address is ${connection.remotePeer}, not ${init.host}`,
        {
          hint: 'Its address has changed, or somebody sits in between. Nothing was sent.'
        }
      )
      connection.abort(wrong)
      throw wrong
    }
    const stream = await connection.newStream(MCP_PROTOCOL, { signal: deadline, runOnLimitedConnection: true })
    const frames = new FrameStream(stream, { maxFrameLength: maxFrameLength(request.maxLine) })
    try {
      return {
        ...(await openChannel(frames, init.self, connection, request, init.sessions, init.streams, deadline)),
        connection
      }
    } catch (error) {
      frames.abort(error as Error)
      // the host lost its state, and the session has been set aside: shake hands once more, and once only
      if (!isTalosError(error, 'TUNNEL_NO_SESSION') || retried) throw error
    }
  }
}
