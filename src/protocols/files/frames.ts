import { Uint8ArrayList } from 'uint8arraylist'
import { TalosError } from '../../errors.ts'
import { FileFrame } from './pb/file.ts'

/** Protobuf tags of FileFrame: field 1 as a varint, field 2 with a length. */
const TYPE_FIELD = 0x08
const BODY_FIELD = 0x12

/** FileFrame (pb/file.proto) in the pieces that it came in. */
export interface FrameInPieces {
  type: number
  body: Uint8ArrayList
}

/** Throws FILE_PROTOCOL. Undefined, for the end of a stream, is NETWORK_STREAM_CLOSED. */
export function decodeFrame(frame: Uint8Array | undefined): FileFrame {
  if (frame === undefined) throw ended()
  try {
    return FileFrame.decode(frame)
  } catch (cause) {
    throw new TalosError('FILE_PROTOCOL', 'the other side sent a frame that cannot be decoded', { cause })
  }
}

/** As decodeFrame(); one that is encoded as everybody does it, with a body that is longer than the rest, is not copied. */
export function decodePieces(frame: Uint8ArrayList | undefined): FrameInPieces {
  if (frame === undefined) throw ended()
  const usual = 0x80 < frame.byteLength ? usualBody(frame) : undefined
  if (usual !== undefined) return usual
  const { type, body } = decodeFrame(frame.subarray())
  return { type, body: new Uint8ArrayList(body) }
}

/** Undefined when it is not type, body and nothing else, each in the shortest form. */
function usualBody(frame: Uint8ArrayList): FrameInPieces | undefined {
  const head = frame.subarray(0, 3 + 4)
  if (head[0] !== TYPE_FIELD || head[1]! > 0x7f || head[2] !== BODY_FIELD) return undefined
  let [length, at] = [0, 3]
  for (; at < head.length; at++) {
    length |= (head[at]! & 0x7f) << (7 * (at - 3))
    if (head[at]! < 0x80) break
  }
  at++
  return at <= head.length && at + length === frame.byteLength ? { type: head[1]!, body: frame.sublist(at) } : undefined
}

function ended(): TalosError {
  return new TalosError('NETWORK_STREAM_CLOSED', 'the other side closed the stream of a file')
}
