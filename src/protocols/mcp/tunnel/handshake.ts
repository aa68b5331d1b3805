import { randomBytes } from 'node:crypto'
import type { Connection, PeerId } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../../errors.ts'
import { encodeFrame, type FrameStream } from '../../framing/index.ts'
import { joinSecrets, type MainSessions, type StreamSessions, type Unreadable } from '../../sessions/index.ts'
import { TunnelChannel } from './channel.ts'
import type { OpenAnswer, OpenRequest } from './client.ts'
import {
  FRAME,
  HOST_ID_LENGTH,
  LEAST_MAX_LINE,
  MCP_PROTOCOL,
  REFUSAL,
  SECRET_LENGTH,
  TUNNEL_ID_LENGTH
} from './constants.ts'
import { TunnelAccept, TunnelFrame, TunnelOpen, TunnelRefuse } from './pb/tunnel.ts'

/** The secret of a stream of a tunnel (docs/spec/tunnel.md §4). Wipes both halves. */
export function tunnelSecret(opener: Uint8Array, host: Uint8Array): Uint8Array {
  return joinSecrets('talos/tunnel-secret/v1', opener, host)
}

/** What a stream is: the tunnel protocol, opener, host, tunnel. docs/spec/tunnel.md §3. */
export function contextOf(opener: PeerId, host: PeerId, tunnelId: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${MCP_PROTOCOL}\0${opener.toString()}\0${host.toString()}\0`), tunnelId])
}

export interface OpenedChannel extends OpenAnswer {
  channel: TunnelChannel
}

/**
 * The opener's side of the handshake. Throws TUNNEL_NOT_AUTHORISED, TUNNEL_NO_SESSION, TUNNEL_UNKNOWN_SERVICE,
 * TUNNEL_UNKNOWN (nothing to resume), TUNNEL_BUSY, TUNNEL_PROTOCOL.
 */
export async function openChannel(
  frames: FrameStream,
  self: PeerId,
  connection: Connection,
  request: OpenRequest,
  sessions: MainSessions,
  streams: StreamSessions,
  signal: AbortSignal
): Promise<OpenedChannel> {
  const secret = randomBytes(SECRET_LENGTH)
  try {
    const open = TunnelOpen.encode({
      tunnelId: request.tunnelId as Uint8Array<ArrayBuffer>,
      secret,
      service: request.service,
      maxLine: request.maxLine,
      resume: request.resume !== undefined,
      received: request.resume?.received ?? 0
    })
    const sealed = await sessions.seal(connection, open, signal).finally(() => open.fill(0))
    await frames.write(encodeFrame(FRAME.open, sealed), signal)
    const frame = decode(TunnelFrame, await frameOf(frames, signal))
    if (frame.type === FRAME.refuse) {
      const refused = decode(TunnelRefuse, frame.body)
      if (refused.reason === REFUSAL.noSession) await sessions.heal(connection.remotePeer, unreadable(refused))
      throw refusal(refused.reason)
    }
    if (frame.type !== FRAME.accept) throw protocolError(`the host answered with frame type ${frame.type}`)
    const { plaintext } = await sessions.open(connection.remotePeer, frame.body)
    const accept = checked(TunnelAccept, plaintext, ({ tunnelId, secret, maxLine, hostId }) => {
      if (secret.byteLength !== SECRET_LENGTH || Buffer.compare(tunnelId, request.tunnelId) !== 0) {
        throw protocolError("the host's answer belongs to another tunnel")
      }
      if (hostId.byteLength !== HOST_ID_LENGTH) throw protocolError('the host names the tunnel with a wrong length')
      if (maxLine < LEAST_MAX_LINE) throw protocolError('the host takes no lines of a usable length')
    })
    const context = contextOf(self, connection.remotePeer, request.tunnelId)
    const sealer = streams.initiate(tunnelSecret(secret, accept.secret), context, accept.ratchetKey)
    const channel = new TunnelChannel(frames, sealer)
    const { received, maxLine, service, grace } = accept
    // a copy: the plaintext that it is a view of holds secrets
    return { channel, received, maxLine, service, grace, hostId: accept.hostId.slice() }
  } finally {
    secret.fill(0)
  }
}

/**
 * Reads the OPEN of a peer that is authorised; the caller wipes its `secret`. Throws TUNNEL_PROTOCOL; SESSION_* when it cannot be
 * read, having said so.
 */
export async function readOpen(
  frames: FrameStream,
  peer: PeerId,
  sessions: MainSessions,
  signal: AbortSignal
): Promise<TunnelOpen> {
  const frame = decode(TunnelFrame, await frameOf(frames, signal))
  if (frame.type !== FRAME.open) throw protocolError(`a tunnel began with frame type ${frame.type}`)
  const plaintext = await openOrExplain(frames, peer, frame.body, sessions, signal)
  return checked(TunnelOpen, plaintext, ({ tunnelId, secret, maxLine }) => {
    if (tunnelId.byteLength !== TUNNEL_ID_LENGTH || secret.byteLength !== SECRET_LENGTH) {
      throw protocolError('the OPEN of a tunnel has fields of wrong lengths')
    }
    if (maxLine < LEAST_MAX_LINE) throw protocolError('the opener takes no lines of a usable length')
  })
}

/** The host's answer to an OPEN that it accepts. Wipes the secret of `open` when it succeeds. */
export async function acceptOpen(
  frames: FrameStream,
  self: PeerId,
  connection: Connection,
  open: TunnelOpen,
  answer: OpenAnswer,
  sessions: MainSessions,
  streams: StreamSessions,
  signal: AbortSignal
): Promise<TunnelChannel> {
  const secret = randomBytes(SECRET_LENGTH)
  try {
    const responder = streams.respond()
    const accept = TunnelAccept.encode({
      ...(answer as OpenAnswer & { hostId: Uint8Array<ArrayBuffer> }),
      tunnelId: open.tunnelId,
      secret,
      ratchetKey: responder.ratchetKey as Uint8Array<ArrayBuffer>
    })
    const sealed = await sessions.seal(connection, accept, signal).finally(() => accept.fill(0))
    const context = contextOf(connection.remotePeer, self, open.tunnelId)
    const channel = new TunnelChannel(frames, responder.session(tunnelSecret(open.secret, secret), context))
    await frames.write(encodeFrame(FRAME.accept, sealed), signal)
    return channel
  } finally {
    secret.fill(0)
  }
}

async function openOrExplain(
  frames: FrameStream,
  peer: PeerId,
  message: Uint8Array,
  sessions: MainSessions,
  signal: AbortSignal
): Promise<Uint8Array> {
  try {
    return (await sessions.open(peer, message)).plaintext
  } catch (error) {
    if (isTalosError(error) && error.code.startsWith('SESSION_')) {
      const { notice, withoutOneTime } = sessions.explain(peer, message, error)
      await refuse(frames, REFUSAL.noSession, signal, { notice: notice ?? new Uint8Array(), withoutOneTime })
    }
    throw error
  }
}

/**
 * Says no and closes. What it tells a peer that is not authorised is that, and nothing else. What it still
 * sends is not read, and when it does not close its side the stream is reset.
 */
export async function refuse(
  frames: FrameStream,
  reason: number,
  signal: AbortSignal,
  details: { notice?: Uint8Array; withoutOneTime?: boolean } = {}
): Promise<void> {
  const body = TunnelRefuse.encode({ reason, ...(details as Partial<TunnelRefuse>) })
  await frames.write(encodeFrame(FRAME.refuse, body), signal)
  await frames.finish(signal)
}

function unreadable({ notice, withoutOneTime }: TunnelRefuse): Unreadable {
  return { notice: notice.byteLength === 0 ? undefined : notice, withoutOneTime }
}

async function frameOf(frames: FrameStream, signal: AbortSignal): Promise<Uint8Array> {
  const frame = await frames.read(signal)
  if (frame !== undefined) return frame
  throw new TalosError('NETWORK_STREAM_CLOSED', 'the other side closed the stream before the tunnel was open')
}

function decode<T>(codec: { decode(bytes: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw protocolError('a frame could not be decoded', cause)
  }
}

/** Hands on an OPEN or ACCEPT that passes `check`. Its fields are views of `plaintext`, which is wiped when there is anything wrong. */
function checked<T extends TunnelOpen | TunnelAccept>(
  codec: { decode(bytes: Uint8Array): T },
  plaintext: Uint8Array,
  check: (message: T) => void
): T {
  try {
    const message = decode(codec, plaintext)
    check(message)
    return message
  } catch (error) {
    plaintext.fill(0)
    throw error
  }
}

function protocolError(what: string, cause?: unknown): TalosError {
  return new TalosError('TUNNEL_PROTOCOL', `the other side does not follow the tunnel protocol: ${what}`, {
    hint: 'It may run another version of Talos. Compare `talos version` on both machines.',
    cause
  })
}

function refusal(reason: number): TalosError {
  switch (reason) {
    case REFUSAL.notAuthorised:
      return new TalosError('TUNNEL_NOT_AUTHORISED', 'not authorised', {
        hint: "Ask the tool's owner to add your PeerId (talos status shows it) with --authorized-peer."
      })
    case REFUSAL.noSession:
      return new TalosError('TUNNEL_NO_SESSION', 'the host could not read the opening message')
    case REFUSAL.unknownService:
      return new TalosError('TUNNEL_UNKNOWN_SERVICE', 'the host serves no tool of that name', {
        hint: 'Leave out --service if the host serves one tool, or ask its owner for the name.'
      })
    case REFUSAL.unknownTunnel:
      return new TalosError('TUNNEL_UNKNOWN', 'the host no longer knows this tunnel')
    case REFUSAL.notNow:
      return new TalosError('TUNNEL_NOT_NOW', 'the tool is not served at this moment', {
        hint: 'Ask its owner to start it.'
      })
    case REFUSAL.busy:
      return new TalosError('TUNNEL_BUSY', 'the host takes no more sessions at the moment', {
        hint: 'It has as many as it can hold, or was asked for too many in a short time. Try again in a minute.'
      })
    default:
      return protocolError(`the host refused for reason ${reason}, which this version does not know`)
  }
}
