import { TalosError } from '../../errors.ts'
import {
  type BlockHeader,
  type BodyEntry,
  blockHash,
  decodeBody,
  decodeHeader,
  SIGNED_HEADER_LENGTH
} from '../block.ts'
import { concatBytes, equalBytes, uint32At, viewOf } from '../bytes.ts'
import { type Checkpoint, openCheckpoint, originOf } from '../checkpoint.ts'
import { commit, encodePayload, type Payload } from '../commitment.ts'
import { NOTE_KEY } from '../note.ts'
import { type Chain, chainOf, decodeParams } from '../params.ts'
import { decodeRecord, recordId } from '../record.ts'
import { merkleRoot } from '../tree.ts'
import type { ValidationOptions } from '../validation/validate.ts'
import { type ChainReport, ChainValidator } from '../validation/validate-chain.ts'
import { putItems } from './drafts.ts'
import { type Item, payloadOf } from './group.ts'
import { putIds } from './ids.ts'
import type { LocalChain } from './local-chain.ts'
import { blockAt, damaged, recordsOf } from './lookup.ts'
import { putOperations } from './operations.ts'
import { putPeers } from './peers.ts'
import { signCheckpoint } from './proofs.ts'
import { prunedTo } from './prune.ts'
import { type ChainTransaction, encodePruned, KEYS, type Pruned } from './store.ts'
import { decodePrivate, isContent, searchTerms } from './stored-record.ts'

const MAGIC = 'talos-chain-archive/1\n'
/** Of one part of an archive. */
const MAX_PART = 2_000_000
const NOTHING = new Uint8Array()
/** What is written at once, when it has so many bytes. */
const WINDOW = 1_000_000

/**
 * The chain as bytes, to be kept elsewhere: parameters, blocks with all that is private of their records, and a signed checkpoint.
 * It holds secrets: whoever keeps it encrypts it. The format is in docs/spec/chain.md.
 */
export async function* archiveLocal(local: LocalChain): AsyncGenerator<Uint8Array> {
  const { store, tip, chain } = local
  const checkpoint = await signCheckpoint(local, tip.height + 1)
  yield concatBytes(new TextEncoder().encode(MAGIC), part(chain.encodedParams))
  const from = ((await store.transact(prunedTo))?.height ?? 0) + 1
  for (let height = from; height <= tip.height; height++) {
    yield await store.transact(async transaction => {
      const block = await blockAt(transaction, height)
      if (block === undefined || block.bytes.length === SIGNED_HEADER_LENGTH) throw damaged(`block ${height}`)
      const parts = [part(block.bytes)]
      const reader = local.reader(transaction)
      for (let i = 0; i < recordsOf(block).length; i++) {
        const { sequence, payload } = (await reader.at(block.first + i))!
        parts.push(part(payload === undefined ? NOTHING : encodePayload(payload)))
        parts.push(part((await reader.contentAt(sequence)) ?? NOTHING))
      }
      return concatBytes(...parts)
    })
  }
  yield concatBytes(part(NOTHING), part(new TextEncoder().encode(checkpoint)))
}

interface ArchivedBlock {
  bytes: Uint8Array
  header: BlockHeader
  /** With all that is private of it. */
  length: number
  entries: readonly BodyEntry[]
  /** What is private of each record: its payload, and what is kept beside it. */
  secrets: ReadonlyArray<{ secret: Uint8Array; content: Uint8Array }>
}

/**
 * Checks an archive by itself, from the genesis block on, against the key of its owner.
 *
 * @throws CHAIN_ARCHIVE_INVALID when it is no archive, or not one of a whole chain of this owner; CHAIN_UNTRUSTED
 */
export async function verifyArchive(
  source: AsyncIterable<Uint8Array>,
  owner: Uint8Array,
  options: ValidationOptions = {}
): Promise<ChainReport & { checkpoint: Checkpoint }> {
  await using reader = new ArchiveReader(source)
  const chain = await reader.chain()
  requireOwner(chain, owner)
  const validator = new ChainValidator(chain, options)
  for await (const archived of reader.blocks()) {
    if (validator.valid) await validator.block(archived.bytes)
    if (validator.valid) verifySecrets(archived)
  }
  const checkpoint = await checkpointOf(reader, chain, owner)
  const { height } = validator.state
  if (validator.valid && (checkpoint.size !== height || !equalBytes(checkpoint.root, validator.state.historyRoot()))) {
    validator.reject('HISTORY_ROOT_INVALID', 'the archive does not have the blocks of its checkpoint')
  }
  return { ...validator.end(), checkpoint }
}

/**
 * Puts back what was pruned, from an archive of the same chain: how many blocks. Every block is checked against the header that the chain has.
 *
 * @throws CHAIN_ARCHIVE_INVALID when the archive is of another chain, or does not reach up to what is there
 */
export async function importArchive(local: LocalChain, source: AsyncIterable<Uint8Array>): Promise<number> {
  const { store, chain } = local
  await using reader = new ArchiveReader(source)
  requireOwner(await reader.chain(), local.owner.publicKey, chain.id)
  const pruned = await store.transact(prunedTo)
  let restored = 0
  let window: CheckedArchive[] = []
  let length = 0
  let writing = Promise.resolve()
  let before: Pruned | undefined
  let last = 0
  const write = async (): Promise<void> => {
    const blocks = window
    window = []
    length = 0
    await writing
    writing = store.transact(transaction => restoreAll(transaction, blocks))
    // told where it is waited for
    writing.catch(() => {})
  }
  try {
    for await (const archived of reader.blocks()) {
      const { height } = archived.header
      if (pruned === undefined || height > pruned.height) break
      if (before !== undefined && height !== last + 1) throw invalid('its blocks are not in order')
      // while those before it are on their way to the disk
      const checked = checkArchived(archived)
      before ??= { height: height - 1, sequence: checked.first - 1, id: checked.previous }
      window.push(checked)
      length += archived.length
      last = height
      restored++
      if (length >= WINDOW) await write()
    }
    await write()
    await writing
  } finally {
    // whatever was begun is on disk, or is not, when this ends
    await writing.catch(() => {})
  }
  if (pruned === undefined || before === undefined) return 0
  if (last !== pruned.height) throw invalid('it ends before what the chain still has')
  await store.transact(async transaction => {
    if (before.height === 0) transaction.delete(KEYS.pruned)
    else transaction.put(KEYS.pruned, encodePruned(before))
  })
  return restored
}

/** A block whose records are those of its header, and what is private of them what they commit to. */
interface CheckedArchive {
  header: BlockHeader
  hash: Uint8Array
  body: Uint8Array
  /** Number of its first record, and the id of the one before. */
  first: number
  previous: Uint8Array
  ids: readonly Uint8Array[]
  items: readonly Item[]
}

function checkArchived({ bytes, header, entries, secrets }: ArchivedBlock): CheckedArchive {
  const records = entries.map(({ record }) => decodeRecord(record))
  const ids = entries.map(({ record }) => recordId(record))
  if (records.length === 0 || !equalBytes(merkleRoot(ids), header.recordsRoot)) {
    throw invalid(`block ${header.height} has other records`)
  }
  const items = records.map(({ kind, time, extensions, commitment }, i): Item => {
    const { payload, content } = openSecret(secrets[i]!, commitment)
    const item = { kind, time, extensions, contents: payload ?? commitment }
    return content === undefined ? item : { ...item, content }
  })
  const { sequence: first, previous } = records[0]!
  const [hash, body] = [blockHash(bytes), bytes.slice(SIGNED_HEADER_LENGTH)]
  return { header, hash, body, first, previous, ids, items }
}

async function restoreAll(transaction: ChainTransaction, blocks: readonly CheckedArchive[]): Promise<void> {
  const kept = new Set(await transaction.keys(KEYS.keeps))
  for (const { header, hash, body, first, ids, items } of blocks) {
    const own = await blockAt(transaction, header.height)
    if (own === undefined || !equalBytes(own.hash, hash)) throw invalid(`block ${header.height} is another one`)
    if (own.first !== first) throw invalid(`block ${header.height} has other records`)
    const groups = putItems(transaction, first, items)
    putOperations(transaction, first, groups)
    const peers = items.map(item => searchTerms(payloadOf(item)).peer)
    putPeers(transaction, first, peers)
    await putIds(transaction, header.height, first, ids)
    transaction.put(KEYS.body(first), body)
    if (kept.size === 0) continue
    for (const [index, id] of ids.entries()) {
      if (!kept.has(KEYS.kept(id))) continue
      transaction.delete(KEYS.kept(id))
      transaction.put(KEYS.pinned(first + index), new Uint8Array())
    }
  }
}

/** What is private of each record is what the record commits to. */
function verifySecrets({ entries, secrets }: ArchivedBlock): void {
  for (const [i, { record }] of entries.entries()) openSecret(secrets[i]!, decodeRecord(record).commitment)
}

function openSecret(
  { secret, content }: ArchivedBlock['secrets'][number],
  commitment: Uint8Array
): { payload: Payload | undefined; content: Uint8Array | undefined } {
  const { payload } = decodePrivate(secret)
  const beside = content.length === 0 ? undefined : content
  const isOwn =
    payload === undefined ? beside === undefined : equalBytes(commit(payload), commitment) && isContent(payload, beside)
  if (!isOwn) throw invalid('the contents of a record are not what was recorded')
  return { payload, content: beside }
}

function part(bytes: Uint8Array): Uint8Array {
  const head = new Uint8Array(4)
  viewOf(head).setUint32(0, bytes.length)
  return concatBytes(head, bytes)
}

/** Reads the parts of an archive in order, from chunks of any length. */
class ArchiveReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>
  #held: Uint8Array = new Uint8Array()
  #chain: Chain | undefined

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** Whoever reads no further lets go of the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.()
  }

  async chain(): Promise<Chain> {
    while (this.#held.length < MAGIC.length) await this.#more()
    if (new TextDecoder().decode(this.#cut(0, MAGIC.length)) !== MAGIC) throw invalid('it is no archive of a chain')
    this.#chain = chainOf(decodeParams(await this.part()))
    return this.#chain
  }

  async *blocks(): AsyncGenerator<ArchivedBlock> {
    for (;;) {
      const bytes = await this.part()
      if (bytes.length === 0) return
      const header = decodeHeader(bytes)
      if (header.recordCount > this.#chain!.params.maxRecords) throw invalid('a block has too many records')
      const secrets: Array<ArchivedBlock['secrets'][number]> = []
      let { length } = bytes
      for (let i = 0; i < header.recordCount; i++) {
        const secret = this.#ready() ?? (await this.part())
        const content = this.#ready() ?? (await this.part())
        secrets.push({ secret, content })
        length += secret.length + content.length
      }
      yield { bytes, header, length, entries: decodeBody(bytes.subarray(SIGNED_HEADER_LENGTH), header), secrets }
    }
  }

  async part(): Promise<Uint8Array> {
    for (;;) {
      const part = this.#ready()
      if (part !== undefined) return part
      await this.#more()
    }
  }

  /** The next part, when all of it was read already: waiting for each of a record's would cost as much as checking it. */
  #ready(): Uint8Array | undefined {
    const held = this.#held
    if (held.length < 4) return undefined
    const length = uint32At(held, 0)
    if (length > MAX_PART) throw invalid('a part is too long')
    return held.length < 4 + length ? undefined : this.#cut(4, 4 + length)
  }

  #cut(from: number, to: number): Uint8Array {
    const bytes = this.#held.subarray(from, to)
    this.#held = this.#held.subarray(to)
    return bytes
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next()
    if (next.done === true) throw invalid('it is cut off')
    this.#held = this.#held.length === 0 ? next.value : concatBytes(this.#held, next.value)
  }
}

async function checkpointOf(reader: ArchiveReader, chain: Chain, owner: Uint8Array): Promise<Checkpoint> {
  const origin = originOf(chain.id)
  const note = new TextDecoder().decode(await reader.part())
  const checkpoint = openCheckpoint(note, { log: { name: origin, type: NOTE_KEY.ed25519, publicKey: owner } })
  if (checkpoint.origin !== origin) throw invalid('its checkpoint is of another chain')
  return checkpoint
}

function requireOwner(chain: Chain, owner: Uint8Array, id = chain.id): void {
  const { admission, keys } = chain.params
  if (admission !== 'owner' || !equalBytes(keys[0]!, owner) || !equalBytes(chain.id, id)) {
    throw invalid('it is of another chain')
  }
}

function invalid(message: string): TalosError {
  return new TalosError('CHAIN_ARCHIVE_INVALID', `the archive cannot be used: ${message}`)
}
