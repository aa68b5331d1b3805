import { hash } from 'node:crypto'

type Hashable = Uint8Array<ArrayBuffer>

/**
 * 32 bytes. One call of OpenSSL, its result by way of a string: a Hash object costs six times as much for the short inputs of a chain,
 * a Buffer as result three times.
 */
export function sha256(bytes: Uint8Array): Uint8Array {
  return fromText(sha256Text(bytes))
}

/** The same as a string of 32 characters, one for each byte. */
export const sha256Text = (bytes: Uint8Array): string => hash('sha256', bytes as Hashable, 'binary')

/** SHA-512 as a string of 64 characters, one for each byte. */
export const sha512Text = (bytes: Uint8Array): string => hash('sha512', bytes as Hashable, 'binary')

const pair = Buffer.alloc(65)
pair[0] = 1

/** SHA-256(0x01 ‖ left ‖ right), of and as strings of 32 characters, a byte each: for trees of which only the root is kept. */
export function hashPair(left: string, right: string): string {
  writeText(pair, left, 1)
  writeText(pair, right, 33)
  return hash('sha256', pair, 'binary')
}

type Writable = Buffer & Record<'latin1Write' | 'utf8Write', (text: string, at: number) => number>
const { latin1Slice } = Buffer.prototype as Buffer & { latin1Slice(from: number, to: number): string }

/** Writes text with a character for each byte: how many bytes. What Buffer.write() does, in half the time. */
export const writeText = (to: Buffer, text: string, at: number): number => (to as Writable).latin1Write(text, at)

/** The same for any text, as UTF-8. */
export const writeUtf8 = (to: Buffer, text: string, at: number): number => (to as Writable).utf8Write(text, at)

/** A hash as a string with a character for each byte. */
export const toText = (bytes: Uint8Array): string => latin1Slice.call(bytes as Buffer, 0, bytes.length)

export function fromText(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'binary')
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
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
