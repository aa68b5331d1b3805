import { HASH_LENGTH, uint32At, uint64At, viewOf, writeUint64 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { sha256 } from './hash.ts'

/** What a record is about. */
export const KIND = {
  MESSAGE: 1,
  SESSION: 2,
  CAP_GRANT: 3,
  CAP_REVOKE: 4,
  KEY_ROTATE: 5,
  IDENTITY: 6,
  INVOCATION: 7,
  EXECUTION: 8,
  FILE: 9,
  ANCHOR: 10,
  CHECKPOINT: 11,
  DENIAL: 12
} as const
export type KindName = keyof typeof KIND

const KINDS = new Set<number>(Object.values(KIND))
const names = new Map<number, KindName>(Object.entries(KIND).map(([name, kind]) => [kind, name as KindName]))

export const kindName = (kind: number): KindName | undefined => names.get(kind)

/** What may stand in the public part of a record, beside the commitment. */
export const EXTENSION = {
  /** The record of somebody else that this one answers: chain id (32) ‖ record id (32). */
  COUNTERPART: 1,
  /** The state of a local chain: see checkpoint-claim.ts. */
  CHECKPOINT: 2,
  /** Proof by a third party that an earlier checkpoint existed: provider name (1 + n) ‖ its proof. */
  ANCHOR: 3
} as const

export interface Extension {
  type: number
  value: Uint8Array
}

/** One entry of a chain. It says who, when and in which order; what happened is behind the commitment. */
export interface ChainRecord {
  kind: number
  /** Ed25519, 32 bytes. */
  author: Uint8Array
  /** Random for each installation of the author: its records have an order of their own. */
  stream: number
  /** From 1, without gaps, for each author and stream. */
  sequence: number
  /** Id of the record before it of the same author and stream; of the first: zeros. */
  previous: Uint8Array
  /** Milliseconds since 1970. */
  time: number
  /** Root of the salted fields: see commitment.ts. */
  commitment: Uint8Array
  extensions: readonly Extension[]
}

const VERSION = 1
/** Length of a record without extensions. */
export const RECORD_LENGTH = 122
/** What all extensions of a record may have together: what its length field holds. */
export const MAX_EXTENSIONS = 0xffff
const TLV_HEAD = 3
const KNOWN_EXTENSIONS = new Set<number>(Object.values(EXTENSION))

/** The record as it is stored, sent and hashed. Its first byte is the leaf tag of RFC 6962. */
export function encodeRecord(record: ChainRecord): Uint8Array {
  const extensions = encodeExtensions(record.extensions)
  const bytes = new Uint8Array(RECORD_LENGTH + extensions.length)
  const view = viewOf(bytes)
  bytes[1] = VERSION
  bytes[2] = record.kind
  bytes.set(record.author, 4)
  view.setUint32(36, record.stream)
  writeUint64(view, 40, record.sequence)
  bytes.set(record.previous, 48)
  writeUint64(view, 80, record.time)
  bytes.set(record.commitment, 88)
  view.setUint16(120, extensions.length)
  bytes.set(extensions, RECORD_LENGTH)
  return bytes
}

const NO_BYTES = new Uint8Array()

/** As they are in a record. @throws CHAIN_FORMAT when they are too long */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  if (extensions.length === 0) return NO_BYTES
  const length = extensions.reduce((sum, { value }) => sum + TLV_HEAD + value.length, 0)
  if (length > MAX_EXTENSIONS) throw new FormatError('SIZE_EXCEEDED', 'the extensions are too long')
  const bytes = new Uint8Array(length)
  const view = viewOf(bytes)
  let at = 0
  for (const { type, value } of extensions) {
    view.setUint8(at, type)
    view.setUint16(at + 1, value.length)
    bytes.set(value, at + TLV_HEAD)
    at += TLV_HEAD + value.length
  }
  return bytes
}

/** The id of an encoded record, 32 bytes: also its leaf hash in the tree of its block. */
export function recordId(encoded: Uint8Array): Uint8Array {
  return sha256(encoded)
}

/**
 * Reads a record; there is exactly one encoding of each. What it returns are views into `bytes`; the author that of `before`, where it is the same
 * one, which makes it quick to see that it is.
 *
 * @throws CHAIN_FORMAT for anything else
 */
export function decodeRecord(bytes: Uint8Array, before?: ChainRecord): ChainRecord {
  if (bytes.length < RECORD_LENGTH) throw new FormatError('MALFORMED_BLOCK', 'a record is too short')
  if (bytes[0] !== 0) throw new FormatError('NON_CANONICAL', 'a record does not begin with its leaf tag')
  if (bytes[1] !== VERSION) throw new FormatError('UNSUPPORTED_VERSION', `a record has version ${bytes[1]}`)
  const kind = bytes[2]!
  if (!KINDS.has(kind)) throw new FormatError('INVALID_TYPE', `a record has the unknown kind ${kind}`)
  if (bytes[3] !== 0) throw new FormatError('NON_CANONICAL', 'a record has unknown flags')
  const sequence = uint64At(bytes, 40)
  const time = uint64At(bytes, 80)
  if (!(sequence > 0)) throw new FormatError('INVALID_TYPE', 'a record has a sequence number that cannot be')
  if (Number.isNaN(time)) throw new FormatError('INVALID_TYPE', 'a record has a time that cannot be')
  if (bytes.length !== RECORD_LENGTH + bytes[120]! * 256 + bytes[121]!) {
    throw new FormatError('MALFORMED_BLOCK', 'a record is longer or shorter than it says')
  }
  return {
    kind,
    author: before !== undefined && isAt(bytes, 4, before.author) ? before.author : bytes.subarray(4, 36),
    stream: uint32At(bytes, 36),
    sequence,
    previous: bytes.subarray(48, 80),
    time,
    commitment: bytes.subarray(88, 120),
    extensions: bytes.length === RECORD_LENGTH ? NONE : decodeExtensions(bytes.subarray(RECORD_LENGTH))
  }
}

const NONE: readonly Extension[] = []

function isAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false
  return true
}

/** What {@link encodeExtensions} makes, as views into `bytes`. @throws CHAIN_FORMAT */
export function decodeExtensions(bytes: Uint8Array): Extension[] {
  const view = viewOf(bytes)
  const extensions: Extension[] = []
  let at = 0
  let last = 0
  while (at < bytes.length) {
    if (at + TLV_HEAD > bytes.length) throw new FormatError('MALFORMED_BLOCK', 'an extension is cut off')
    const type = view.getUint8(at)
    const end = at + TLV_HEAD + view.getUint16(at + 1)
    if (end > bytes.length) throw new FormatError('MALFORMED_BLOCK', 'an extension is cut off')
    if (type <= last) throw new FormatError('NON_CANONICAL', 'extensions are not in order')
    if (!KNOWN_EXTENSIONS.has(type)) throw new FormatError('UNSUPPORTED_VERSION', `extension ${type} is unknown`)
    extensions.push({ type, value: bytes.subarray(at + TLV_HEAD, end) })
    last = type
    at = end
  }
  return extensions
}

/** The counterpart extension's value. */
export function encodeCounterpart(chainId: Uint8Array, id: Uint8Array): Uint8Array {
  const value = new Uint8Array(2 * HASH_LENGTH)
  value.set(chainId)
  value.set(id, HASH_LENGTH)
  return value
}
