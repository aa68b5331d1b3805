import { hash } from 'node:crypto'

type Hashable = Uint8Array<ArrayBuffer>

/** 32 bytes. One call of OpenSSL: a Hash object costs three times as much for the short inputs of a chain. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = hash('sha256', bytes as Hashable, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, 32)
}

const encoder = new TextEncoder()

/** SHA-256(label ‖ 0x00 ‖ bytes): what is hashed for one purpose is never the hash of anything else. */
export function labelledHash(label: string, bytes: Uint8Array): Uint8Array {
  const prefix = encoder.encode(`${label}\0`)
  const whole = new Uint8Array(prefix.length + bytes.length)
  whole.set(prefix)
  whole.set(bytes, prefix.length)
  return sha256(whole)
}
