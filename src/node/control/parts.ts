import type { Socket } from 'node:net'
import { TalosError } from '../../errors.ts'

/** Before each part: its length, 4 bytes, big-endian. */
const HEADER = 4
/** Parts up to this many bytes are copied together and written at once. */
const COPY_BELOW = 64 * 1024

/** Writes parts to the socket, each behind its length, in one go. False when the socket wants a pause. */
export function writeParts(socket: Socket, parts: readonly Uint8Array[]): boolean {
  const size = parts.reduce((sum, part) => sum + HEADER + part.byteLength, 0)
  if (size <= COPY_BELOW) {
    const all = Buffer.allocUnsafe(size)
    let at = 0
    for (const part of parts) {
      at = all.writeUInt32BE(part.byteLength, at)
      all.set(part, at)
      at += part.byteLength
    }
    return socket.write(all)
  }
  socket.cork()
  let room = true
  for (const part of parts) {
    const header = Buffer.allocUnsafe(HEADER)
    header.writeUInt32BE(part.byteLength, 0)
    socket.write(header)
    room = socket.write(part)
  }
  socket.uncork()
  return room
}

/** Cuts what comes from a socket into parts again. */
export class PartReader {
  readonly #longest: number
  #held: Buffer[] = []
  #length = 0
  #wanted = HEADER

  /** @param longest the longest part that is accepted, in bytes */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** The parts that `chunk` completes. Throws TUNNEL_PROTOCOL when one is announced that is too long. */
  push(chunk: Buffer): Uint8Array[] {
    this.#held.push(chunk)
    this.#length += chunk.length
    const parts: Uint8Array[] = []
    if (this.#length < this.#wanted) return parts
    let bytes = this.#held.length === 1 ? chunk : Buffer.concat(this.#held, this.#length)
    for (;;) {
      this.#wanted = HEADER
      if (bytes.length < HEADER) break
      const size = bytes.readUInt32BE(0)
      if (size > this.#longest) throw new TalosError('TUNNEL_PROTOCOL', 'a message of a channel is too long')
      this.#wanted = HEADER + size
      if (bytes.length < this.#wanted) break
      parts.push(bytes.subarray(HEADER, this.#wanted))
      bytes = bytes.subarray(this.#wanted)
    }
    this.#held = bytes.length === 0 ? [] : [bytes]
    this.#length = bytes.length
    return parts
  }
}
