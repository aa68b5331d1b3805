import { randomBytes } from 'node:crypto'
import type { Connection, PeerId } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { encodeFrame, type FrameStream, PRIORITIES, type Priority, schedulerOf } from '../framing/index.ts'
import { joinSecrets, type MainSessions, type StreamSessions } from '../sessions/index.ts'
import { decoded, StreamChannel } from './channel.ts'
import {
  FRAME,
  LEAST_WINDOW,
  MAX_LABEL_LENGTH,
  REFUSAL,
  SECRET_LABEL,
  SECRET_LENGTH,
  STREAM_ID_LENGTH,
  STREAM_PROTOCOL
} from './constants.ts'
import { refused, streamProtocol } from './errors.ts'
import { StreamAccept, StreamFrame, StreamRefuse, StreamStart } from './pb/stream.ts'

/** What both handshakes need. */
export interface Keys {
  self: PeerId
  sessions: MainSessions
  streams: StreamSessions
}

export interface StartRequest {
  codec: string
  priority: Priority
  label: string
}

/** What a stream is: protocol, writer, reader, stream. docs/spec/stream.md §3. */
export function contextOf(writer: PeerId, reader: PeerId, streamId: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${STREAM_PROTOCOL}\0${writer}\0${reader}\0`), streamId])
}

export function streamSecret(writer: Uint8Array, reader: Uint8Array): Uint8Array {
  return joinSecrets(SECRET_LABEL, writer, reader)
}

/** The number of a priority on the wire. */
export function priorityNumber(priority: Priority): number {
  return PRIORITIES.indexOf(priority) + 1
}

/** True for a line of at most 256 bytes without control, invisible or reordering characters. */
export function isLabel(label: string): boolean {
  return Buffer.byteLength(label) <= MAX_LABEL_LENGTH && !/[\p{C}\p{Zl}\p{Zp}]/u.test(label)
}

/**
 * The writer's side. Throws STREAM_NOT_ACCEPTED, STREAM_NO_SESSION (the session was set aside if the reader could prove it),
 * STREAM_CODEC_UNKNOWN, STREAM_BUSY, STREAM_PROTOCOL.
 */
export async function startStream(
  frames: FrameStream,
  connection: Connection,
  request: StartRequest,
  { self, sessions, streams }: Keys,
  signal: AbortSignal
): Promise<{ channel: StreamChannel; window: number }> {
  const streamId = randomBytes(STREAM_ID_LENGTH)
  const secret = randomBytes(SECRET_LENGTH)
  const { codec, label } = request
  const peer = connection.remotePeer
  try {
    const start = StreamStart.encode({ streamId, secret, codec, label, priority: priorityNumber(request.priority) })
    const sealed = await sessions.seal(connection, start, signal).finally(() => start.fill(0))
    await frames.write(encodeFrame(FRAME.start, sealed), signal)
    const frame = await frameOf(frames, signal)
    if (frame.type === FRAME.refuse) {
      const { reason, notice, withoutOneTime } = decoded(StreamRefuse, frame.body)
      if (reason === REFUSAL.noSession) {
        await sessions.heal(peer, { notice: notice.byteLength === 0 ? undefined : notice, withoutOneTime })
      }
      throw refused(reason)
    }
    if (frame.type !== FRAME.accept) throw streamProtocol(`it answered with frame type ${frame.type}`)
    const { plaintext } = await sessions.open(peer, frame.body)
    const accept = checked(StreamAccept, plaintext, ({ secret, window, streamId: answered }) => {
      if (secret.byteLength !== SECRET_LENGTH || Buffer.compare(answered, streamId) !== 0) {
        throw streamProtocol('its answer belongs to another stream')
      }
      if (window < LEAST_WINDOW) throw streamProtocol('its window is too small for a block')
    })
    const context = contextOf(self, peer, streamId)
    const sealer = streams.initiate(streamSecret(secret, accept.secret), context, accept.ratchetKey)
    return { channel: new StreamChannel(frames, sealer, schedulerOf(connection)), window: accept.window }
  } finally {
    secret.fill(0)
  }
}

export interface ReadStart extends StartRequest {
  streamId: Uint8Array
  secret: Uint8Array
}

/**
 * The reader's side: what is offered; the caller wipes its `secret`. Throws STREAM_PROTOCOL; SESSION_* when it cannot be read,
 * having said so.
 */
export async function readStart(
  frames: FrameStream,
  peer: PeerId,
  sessions: MainSessions,
  signal: AbortSignal
): Promise<ReadStart> {
  const frame = await frameOf(frames, signal)
  if (frame.type !== FRAME.start) throw streamProtocol(`a stream began with frame type ${frame.type}`)
  const plaintext = await openOrExplain(frames, peer, frame.body, sessions, signal)
  const start = checked(StreamStart, plaintext, ({ streamId, secret, priority, label }) => {
    const rightLengths = streamId.byteLength === STREAM_ID_LENGTH && secret.byteLength === SECRET_LENGTH
    if (rightLengths && PRIORITIES[priority - 1] !== undefined && isLabel(label)) return
    throw streamProtocol('a START has fields that cannot be')
  })
  return { ...start, priority: PRIORITIES[start.priority - 1]! }
}

/** Wipes `start.secret`. */
export async function acceptStart(
  frames: FrameStream,
  connection: Connection,
  start: ReadStart,
  window: number,
  { self, sessions, streams }: Keys,
  signal: AbortSignal
): Promise<StreamChannel> {
  const secret = randomBytes(SECRET_LENGTH)
  try {
    const responder = streams.respond()
    const accept = StreamAccept.encode({
      streamId: Uint8Array.from(start.streamId),
      secret,
      ratchetKey: Uint8Array.from(responder.ratchetKey),
      window
    })
    const sealed = await sessions.seal(connection, accept, signal).finally(() => accept.fill(0))
    const context = contextOf(connection.remotePeer, self, start.streamId)
    const sealer = responder.session(streamSecret(start.secret, secret), context)
    const channel = new StreamChannel(frames, sealer, schedulerOf(connection))
    await frames.write(encodeFrame(FRAME.accept, sealed), signal)
    return channel
  } finally {
    secret.fill(0)
  }
}

/** Says no and closes. */
export async function refuse(
  frames: FrameStream,
  reason: number,
  signal: AbortSignal,
  details: Partial<StreamRefuse> = {}
): Promise<void> {
  await frames.write(encodeFrame(FRAME.refuse, StreamRefuse.encode({ reason, ...details })), signal)
  await frames.finish(signal)
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
      await refuse(frames, REFUSAL.noSession, signal, {
        notice: Uint8Array.from(notice ?? []),
        withoutOneTime
      })
    }
    throw error
  }
}

async function frameOf(frames: FrameStream, signal: AbortSignal): Promise<StreamFrame> {
  const frame = await frames.read(signal)
  if (frame !== undefined) return decoded(StreamFrame, frame)
  throw new TalosError('NETWORK_STREAM_CLOSED', 'the other side closed the stream before it was open')
}

/** Hands on a START or ACCEPT that passes `check`. Its fields are views of `plaintext`, which is wiped when there is anything wrong. */
function checked<T>(codec: { decode(bytes: Uint8Array): T }, plaintext: Uint8Array, check: (message: T) => void): T {
  try {
    const message = decoded(codec, plaintext)
    check(message)
    return message
  } catch (error) {
    plaintext.fill(0)
    throw error
  }
}
