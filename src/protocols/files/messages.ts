import { TalosError } from '../../errors.ts'
import { MAX_PATH_LENGTH } from './constants.ts'

/** First byte of a message. 0x00 before a chunk makes its SHA-256 the leaf hash of RFC 6962. */
export const KIND = { chunk: 0, entry: 1, entryEnd: 2, end: 3, stop: 4, ping: 5, progress: 6, done: 7 } as const

/** A file or a directory begins. */
export interface Entry {
  /** Components joined by `/`; empty in the transfer of a file. */
  path: string
  directory: boolean
  /** Bytes of content. */
  size: number
  /** Chunks that the receiver has and that are not sent. */
  from: number
  /** Merkle root of those, 32 bytes. */
  root: Uint8Array
}

/** What both sides computed of a file, 32 bytes each. */
export interface Digests {
  sha256: Uint8Array
  root: Uint8Array
}

export interface Counts {
  entries: number
  bytes: number
}

const HASH_LENGTH = 32
const ENTRY_HEADER = 1 + 1 + 8 + 8 + HASH_LENGTH
const IS_DIRECTORY = 1

export function encodeEntry({ path, directory, size, from, root }: Entry): Uint8Array {
  const name = Buffer.from(path)
  const bytes = Buffer.alloc(ENTRY_HEADER + name.length)
  bytes[0] = KIND.entry
  bytes[1] = directory ? IS_DIRECTORY : 0
  bytes.writeBigUInt64BE(BigInt(size), 2)
  bytes.writeBigUInt64BE(BigInt(from), 10)
  bytes.set(root, 18)
  bytes.set(name, ENTRY_HEADER)
  return bytes
}

export function decodeEntry(bytes: Uint8Array): Entry {
  if (bytes.length < ENTRY_HEADER || bytes.length > ENTRY_HEADER + MAX_PATH_LENGTH || bytes[1]! > IS_DIRECTORY)
    throw malformed()
  const buffer = asBuffer(bytes)
  return {
    path: utf8(buffer.subarray(ENTRY_HEADER)),
    directory: bytes[1] === IS_DIRECTORY,
    size: number(buffer, 2),
    from: number(buffer, 10),
    root: bytes.subarray(18, ENTRY_HEADER)
  }
}

export function encodeEntryEnd({ sha256, root }: Digests): Uint8Array {
  return Buffer.concat([Uint8Array.of(KIND.entryEnd), sha256, root])
}

export function decodeEntryEnd(bytes: Uint8Array): Digests {
  if (bytes.length !== 1 + 2 * HASH_LENGTH) throw malformed()
  return { sha256: bytes.subarray(1, 1 + HASH_LENGTH), root: bytes.subarray(1 + HASH_LENGTH) }
}

export function encodeCounts(kind: typeof KIND.end | typeof KIND.progress, { entries, bytes }: Counts): Uint8Array {
  const encoded = Buffer.alloc(17)
  encoded[0] = kind
  encoded.writeBigUInt64BE(BigInt(entries), 1)
  encoded.writeBigUInt64BE(BigInt(bytes), 9)
  return encoded
}

export function decodeCounts(bytes: Uint8Array): Counts {
  if (bytes.length !== 17) throw malformed()
  const buffer = asBuffer(bytes)
  return { entries: number(buffer, 1), bytes: number(buffer, 9) }
}

/** Why a side ends the transfer: a code of docs/troubleshooting.md. */
export function encodeStop(code: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(KIND.stop), Buffer.from(code)])
}

export function decodeStop(bytes: Uint8Array): string {
  const code = asBuffer(bytes).toString('latin1', 1, 1 + 64)
  return /^FILE_[A-Z_]{1,40}$/.test(code) ? code : 'FILE_PROTOCOL'
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function number(buffer: Buffer, at: number): number {
  const value = Number(buffer.readBigUInt64BE(at))
  if (!Number.isSafeInteger(value)) throw malformed()
  return value
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed()
  }
}

function malformed(): TalosError {
  return new TalosError('FILE_PROTOCOL', 'the other side sent a message that cannot be decoded')
}
