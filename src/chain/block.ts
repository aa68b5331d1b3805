import { signStatement } from '../crypto/index.ts'
import { HASH_LENGTH, uint32At, uint64At, viewOf, writeUint64 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { sha256 } from './hash.ts'
import { RECORD_LENGTH } from './record.ts'

export interface BlockHeader {
  height: number
  /** Milliseconds since 1970. */
  time: number
  /** Hash of the block before it; of the genesis block: the chain id. */
  previous: Uint8Array
  /** RFC 6962 root over the records. */
  recordsRoot: Uint8Array
  /** RFC 6962 root over the hashes of all blocks before it, from the genesis block. */
  historyRoot: Uint8Array
  /** Ed25519 key of who made the block, 32 bytes; of the genesis block: zeros. */
  producer: Uint8Array
  recordCount: number
  /** Length of the body. */
  bodyLength: number
  /** Compact target. */
  bits: number
  /** 0 to 2^53 - 1. */
  nonce: number
  /** Each record is followed by its author's signature. */
  signedRecords: boolean
}

const VERSION = 1
const SIGNED_RECORDS = 1
export const HEADER_LENGTH = 164
export const NONCE_AT = 156
export const SIGNATURE_LENGTH = 64
/** A header with the producer's signature. */
export const SIGNED_HEADER_LENGTH = HEADER_LENGTH + SIGNATURE_LENGTH
const LENGTH_FIELD = 4

const HASH_LABEL = new TextEncoder().encode('talos/block/v1\0')
const SEAL_LABEL = 'talos/block-seal/v1'

export function encodeHeader(header: BlockHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH)
  const view = viewOf(bytes)
  view.setUint16(0, VERSION)
  view.setUint16(2, header.signedRecords ? SIGNED_RECORDS : 0)
  view.setUint32(4, header.height)
  writeUint64(view, 8, header.time)
  bytes.set(header.previous, 16)
  bytes.set(header.recordsRoot, 48)
  bytes.set(header.historyRoot, 80)
  bytes.set(header.producer, 112)
  view.setUint32(144, header.recordCount)
  view.setUint32(148, header.bodyLength)
  view.setUint32(152, header.bits)
  writeUint64(view, NONCE_AT, header.nonce)
  return bytes
}

/** Reads the first 164 bytes; what it returns are views into `bytes`. @throws CHAIN_FORMAT */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  if (bytes.length < HEADER_LENGTH) throw new FormatError('MALFORMED_BLOCK', 'a header has 164 bytes')
  const version = bytes[0]! * 256 + bytes[1]!
  if (version !== VERSION) throw new FormatError('UNSUPPORTED_VERSION', `a header has version ${version}`)
  const flags = bytes[2]! * 256 + bytes[3]!
  if (flags > SIGNED_RECORDS) throw new FormatError('NON_CANONICAL', 'a header has unknown flags')
  const [time, nonce] = [uint64At(bytes, 8), uint64At(bytes, NONCE_AT)]
  if (Number.isNaN(time) || Number.isNaN(nonce)) {
    throw new FormatError('INVALID_TYPE', 'a header has a time or nonce above 2^53 - 1')
  }
  return {
    height: uint32At(bytes, 4),
    time,
    previous: bytes.subarray(16, 48),
    recordsRoot: bytes.subarray(48, 80),
    historyRoot: bytes.subarray(80, 112),
    producer: bytes.subarray(112, 144),
    recordCount: uint32At(bytes, 144),
    bodyLength: uint32At(bytes, 148),
    bits: uint32At(bytes, 152),
    nonce,
    signedRecords: flags === SIGNED_RECORDS
  }
}

const scratch = new Uint8Array(HASH_LABEL.length + HEADER_LENGTH)
scratch.set(HASH_LABEL)

/** SHA-256("talos/block/v1" ‖ 0x00 ‖ header), of the first 164 bytes. The nonce is in the last of its three blocks. */
export function blockHash(header: Uint8Array): Uint8Array {
  scratch.set(header.length === HEADER_LENGTH ? header : header.subarray(0, HEADER_LENGTH), HASH_LABEL.length)
  return sha256(scratch)
}

/** What {@link blockHash} hashes; the nonce are its last eight bytes. */
export function hashInput(header: Uint8Array): Uint8Array {
  const input = new Uint8Array(HASH_LABEL.length + HEADER_LENGTH)
  input.set(HASH_LABEL)
  input.set(header.subarray(0, HEADER_LENGTH), HASH_LABEL.length)
  return input
}

/** The producer's signature of a block: 64 bytes. */
export function sealBlock(signer: { sign(bytes: Uint8Array): Uint8Array }, hash: Uint8Array): Uint8Array {
  return signStatement(signer, SEAL_LABEL, hash)
}

const sealInput = new Uint8Array(SEAL_LABEL.length + 1 + HASH_LENGTH)
sealInput.set(new TextEncoder().encode(SEAL_LABEL))

/** What the producer signed: for verifiers. Valid until the next call. */
export function sealStatement(hash: Uint8Array): Uint8Array {
  sealInput.set(hash, SEAL_LABEL.length + 1)
  return sealInput
}

/** A record in a body, with its author's signature where the chain demands one. */
export interface BodyEntry {
  record: Uint8Array
  signature?: Uint8Array
}

/** What a record takes in a body: who makes blocks and who checks them count the same. */
export function entryLength(recordLength: number, signedRecords: boolean): number {
  return LENGTH_FIELD + recordLength + (signedRecords ? SIGNATURE_LENGTH : 0)
}

export function encodeBody(entries: readonly BodyEntry[]): Uint8Array {
  const length = entries.reduce(
    (sum, { record, signature }) => sum + entryLength(record.length, signature !== undefined),
    0
  )
  const bytes = new Uint8Array(length)
  const view = viewOf(bytes)
  let at = 0
  for (const { record, signature } of entries) {
    view.setUint32(at, record.length)
    bytes.set(record, at + LENGTH_FIELD)
    at += LENGTH_FIELD + record.length
    if (signature === undefined) continue
    bytes.set(signature, at)
    at += SIGNATURE_LENGTH
  }
  return bytes
}

/** The entries of a body, as views into `body`. @throws CHAIN_FORMAT */
export function decodeBody(body: Uint8Array, header: BlockHeader): BodyEntry[] {
  const { recordCount, signedRecords } = header
  // before anything is allocated: that many records cannot be in so few bytes
  if (recordCount * entryLength(RECORD_LENGTH, signedRecords) > body.length) {
    throw new FormatError('MALFORMED_BLOCK', 'a body is shorter than its records')
  }
  const entries: BodyEntry[] = []
  let at = 0
  for (let i = 0; i < recordCount; i++) {
    if (at + LENGTH_FIELD > body.length) throw new FormatError('MALFORMED_BLOCK', 'a body is cut off')
    const end = at + LENGTH_FIELD + uint32At(body, at)
    const next = end + (signedRecords ? SIGNATURE_LENGTH : 0)
    if (next > body.length) throw new FormatError('MALFORMED_BLOCK', 'a record is cut off')
    const record = body.subarray(at + LENGTH_FIELD, end)
    entries.push(signedRecords ? { record, signature: body.subarray(end, next) } : { record })
    at = next
  }
  if (at !== body.length) throw new FormatError('NON_CANONICAL', 'a body goes on after its last record')
  return entries
}

/** A block as it is stored and sent: header ‖ signature ‖ body. */
export function encodeBlock(header: Uint8Array, signature: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SIGNED_HEADER_LENGTH + body.length)
  bytes.set(header)
  bytes.set(signature, HEADER_LENGTH)
  bytes.set(body, SIGNED_HEADER_LENGTH)
  return bytes
}
