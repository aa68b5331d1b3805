import type { Uint8ArrayList } from 'uint8arraylist'
import { TalosError } from '../../errors.ts'

/** A length prefix is an unsigned LEB128 varint of at most four bytes: up to 256 MiB, far above any frame limit. */
export const MAX_PREFIX_LENGTH = 4

export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = []
  while (value >= 0x80) {
    bytes.push((value & 0x7f) | 0x80)
    value >>>= 7
  }
  bytes.push(value)
  return Uint8Array.from(bytes)
}

/** The varint at the start of `list` and its length; undefined while bytes of it are missing. Minimal form only. */
export function decodeVarint(list: Uint8ArrayList): { value: number; length: number } | undefined {
  let value = 0
  for (let index = 0; index < MAX_PREFIX_LENGTH; index++) {
    if (index >= list.byteLength) return undefined
    const byte = list.get(index)
    value |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) {
      if (byte === 0 && index > 0) break
      return { value, length: index + 1 }
    }
  }
  throw new TalosError('NETWORK_FRAME_MALFORMED', 'a frame began with a malformed length')
}
