import { TalosError } from '../../errors.ts'
import { type BodyEntry, blockHash, decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { concatBytes, equalBytes, viewOf } from '../bytes.ts'
import { type Checkpoint, openCheckpoint, originOf } from '../checkpoint.ts'
import { commit, encodePayload } from '../commitment.ts'
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
import { putOperations, putPeers } from './peers.ts'
import { signCheckpoint } from './proofs.ts'
import { prunedTo } from './prune.ts'
import { encodePruned, KEYS } from './store.ts'
import { decodePrivate, isContent, searchTerms } from './stored-record.ts'

const MAGIC = 'talos-chain-archive/1\n'
/** Of one part of an archive. */
const MAX_PART = 2_000_000
const NOTHING = new Uint8Array()
/** Blocks that are written at once. */
const WINDOW = 64

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
  const waiting: Promise<void>[] = []
  let first: { height: number; sequence: number; id: Uint8Array } | undefined
  let last = 0
  for await (const archived of reader.blocks()) {
    const { height } = decodeHeader(archived.bytes)
    if (pruned === undefined || height > pruned.height) break
    const record = decodeRecord(archived.entries[0]!.record)
    if (first !== undefined && height !== last + 1) throw invalid('its blocks are not in order')
    first ??= { height: height - 1, sequence: record.sequence - 1, id: record.previous }
    // those that wait share one write
    waiting.push(restore(local, archived, record.sequence))
    if (waiting.length === WINDOW) await Promise.all(waiting.splice(0))
    last = height
    restored++
  }
  await Promise.all(waiting)
  if (pruned === undefined || first === undefined) return 0
  if (last !== pruned.height) throw invalid('it ends before what the chain still has')
  await store.transact(async transaction => {
    if (first.height === 0) transaction.delete(KEYS.pruned)
    else transaction.put(KEYS.pruned, encodePruned(first))
  })
  return restored
}

async function restore(local: LocalChain, { bytes, entries, secrets }: ArchivedBlock, from: number): Promise<void> {
  const header = decodeHeader(bytes)
  const ids = entries.map(({ record }) => recordId(record))
  await local.store.transact(async transaction => {
    const own = await blockAt(transaction, header.height)
    if (own === undefined || !equalBytes(own.hash, blockHash(bytes)))
      throw invalid(`block ${header.height} is another one`)
    if (own.first !== from || !equalBytes(merkleRoot(ids), header.recordsRoot)) {
      throw invalid(`block ${header.height} has other records`)
    }
    verifySecrets({ bytes, entries, secrets })
    const items = entries.map(({ record }, index) => itemOf(record, secrets[index]!))
    const groups = putItems(transaction, from, items)
    putOperations(transaction, groups)
    const peers = items.map(item => searchTerms(payloadOf(item)).peer)
    putPeers(transaction, from, peers)
    await putIds(transaction, header.height, from, ids)
    transaction.put(KEYS.body(from), bytes.slice(SIGNED_HEADER_LENGTH))
    for (const [index, id] of ids.entries()) {
      const sequence = from + index
      if ((await transaction.get(KEYS.kept(id))) === undefined) continue
      transaction.delete(KEYS.kept(id))
      transaction.put(KEYS.pinned(sequence), new Uint8Array())
    }
  })
}

function itemOf(bytes: Uint8Array, { secret, content }: ArchivedBlock['secrets'][number]): Item {
  const { kind, time, extensions, commitment } = decodeRecord(bytes)
  const { payload } = decodePrivate(secret)
  const item = { kind, time, extensions, contents: payload ?? commitment }
  return content.length === 0 ? item : { ...item, content }
}

/** What is private of each record is what the record commits to. */
function verifySecrets({ entries, secrets }: ArchivedBlock): void {
  for (const [index, { record }] of entries.entries()) {
    const { secret, content } = secrets[index]!
    const { payload } = decodePrivate(secret)
    const isOwn =
      payload === undefined
        ? content.length === 0
        : equalBytes(commit(payload), decodeRecord(record).commitment) &&
          isContent(payload, content.length === 0 ? undefined : content)
    if (!isOwn) throw invalid('the contents of a record are not what was recorded')
  }
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
    if (new TextDecoder().decode(await this.#take(MAGIC.length)) !== MAGIC) throw invalid('it is no archive of a chain')
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
      for (let i = 0; i < header.recordCount; i++) {
        secrets.push({ secret: await this.part(), content: await this.part() })
      }
      yield { bytes, entries: decodeBody(bytes.subarray(SIGNED_HEADER_LENGTH), header), secrets }
    }
  }

  async part(): Promise<Uint8Array> {
    const length = viewOf(await this.#take(4)).getUint32(0)
    if (length > MAX_PART) throw invalid('a part is too long')
    return this.#take(length)
  }

  async #take(length: number): Promise<Uint8Array> {
    const chunks = [this.#held]
    for (let had = this.#held.length; had < length; ) {
      const next = await this.#chunks.next()
      if (next.done === true) throw invalid('it is cut off')
      chunks.push(next.value)
      had += next.value.length
    }
    const bytes = chunks.length === 1 ? this.#held : concatBytes(...chunks)
    this.#held = bytes.subarray(length)
    return bytes.slice(0, length)
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
