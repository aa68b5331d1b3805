import { crypto } from '../crypto/index.ts'
import { isTalosError, TalosError } from '../errors.ts'
import {
  blockHash,
  decodeHeader,
  HEADER_LENGTH,
  SIGNATURE_LENGTH,
  SIGNED_HEADER_LENGTH,
  sealStatement
} from './block.ts'
import { compareBytes, concatBytes, equalBytes, HASH_LENGTH, splitHashes, viewOf } from './bytes.ts'
import { type Checkpoint, originOf, parseCheckpoint } from './checkpoint.ts'
import { base64, fromBase64, NOTE_KEY, type NoteKey, noteKeyId, parseNote, verifyNote } from './note.ts'
import { type Chain, chainOf, decodeParams } from './params.ts'
import { decodeRecord, recordId } from './record.ts'
import { verifyRecord } from './record-signature.ts'
import { consistencyRoots, hashLeaf, inclusionRanges, verifyInclusion } from './tree.ts'

/** A block of a chain with an owner, as far as it shows that it is one. */
export interface BlockStatement {
  /** header ‖ signature, 228 bytes. */
  block: Uint8Array
  /** From the genesis block to the history root in the header. */
  path: readonly Uint8Array[]
}

/** A record with its author's signature. */
export interface RecordStatement {
  record: Uint8Array
  signature: Uint8Array
}

/** Two things that one key signed for one place, of which there can be only one. */
export type Evidence =
  /** Two blocks of one height of a chain with an owner. `params` are the chain's, encoded. */
  | { what: 'blocks'; params: Uint8Array; pair: readonly [BlockStatement, BlockStatement] }
  /** Two records of one author with one number in one stream. */
  | { what: 'records'; chainId: Uint8Array; pair: readonly [RecordStatement, RecordStatement] }
  /** Two states of one size, signed by the chain's owner or by a witness: C2SP notes. */
  | { what: 'checkpoints'; key: NoteKey; pair: readonly [string, string] }
  /**
   * Two states of two sizes, the smaller one first, and what shows that the larger one does not continue it: the path from what it has in the
   * place of the smaller one, which begins with the last complete subtree of that.
   */
  | { what: 'histories'; key: NoteKey; pair: readonly [string, string]; path: readonly Uint8Array[] }

export interface Equivocation {
  what: Evidence['what']
  /** The Ed25519 key that signed both, 32 bytes. */
  culprit: Uint8Array
  /** `talos/` and the chain's id in base64url. */
  origin: string
  /** A height, a number in a stream, or a size. */
  place: number
  /** Of what was signed: hashes of blocks, ids of records, roots. Of histories: the root of the smaller size, and what the larger one has for it. */
  hashes: readonly [Uint8Array, Uint8Array]
}

const VERSION = 1
const HEAD = 'talos/evidence@v1'
/** In bytes. */
export const MAX_EVIDENCE = 65_536
const WHAT = { blocks: 1, records: 2, checkpoints: 3, histories: 4 } as const
const encoder = new TextEncoder()

/**
 * The bytes of evidence: docs/spec/chain.md §11. The two are put in the order of their hashes, so that whoever finds the same two makes
 * the same bytes.
 */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const head = Uint8Array.of(VERSION, WHAT[evidence.what])
  if (evidence.what === 'blocks') {
    const parts = ordered(evidence.pair, ({ block }) => blockHash(block))
    return concatBytes(
      head,
      part(2, evidence.params),
      ...parts.flatMap(({ block, path }) => [block.subarray(0, SIGNED_HEADER_LENGTH), ...path])
    )
  }
  if (evidence.what === 'records') {
    const parts = ordered(evidence.pair, ({ record }) => recordId(record))
    return concatBytes(
      head,
      evidence.chainId,
      ...parts.flatMap(({ record, signature }) => [part(4, record), signature])
    )
  }
  const { name, type, publicKey } = evidence.key
  const key = [part(1, encoder.encode(name)), Uint8Array.of(type), publicKey]
  const notes = (pair: readonly string[]) => pair.map(note => part(4, encoder.encode(onlyOf(note, evidence.key))))
  if (evidence.what === 'histories') {
    return concatBytes(head, ...key, ...notes(evidence.pair), Uint8Array.of(evidence.path.length), ...evidence.path)
  }
  const parts = ordered(evidence.pair, note => parseCheckpoint(parseNote(note).text).root)
  return concatBytes(head, ...key, ...notes(parts))
}

/** @throws CHAIN_EVIDENCE_INVALID */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  return strictly(() => {
    if (bytes.length > MAX_EVIDENCE) throw invalid('it is too long')
    // plain bytes of its own, whatever kind of view they came in
    const reader = new Reader(Uint8Array.from(bytes))
    const [version, what] = reader.take(2)
    if (version !== VERSION) throw invalid('it is of another version')
    const evidence = what === 1 ? readBlocks(reader) : what === 2 ? readRecords(reader) : readCheckpoints(reader, what!)
    if (!reader.isAtEnd) throw invalid('it goes on after its end')
    return evidence
  })
}

/** Evidence as a file: a first line that says what it is, and a line of base64. */
export function formatEvidence(evidence: Uint8Array): string {
  return `${HEAD}\n${base64(evidence)}\n`
}

/** The bytes in a file; undefined when it is a file of another kind. @throws CHAIN_EVIDENCE_INVALID */
export function parseEvidence(text: string): Uint8Array | undefined {
  if (!text.startsWith(`${HEAD}\n`)) return undefined
  const bytes = text.length > 2 * MAX_EVIDENCE ? undefined : fromBase64(text.slice(HEAD.length + 1).replace(/\n$/, ''))
  if (bytes === undefined) throw invalid('it is not base64')
  return bytes
}

/**
 * Whether evidence shows what it says: who signed two things for one place. Needs nothing besides, and is the same for everybody.
 *
 * @throws CHAIN_EVIDENCE_INVALID when it shows nothing of the kind
 */
export function verifyEvidence(bytes: Uint8Array): Equivocation {
  const evidence = decodeEvidence(bytes)
  return strictly(() => {
    const found =
      evidence.what === 'blocks'
        ? checkBlocks(evidence.params, evidence.pair)
        : evidence.what === 'records'
          ? checkRecords(evidence.chainId, evidence.pair)
          : evidence.what === 'checkpoints'
            ? checkCheckpoints(evidence.key, evidence.pair)
            : checkHistories(evidence)
    const order = compareBytes(...found.hashes)
    // of histories the smaller one comes first
    if (order === 0 || (order > 0 && evidence.what !== 'histories')) {
      throw invalid('the two are the same, or in the wrong order')
    }
    return found
  })
}

function checkBlocks(params: Uint8Array, pair: readonly [BlockStatement, BlockStatement]): Equivocation {
  const chain = ownedChain(params)
  const owner = chain.params.keys[0]!
  const [one, other] = [checkBlock(chain, owner, pair[0]), checkBlock(chain, owner, pair[1])]
  if (one.height !== other.height) throw invalid('the blocks have different heights')
  return {
    what: 'blocks',
    culprit: owner,
    origin: originOf(chain.id),
    place: one.height,
    hashes: [one.hash, other.hash]
  }
}

function checkBlock(
  chain: Chain,
  owner: Uint8Array,
  { block, path }: BlockStatement
): { height: number; hash: Uint8Array } {
  const header = decodeHeader(block)
  const { height, historyRoot } = header
  // an owner may have several chains: the history says which one the block is of
  if (!verifyInclusion(hashLeaf(chain.genesisHash), 0, height, path, historyRoot))
    throw invalid('a block is of another chain')
  const hash = blockHash(block)
  if (
    !equalBytes(header.producer, owner) ||
    !crypto.ed25519.verify(owner, sealStatement(hash), block.subarray(HEADER_LENGTH))
  ) {
    throw invalid('a block is not signed by the owner')
  }
  return { height, hash }
}

function checkRecords(chainId: Uint8Array, pair: readonly [RecordStatement, RecordStatement]): Equivocation {
  const [one, other] = [decodeRecord(pair[0].record), decodeRecord(pair[1].record)]
  if (!equalBytes(one.author, other.author) || one.stream !== other.stream || one.sequence !== other.sequence) {
    throw invalid('the records are not for one place')
  }
  const hashes = [recordId(pair[0].record), recordId(pair[1].record)] as const
  for (const [i, { signature }] of pair.entries()) {
    if (!verifyRecord(chainId, one.author, hashes[i]!, signature)) throw invalid('a record is not signed by its author')
  }
  return { what: 'records', culprit: one.author, origin: originOf(chainId), place: one.sequence, hashes }
}

function checkCheckpoints(key: NoteKey, pair: readonly [string, string]): Equivocation {
  const [one, other] = signedBy(key, pair)
  if (one.size !== other.size) throw invalid('the checkpoints are not for one place')
  return {
    what: 'checkpoints',
    culprit: key.publicKey,
    origin: one.origin,
    place: one.size,
    hashes: [one.root, other.root]
  }
}

function checkHistories({ key, pair, path }: Evidence & { what: 'histories' }): Equivocation {
  const [older, newer] = signedBy(key, pair)
  if (!(older.size > 0 && older.size < newer.size)) throw invalid('the smaller state does not come first')
  const roots = consistencyRoots(older.size, newer.size, path)
  if (roots === undefined || !equalBytes(roots.newer, newer.root)) throw invalid('the path is not of the larger state')
  return {
    what: 'histories',
    culprit: key.publicKey,
    origin: older.origin,
    place: older.size,
    hashes: [older.root, roots.older]
  }
}

/** What both say, which the key has signed, and it alone. */
function signedBy(key: NoteKey, pair: readonly [string, string]): [Checkpoint, Checkpoint] {
  const notes = [parseNote(pair[0]), parseNote(pair[1])] as const
  for (const note of notes) {
    // one form only: what somebody else added cannot make it other evidence
    if (note.signatures.length !== 1 || verifyNote(note, key) !== true)
      throw invalid('a checkpoint is not signed by the key')
  }
  const [one, other] = [parseCheckpoint(notes[0].text), parseCheckpoint(notes[1].text)]
  if (one.origin !== other.origin) throw invalid('the checkpoints are not of one chain')
  if (key.type === NOTE_KEY.ed25519 && key.name !== one.origin) throw invalid('the key is of another chain')
  return [one, other]
}

function readBlocks(reader: Reader): Evidence {
  const params = reader.part(2)
  const statement = (): BlockStatement => {
    const block = reader.take(SIGNED_HEADER_LENGTH)
    const { height } = decodeHeader(block)
    if (height === 0) throw invalid('the genesis block is nobody’s')
    return { block, path: reader.hashes(inclusionRanges(0, height).length) }
  }
  return { what: 'blocks', params, pair: [statement(), statement()] }
}

function readRecords(reader: Reader): Evidence {
  const chainId = reader.take(HASH_LENGTH)
  const statement = (): RecordStatement => ({ record: reader.part(4), signature: reader.take(SIGNATURE_LENGTH) })
  return { what: 'records', chainId, pair: [statement(), statement()] }
}

function readCheckpoints(reader: Reader, what: number): Evidence {
  if (what !== WHAT.checkpoints && what !== WHAT.histories) throw invalid('it is of an unknown kind')
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const name = text.decode(reader.part(1))
  const type = reader.take(1)[0]
  if (type !== NOTE_KEY.ed25519 && type !== NOTE_KEY.cosignature) throw invalid('its key is of an unknown kind')
  const key: NoteKey = { name, type, publicKey: reader.take(HASH_LENGTH) }
  const pair = [text.decode(reader.part(4)), text.decode(reader.part(4))] as const
  if (what === WHAT.checkpoints) return { what: 'checkpoints', key, pair }
  return { what: 'histories', key, pair, path: reader.hashes(reader.take(1)[0]!) }
}

function ownedChain(params: Uint8Array): Chain {
  const decoded = decodeParams(params)
  if (decoded.admission !== 'owner') throw invalid('a chain of many writers has forks that are nobody’s fault')
  return chainOf(decoded)
}

/** The note with the signature of this key alone. */
function onlyOf(note: string, key: NoteKey): string {
  const id = noteKeyId(key)
  const { text, signatures } = parseNote(note)
  const own = signatures.find(({ name, keyId }) => name === key.name && equalBytes(keyId, id))
  if (own === undefined) throw invalid('a checkpoint is not signed by the key')
  return `${text}\n— ${own.name} ${base64(concatBytes(own.keyId, own.signature))}\n`
}

function ordered<T>([one, other]: readonly [T, T], hashOf: (item: T) => Uint8Array): [T, T] {
  return compareBytes(hashOf(one), hashOf(other)) <= 0 ? [one, other] : [other, one]
}

function part(length: 1 | 2 | 4, bytes: Uint8Array): Uint8Array {
  const head = new Uint8Array(4)
  viewOf(head).setUint32(0, bytes.length)
  return concatBytes(head.subarray(4 - length), bytes)
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw invalid('it is cut off')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Bytes after their length, which has `size` bytes. */
  part(size: number): Uint8Array {
    return this.take(this.take(size).reduce((value, byte) => value * 256 + byte, 0))
  }

  hashes(count: number): Uint8Array[] {
    return splitHashes(this.take(count * HASH_LENGTH), 0, count)
  }
}

/** Whatever malformed bytes lead to is the same error. */
function strictly<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (isTalosError(error, 'CHAIN_EVIDENCE_INVALID')) throw error
    if (isTalosError(error)) throw invalid(error.message)
    if (error instanceof TypeError) throw invalid('its text is not UTF-8')
    throw error
  }
}

function invalid(message: string): TalosError {
  return new TalosError('CHAIN_EVIDENCE_INVALID', `this shows no second history: ${message}`, {
    hint: 'Nothing follows from it: whoever it accuses has done nothing wrong by it.'
  })
}
