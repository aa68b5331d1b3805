import { crypto } from '../crypto/index.ts'
import { isTalosError, TalosError } from '../errors.ts'
import { type BlockHeader, blockHash, decodeHeader, HEADER_LENGTH, SIGNATURE_LENGTH, sealStatement } from './block.ts'
import { concatBytes, equalBytes, HASH_LENGTH, readUint64, splitHashes, viewOf, writeUint64 } from './bytes.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint, type SignerPolicy } from './checkpoint.ts'
import { decodeValue, encodeValue, type OpenedField, verifyOpening } from './commitment.ts'
import { base64, fromBase64, parseNote } from './note.ts'
import { type ChainRecord, decodeRecord, recordId } from './record.ts'
import { verifyRecord } from './record-signature.ts'
import { hashLeaf, inclusionRanges, rootFromInclusion, verifyInclusion } from './tree.ts'

/** That a record is in a chain of which a checkpoint was signed: all that is needed, without network or database. */
export interface RecordProof {
  record: Uint8Array
  /** The author's, on chains whose records are signed. */
  recordSignature?: Uint8Array
  /** Number of the record in its block. */
  index: number
  /** From the record to the root in the header. */
  blockPath: readonly Uint8Array[]
  /** 164 bytes. */
  header: Uint8Array
  /** The producer's, of the block. */
  signature: Uint8Array
  /** Blocks that the checkpoint covers. */
  size: number
  /** From the block to the root of the checkpoint. */
  historyPath: readonly Uint8Array[]
  /** The signed checkpoint: a C2SP note. */
  checkpoint: string
  /** Fields that the owner opened. */
  opened: readonly OpenedField[]
}

export interface VerifiedProof {
  record: ChainRecord
  id: Uint8Array
  height: number
  blockTime: number
  blockHash: Uint8Array
  origin: string
  /** Blocks in the checkpoint. */
  size: number
  /** Names of the witnesses that signed it. */
  witnesses: readonly string[]
  opened: readonly OpenedField[]
}

const VERSION = 1
const HEAD = 'c2sp.org/tlog-proof@v1'
const ROOT_AT = 48
const MAX_PROOF = 262_144

/** The bytes of a proof: its form between programs. About 1,450 for a record a million blocks deep. */
export function encodeProof(proof: RecordProof): Uint8Array {
  const extra = encodeExtra(proof)
  const head = new Uint8Array(12)
  viewOf(head).setUint32(0, extra.length)
  writeUint64(viewOf(head), 4, proof.size)
  return concatBytes(head, extra, ...proof.historyPath, new TextEncoder().encode(proof.checkpoint))
}

/** @throws CHAIN_PROOF_INVALID */
export function decodeProof(bytes: Uint8Array): RecordProof {
  return strictly(() => {
    if (bytes.length > MAX_PROOF) throw invalid('it is too long')
    const reader = new Reader(bytes)
    const length = reader.uint(4)
    const size = readUint64(viewOf(reader.take(8)), 0)
    const extra = decodeExtra(reader.take(length))
    const count = pathLength(decodeHeader(extra.header).height, size)
    const historyPath = reader.hashes(count)
    const checkpoint = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(reader.rest())
    return { ...extra, size, historyPath, checkpoint }
  })
}

/** The text of a proof: c2sp.org/tlog-proof, whose log entry is the hash of the block and whose `extra` leads from the record to it. */
export function formatProof(proof: RecordProof): string {
  const { height } = decodeHeader(proof.header)
  const lines = [HEAD, `extra ${base64(encodeExtra(proof))}`, `index ${height}`, ...proof.historyPath.map(base64)]
  return `${lines.join('\n')}\n\n${proof.checkpoint}`
}

/** @throws CHAIN_PROOF_INVALID */
export function parseProof(text: string): RecordProof {
  return strictly(() => {
    if (text.length > 2 * MAX_PROOF) throw invalid('it is too long')
    const end = text.indexOf('\n\n')
    const [head, extraLine, indexLine, ...path] = text.slice(0, end).split('\n')
    if (end < 0 || head !== HEAD) throw invalid(`it does not begin with ${HEAD}`)
    const encoded = /^extra (\S+)$/.exec(extraLine ?? '')?.[1]
    const extra = encoded === undefined ? undefined : fromBase64(encoded)
    if (extra === undefined) throw invalid('it has no line "extra"')
    const checkpoint = text.slice(end + 2)
    const proof = { ...decodeExtra(extra), checkpoint }
    if (indexLine !== `index ${decodeHeader(proof.header).height}`)
      throw invalid('the line "index" is of another block')
    const historyPath = path.map(line => {
      const hash = fromBase64(line)
      if (hash?.length !== HASH_LENGTH) throw invalid('a line of the path is no hash')
      return hash
    })
    const size = Number(/^[^\n]+\n(0|[1-9][0-9]{0,15})\n/.exec(checkpoint)?.[1] ?? Number.NaN)
    return { ...proof, historyPath, size }
  })
}

/**
 * Checks a proof against the keys that the reader trusts. `policy.log` is the key of the chain's owner, or the policy names witnesses.
 *
 * @throws CHAIN_PROOF_INVALID when something in it is wrong; CHAIN_UNTRUSTED, CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID as
 * openCheckpoint()
 */
export function verifyProof(proof: RecordProof, policy: SignerPolicy): VerifiedProof {
  const { witnesses, ...checkpoint } = openCheckpoint(proof.checkpoint, policy)
  const found = verifyProofIn(proof, checkpoint)
  if (policy.log !== undefined && policy.log.name !== found.origin) throw invalid('the checkpoint is of another chain')
  return { ...found, witnesses }
}

/**
 * Checks a proof against a state of the chain that the reader knows to be true, whatever note is in it.
 *
 * @throws CHAIN_PROOF_INVALID
 */
export function verifyProofIn(proof: RecordProof, checkpoint: Checkpoint): Omit<VerifiedProof, 'witnesses'> {
  return strictly(() => {
    const header = decodeHeader(proof.header)
    const record = decodeRecord(proof.record)
    const id = recordId(proof.record)
    const recordsRoot = rootFromInclusion(id, proof.index, header.recordCount, proof.blockPath)
    if (recordsRoot === undefined || !equalBytes(recordsRoot, header.recordsRoot)) {
      throw invalid('the record is not in the block')
    }
    const hash = blockHash(proof.header)
    if (!crypto.ed25519.verify(header.producer, sealStatement(hash), proof.signature)) {
      throw invalid('the block is not signed by its producer')
    }
    const { origin, size, root } = checkpoint
    if (proof.size !== size || !verifyInclusion(hashLeaf(hash), header.height, size, proof.historyPath, root)) {
      throw invalid('the block is not in the history of the checkpoint')
    }
    if (header.signedRecords) {
      const chainId = new Uint8Array(Buffer.from(origin.replace(/^talos\//, ''), 'base64url'))
      const { recordSignature } = proof
      if (
        chainId.length !== HASH_LENGTH ||
        !recordSignature ||
        !verifyRecord(chainId, record.author, id, recordSignature)
      ) {
        throw invalid('the record is not signed by its author')
      }
    } else if (!equalBytes(record.author, header.producer)) {
      // the block's signature is all that vouches for it: nobody writes in the name of others
      throw invalid('the record is of another author than the block')
    }
    if (new Set(proof.opened.map(({ name }) => name)).size < proof.opened.length) {
      throw invalid('a field is opened twice')
    }
    for (const field of proof.opened) {
      if (!verifyOpening(record.commitment, field)) throw invalid(`the field '${field.name}' is not what was recorded`)
    }
    const { height, time: blockTime } = header
    return { record, id, height, blockTime, blockHash: hash, origin, size, opened: proof.opened }
  })
}

/** What a proof is about, with nothing checked but its form. @throws CHAIN_PROOF_INVALID, CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID */
export function recordOf(proof: RecordProof): {
  record: ChainRecord
  id: Uint8Array
  header: BlockHeader
  hash: Uint8Array
  checkpoint: Checkpoint
} {
  return strictly(() => ({
    record: decodeRecord(proof.record),
    id: recordId(proof.record),
    header: decodeHeader(proof.header),
    hash: blockHash(proof.header),
    checkpoint: parseCheckpoint(parseNote(proof.checkpoint).text)
  }))
}

type Extra = Omit<RecordProof, 'size' | 'historyPath' | 'checkpoint'>

/**
 * version (1) ‖ index (4) ‖ header without its records root (132) ‖ signature (64) ‖ record length (2) ‖ record without its leaf tag ‖
 * signature of the record (64), if the header says so ‖ path in the block ‖ number of opened fields (1) ‖ those fields.
 * The lengths of paths follow from what is before them, and the records root from the path.
 */
function encodeExtra({ record, recordSignature, index, blockPath, header, signature, opened }: Extra): Uint8Array {
  const lengths = new Uint8Array(5)
  lengths[0] = VERSION
  viewOf(lengths).setUint32(1, index)
  return concatBytes(
    lengths,
    header.subarray(0, ROOT_AT),
    header.subarray(ROOT_AT + HASH_LENGTH),
    signature,
    uint(2, record.length - 1),
    record.subarray(1),
    recordSignature ?? new Uint8Array(),
    ...blockPath,
    uint(1, opened.length),
    ...opened.flatMap(({ index: at, count, salt, name, value, path }) => {
      const [text, encoded] = [new TextEncoder().encode(name), encodeValue(value)]
      const heads = [uint(1, at), uint(1, count), salt, uint(1, text.length), text, uint(4, encoded.length), encoded]
      return [...heads, ...path]
    })
  )
}

function decodeExtra(bytes: Uint8Array): Extra {
  const reader = new Reader(bytes)
  if (reader.uint(1) !== VERSION) throw invalid('it is of another version')
  const index = reader.uint(4)
  const start = reader.take(ROOT_AT)
  const header = concatBytes(start, new Uint8Array(HASH_LENGTH), reader.take(HEADER_LENGTH - ROOT_AT - HASH_LENGTH))
  const { recordCount, signedRecords } = decodeHeader(header)
  const signature = reader.take(SIGNATURE_LENGTH)
  const record = concatBytes(Uint8Array.of(0), reader.take(reader.uint(2)))
  const recordSignature = signedRecords ? reader.take(SIGNATURE_LENGTH) : undefined
  const blockPath = reader.hashes(pathLength(index, recordCount))
  const root = rootFromInclusion(recordId(record), index, recordCount, blockPath)
  if (root === undefined) throw invalid('its path does not fit')
  header.set(root, ROOT_AT)
  const opened = Array.from({ length: reader.uint(1) }, (): OpenedField => {
    const [at, count, salt] = [reader.uint(1), reader.uint(1), reader.take(16)]
    const name = new TextDecoder().decode(reader.take(reader.uint(1)))
    const value = decodeValue(reader.take(reader.uint(4)))
    return { index: at, count, salt, name, value, path: reader.hashes(pathLength(at, count)) }
  })
  if (reader.rest().length > 0) throw invalid('it goes on after its end')
  const signed = recordSignature === undefined ? {} : { recordSignature }
  return { record, ...signed, index, blockPath, header, signature, opened }
}

function pathLength(index: number, size: number): number {
  if (!(index >= 0 && index < size && size <= 2 ** 32)) throw invalid('a number in it is beyond its tree')
  return inclusionRanges(index, size).length
}

function uint(length: 1 | 2 | 4, value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, value)
  return bytes.subarray(4 - length)
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw invalid('it is cut off')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  uint(length: number): number {
    return this.take(length).reduce((value, byte) => value * 256 + byte, 0)
  }

  hashes(count: number): Uint8Array[] {
    return splitHashes(this.take(count * HASH_LENGTH), 0, count)
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at)
  }
}

/** Whatever malformed bytes lead to is the same error. */
function strictly<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (isTalosError(error, 'CHAIN_FORMAT')) throw invalid(error.message)
    if (error instanceof TypeError) throw invalid('its text is not UTF-8')
    throw error
  }
}

function invalid(message: string): TalosError {
  return new TalosError('CHAIN_PROOF_INVALID', `the proof does not hold: ${message}`, {
    hint: 'It was changed on the way, or never true: ask for it again.'
  })
}
