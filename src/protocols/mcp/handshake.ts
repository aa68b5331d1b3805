import { randomBytes } from 'node:crypto'
import type { Connection, PeerId } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import type { FrameStream } from '../framing/index.ts'
import { encodeFrame, type Sealer, TunnelChannel } from './channel.ts'
import { FRAME, REFUSAL, SECRET_LENGTH, TUNNEL_ID_LENGTH } from './constants.ts'
import { TunnelAccept, TunnelFrame, TunnelOpen, TunnelRefuse } from './pb/tunnel.ts'

/** What the tunnel needs of the main session with a peer (src/protocols/sessions). */
export interface MainSession {
  /** Seals for the peer, shaking hands over `connection` first if there is no session. On disk before it resolves. */
  seal(connection: Connection, plaintext: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** Opens a message of the peer. Throws SESSION_* and changes nothing when it is not genuine. On disk before it resolves. */
  open(peer: PeerId, message: Uint8Array): Promise<Uint8Array>
  /** Forgets the active session, after the peer has said that it cannot read it: the next seal() shakes hands anew. */
  discard(peer: PeerId): Promise<void>
}

/** Makes the in-memory ratchet of one stream from the secret that both sides contributed to. */
export interface StreamSessions {
  /** For the host: a fresh ratchet key pair, to be told to the other side, and the session once the secret is known. */
  respond(): { ratchetKey: Uint8Array; session(secret: Uint8Array): Sealer }
  initiate(secret: Uint8Array, ratchetKey: Uint8Array): Sealer
}

/** The secret of a stream session: both halves, in the order opener, host. docs/spec/tunnel.md §3. */
function joinSecrets(opener: Uint8Array, host: Uint8Array): Uint8Array {
  const secret = new Uint8Array(2 * SECRET_LENGTH)
  secret.set(opener)
  secret.set(host, SECRET_LENGTH)
  return secret
}

export interface OpenRequest {
  tunnelId: Uint8Array
  service: string
  /** Given to take up an interrupted tunnel: the lines received so far. */
  resume?: { received: number }
}

export interface OpenedChannel {
  channel: TunnelChannel
  /** Lines that the host has received so far (0 in a new tunnel). */
  received: number
  /** Longest line that the host accepts. Bytes. */
  maxLine: number
  service: string
  /** How long the host keeps an interrupted tunnel. Milliseconds. */
  grace: number
}

/**
 * The opener's side of the handshake. Throws TUNNEL_NOT_AUTHORISED, TUNNEL_NO_SESSION, TUNNEL_UNKNOWN_SERVICE,
 * TUNNEL_UNKNOWN (nothing to resume), TUNNEL_BUSY, TUNNEL_PROTOCOL.
 */
export async function openChannel(
  frames: FrameStream,
  connection: Connection,
  request: OpenRequest,
  sessions: MainSession,
  streams: StreamSessions,
  signal: AbortSignal
): Promise<OpenedChannel> {
  const secret = randomBytes(SECRET_LENGTH)
  const open = TunnelOpen.encode({
    tunnelId: request.tunnelId as Uint8Array<ArrayBuffer>,
    secret,
    service: request.service,
    resume: request.resume !== undefined,
    received: request.resume?.received ?? 0
  })
  await frames.write(encodeFrame(FRAME.open, await sessions.seal(connection, open, signal)), signal)
  const frame = decode(await frames.read(signal))
  if (frame.type === FRAME.refuse) throw refusal(frame.body)
  if (frame.type !== FRAME.accept) throw protocolError(`the host answered with frame type ${frame.type}`)
  const accept = TunnelAccept.decode(await sessions.open(connection.remotePeer, frame.body))
  if (accept.secret.byteLength !== SECRET_LENGTH || Buffer.compare(accept.tunnelId, request.tunnelId) !== 0) {
    throw protocolError("the host's answer belongs to another tunnel")
  }
  const joined = joinSecrets(secret, accept.secret)
  const channel = new TunnelChannel(frames, streams.initiate(joined, accept.ratchetKey))
  joined.fill(0)
  secret.fill(0)
  return { channel, received: accept.received, maxLine: accept.maxLine, service: accept.service, grace: accept.grace }
}

/** Reads the OPEN of a peer that is authorised. Throws TUNNEL_PROTOCOL, or SESSION_* when it cannot be read. */
export async function readOpen(
  frames: FrameStream,
  peer: PeerId,
  sessions: MainSession,
  signal: AbortSignal
): Promise<TunnelOpen> {
  const frame = decode(await frames.read(signal))
  if (frame.type !== FRAME.open) throw protocolError(`a tunnel began with frame type ${frame.type}`)
  const open = TunnelOpen.decode(await sessions.open(peer, frame.body))
  if (open.tunnelId.byteLength !== TUNNEL_ID_LENGTH || open.secret.byteLength !== SECRET_LENGTH) {
    throw protocolError('the OPEN of a tunnel has fields of wrong lengths')
  }
  return open
}

/** The host's answer to an OPEN that it accepts. */
export async function acceptOpen(
  frames: FrameStream,
  connection: Connection,
  open: TunnelOpen,
  answer: { received: number; maxLine: number; service: string; grace: number },
  sessions: MainSession,
  streams: StreamSessions,
  signal: AbortSignal
): Promise<TunnelChannel> {
  const secret = randomBytes(SECRET_LENGTH)
  const responder = streams.respond()
  const accept = TunnelAccept.encode({
    ...answer,
    tunnelId: open.tunnelId,
    secret,
    ratchetKey: responder.ratchetKey as Uint8Array<ArrayBuffer>
  })
  const sealed = await sessions.seal(connection, accept, signal)
  const joined = joinSecrets(open.secret, secret)
  const channel = new TunnelChannel(frames, responder.session(joined))
  joined.fill(0)
  secret.fill(0)
  open.secret.fill(0)
  await frames.write(encodeFrame(FRAME.accept, sealed), signal)
  return channel
}

/** Says no and closes. What it tells a peer that is not authorised is that, and nothing else. */
export async function refuse(frames: FrameStream, reason: number, signal: AbortSignal): Promise<void> {
  await frames.write(encodeFrame(FRAME.refuse, TunnelRefuse.encode({ reason })), signal)
  await frames.close(signal)
}

function decode(frame: Uint8Array | undefined): TunnelFrame {
  if (frame === undefined) {
    throw new TalosError('NETWORK_STREAM_CLOSED', 'the other side closed the stream before the tunnel was open')
  }
  try {
    return TunnelFrame.decode(frame)
  } catch (cause) {
    throw protocolError('a frame could not be decoded', cause)
  }
}

function protocolError(what: string, cause?: unknown): TalosError {
  return new TalosError('TUNNEL_PROTOCOL', `the other side does not follow the tunnel protocol: ${what}`, {
    hint: 'It may run another version of Talos. Compare `talos version` on both machines.',
    cause
  })
}

function refusal(body: Uint8Array): TalosError {
  const { reason } = TunnelRefuse.decode(body)
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
    case REFUSAL.busy:
      return new TalosError('TUNNEL_BUSY', 'the host has as many sessions as it can hold', { hint: 'Try again later.' })
    default:
      return protocolError(`the host refused for reason ${reason}, which this version does not know`)
  }
}
