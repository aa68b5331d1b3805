import { Uint8ArrayList } from 'uint8arraylist'
import { TalosError } from '../../errors.ts'
import { encodeVarint } from '../framing/index.ts'
import { FileFrame } from './pb/file.ts'

/** Protobuf tags of FileFrame: field 1 as a varint, field 2 with a length. */
const TYPE_FIELD = 0x08
const BODY_FIELD = 0x12

/** FileFrame (pb/file.proto) of a type below 128, without a copy of its body, which may come in parts. */
export function encodeFrame(type: number, ...body: Uint8Array[]): Uint8ArrayList {
  const length = body.reduce((sum, part) => sum + part.byteLength, 0)
  return new Uint8ArrayList(Uint8Array.of(TYPE_FIELD, type, BODY_FIELD, ...encodeVarint(length)), ...body)
}

/** Throws FILE_PROTOCOL. Undefined, for the end of a stream, is NETWORK_STREAM_CLOSED. */
export function decodeFrame(frame: Uint8Array | undefined): FileFrame {
  if (frame === undefined) throw new TalosError('NETWORK_STREAM_CLOSED', 'the other side closed the stream of a file')
  try {
    return FileFrame.decode(frame)
  } catch (cause) {
    throw new TalosError('FILE_PROTOCOL', 'the other side sent a frame that cannot be decoded', { cause })
  }
}

/** The body of `frame` in memory that nothing else uses, so that it can be given to another thread. */
export function detached(body: Uint8Array, frame: Uint8Array): Uint8Array {
  // joined from several pieces, as every long frame is
  const isAlone = frame.byteLength === frame.buffer.byteLength && body.buffer === frame.buffer
  return isAlone ? body : Uint8Array.from(body)
}
