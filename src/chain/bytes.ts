export const HASH_LENGTH = 32
export const ZERO_HASH = new Uint8Array(HASH_LENGTH)

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Below, at or above 0, as the bytes of `a` are before, the same as, or after those of `b`. Both have the same length. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const toHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** An unsigned 32-bit integer: where there is one of many, a DataView would cost as much as ten of these. */
export const uint32At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

/** What readUint64() gives, without a DataView. */
export function uint64At(bytes: Uint8Array, at: number): number {
  const high = uint32At(bytes, at)
  return high > 0x1fffff ? Number.NaN : high * 2 ** 32 + uint32At(bytes, at + 4)
}

/** An unsigned 64-bit integer that fits a number; NaN for one above 2^53 - 1. */
export function readUint64(view: DataView, at: number): number {
  const high = view.getUint32(at)
  return high > 0x1fffff ? Number.NaN : high * 2 ** 32 + view.getUint32(at + 4)
}

export function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32))
  view.setUint32(at + 4, value % 2 ** 32)
}

/** `count` hashes that follow each other in `bytes`. */
export function splitHashes(bytes: Uint8Array, at: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => bytes.subarray(at + i * HASH_LENGTH, at + (i + 1) * HASH_LENGTH))
}
