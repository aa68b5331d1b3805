import { TalosError } from '../../errors.ts'
import { entryLength, SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { commit, encodePayload, type Field, SECRET_LENGTH } from '../commitment.ts'
import type { Chain } from '../params.ts'
import { type Extension, encodeRecord, KIND, type KindName, recordId } from '../record.ts'
import { assembleBlock, type Owner, type PendingRecord, unsealedRecords } from './assemble.ts'
import { beginChain, loadChain, putBlock } from './begin.ts'
import { decodeKept, encodeKept } from './kept.ts'
import {
  blockAt,
  heightOf,
  type LocalBlock,
  type NumberedRecord,
  recordAt,
  recordOfOperation,
  sequenceOf
} from './lookup.ts'
import { migrate } from './migrate.ts'
import { putPeers, removePeer, sequencesWith } from './peers.ts'
import {
  type ChainStore,
  type ChainTransaction,
  decodeHead,
  encodeHead,
  encodeNumber,
  encodeTip,
  KEYS,
  type LocalHead,
  type LocalTip
} from './store.ts'
import { encodeStored, OPERATION, searchTerms } from './stored-record.ts'

/** How long a record waits for others before it is sealed. Milliseconds. */
const SEAL_AFTER = 1_000
/** How long closing waits for the last block. Milliseconds. */
const CLOSE_WITHIN = 1_000

/** Records without a block that are held in memory too: two blocks of them. */
const MAX_PENDING = 2_000

export interface LocalChainInit {
  store: ChainStore
  owner: Owner
  randomBytes: (length: number) => Uint8Array
  /** Milliseconds since 1970. @default the clock's */
  now?: () => number
  /** Zero digits that the hash of a block begins with, for a chain that is made new. @default 2 */
  difficulty?: number
  /** Called when sealing in the background fails; it is tried again a second later. */
  onError?: (error: unknown) => void
}

/** What happened, to be recorded. */
export interface Entry {
  kind: KindName
  /** 1 to 31, kept private, committed to one by one. The one called `peer` can be searched for. */
  fields: readonly Field[]
  /**
   * What the application calls it, 1 to 255 visible ASCII characters: a second entry of the same name is the first one again. It becomes
   * a field of that name.
   */
  operation?: string
  extensions?: readonly Extension[]
}

export interface Appended {
  id: Uint8Array
  sequence: number
  /** False when the operation was recorded before. */
  isNew: boolean
}

/**
 * The audit chain of an agent: it alone writes, and signs every block. Records are written in the transactions of what they record;
 * blocks are made of them afterwards, each as one transaction. A process that is killed at any point leaves a valid chain, and
 * records without a block get one at the next start.
 */
export class LocalChain implements AsyncDisposable {
  readonly chain: Chain
  readonly store: ChainStore
  readonly owner: Owner
  readonly now: () => number
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #onError: (error: unknown) => void
  readonly #stopping = new AbortController()
  /**
   * Records without a block, so that they need not be read again. A transaction that fails leaves its own here; those are never reached:
   * they are beyond the head on disk until the next append takes their number.
   */
  readonly #pending = new Map<number, PendingRecord>()
  /** Called after each block. */
  readonly #onBlock = new Set<() => void>()
  #tip: LocalTip
  #timer: NodeJS.Timeout | undefined
  #sealing: Promise<unknown> = Promise.resolve()

  private constructor(init: LocalChainInit, chain: Chain, tip: LocalTip) {
    this.store = init.store
    this.owner = init.owner
    this.now = init.now ?? Date.now
    this.#randomBytes = init.randomBytes
    this.#onError = init.onError ?? (() => {})
    this.chain = chain
    this.#tip = tip
  }

  /**
   * Opens the chain in a store, or begins one.
   *
   * @throws CHAIN_STORE_NEWER, CHAIN_OTHER_OWNER, CHAIN_STORE_DAMAGED, and what the store throws
   */
  static async open(init: LocalChainInit): Promise<LocalChain> {
    await migrate(init.store)
    const { chain, tip, head } = await init.store.transact(async transaction => {
      const params = await transaction.get(KEYS.params)
      return params === undefined ? beginChain(transaction, init) : loadChain(transaction, params)
    })
    if (!equalBytes(chain.params.keys[0]!, init.owner.publicKey)) {
      throw new TalosError('CHAIN_OTHER_OWNER', 'the audit chain in this data directory is of another identity', {
        hint: 'Use the data directory of this wallet.'
      })
    }
    const opened = new LocalChain(init, chain, tip)
    if (head.sequence > tip.sequence) opened.#schedule(0)
    return opened
  }

  get tip(): LocalTip {
    return this.#tip
  }

  /**
   * Records `entry` in a transaction of the caller: it is there when the transaction is, and not when that fails. A block follows
   * within a second.
   *
   * @throws CHAIN_FORMAT when the entry breaks a limit
   */
  async append(transaction: ChainTransaction, entry: Entry): Promise<Appended> {
    const { operation, fields, extensions = [] } = entry
    if (fields.some(({ name }) => name === OPERATION)) {
      throw new TalosError('CHAIN_OPERATION_INVALID', "the field 'operation' is made from what the entry is called")
    }
    if (operation !== undefined) {
      const known = await this.#knownOperation(transaction, operation)
      if (known !== undefined) return known
    }
    const head = decodeHead((await transaction.get(KEYS.head))!)
    const named = operation === undefined ? fields : [...fields, { name: OPERATION, value: operation }]
    const payload = { secret: this.#randomBytes(SECRET_LENGTH), fields: named }
    const time = Math.max(this.now(), head.time)
    const bytes = encodeRecord({
      kind: KIND[entry.kind],
      author: this.owner.publicKey,
      stream: head.stream,
      sequence: head.sequence + 1,
      previous: head.id,
      time,
      commitment: commit(payload),
      extensions
    })
    const { maxRecordLength } = this.chain.params
    if (bytes.length > maxRecordLength) {
      throw new TalosError('CHAIN_RECORD_TOO_LONG', `a record has at most ${maxRecordLength} bytes`)
    }
    const id = recordId(bytes)
    // what a failed transaction left under this number must not stay
    this.#pending.delete(head.sequence + 1)
    if (this.#pending.size < MAX_PENDING) {
      this.#pending.set(head.sequence + 1, { bytes, id, time, peer: searchTerms(payload).peer })
    }
    const next: LocalHead = {
      stream: head.stream,
      sequence: head.sequence + 1,
      id,
      time,
      bytes: head.bytes + entryLength(bytes.length, false)
    }
    transaction.put(KEYS.record(next.sequence), encodeStored(bytes, encodePayload(payload)))
    transaction.put(KEYS.id(next.id), encodeNumber(next.sequence))
    if (operation !== undefined) transaction.put(KEYS.operation(operation), encodeNumber(next.sequence))
    transaction.put(KEYS.head, encodeHead(next))
    payload.secret.fill(0)
    this.#schedule(this.#isFull(next) ? 0 : SEAL_AFTER)
    return { id: next.id, sequence: next.sequence, isNew: true }
  }

  /** Resolves when a record after `sequence` is in a block. @throws the reason of the signal */
  async sealedAfter(sequence: number, signal: AbortSignal): Promise<void> {
    while (this.#tip.sequence <= sequence) {
      signal.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onBlock.add(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
      this.#onBlock.delete(resolve)
    }
  }

  /** Makes one block of what has none; undefined when there is nothing, or when the chain was closed. */
  seal(): Promise<LocalBlock | undefined> {
    return this.#alone(() => this.#seal())
  }

  /** Makes blocks until every record has one. */
  async sealAll(): Promise<void> {
    while ((await this.seal()) !== undefined);
  }

  /** Seals what is pending, and ends. Records whose block takes longer to mine than a second get it at the next start. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { signal } = this.#stopping
    const timer = setTimeout(() => this.#stopping.abort(), CLOSE_WITHIN)
    try {
      await this.sealAll()
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      clearTimeout(timer)
      this.#stopping.abort()
      clearTimeout(this.#timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The record with this id; undefined when there is none, or no more. */
  record(id: Uint8Array): Promise<NumberedRecord | undefined> {
    return this.store.transact(async transaction => {
      const found = await recordAt(transaction, await sequenceOf(transaction, id))
      return found && equalBytes(found.id, id) ? found : undefined
    })
  }

  /** The record of an operation, such as a message. */
  recordOf(operation: string): Promise<NumberedRecord | undefined> {
    return this.store.transact(transaction => recordOfOperation(transaction, operation))
  }

  /** The record with this number. */
  recordAt(sequence: number): Promise<NumberedRecord | undefined> {
    return this.store.transact(transaction => recordAt(transaction, sequence))
  }

  /** Numbers of the records with a peer, in order. */
  sequencesWith(peer: string): Promise<number[]> {
    return this.store.transact(transaction => sequencesWith(transaction, peer))
  }

  /** The last record, sealed or not. */
  async head(): Promise<LocalHead> {
    return decodeHead((await this.store.transact(transaction => transaction.get(KEYS.head)))!)
  }

  /** The height of the block that a record is in; undefined while it is in none. */
  heightOf(sequence: number): Promise<number | undefined> {
    return this.store.transact(transaction => heightOf(transaction, sequence))
  }

  /** A block by its height or hash; undefined when there is none. */
  block(which: number | Uint8Array): Promise<LocalBlock | undefined> {
    return this.store.transact(transaction => blockAt(transaction, which))
  }

  /**
   * Removes the contents of a record for good: fields, secret, and by what it could be found. The record itself stays, and with it
   * the chain's validity. False when there is no such record.
   */
  erase(id: Uint8Array): Promise<boolean> {
    // not beside the making of a block, which would write anew by what the record could be found
    return this.#alone(() => this.store.transact(transaction => this.#erase(transaction, id)))
  }

  async #erase(transaction: ChainTransaction, id: Uint8Array): Promise<boolean> {
    const kept = await transaction.get(KEYS.kept(id))
    if (kept !== undefined) {
      const { height, index, blockPath, bytes } = decodeKept(kept)
      transaction.put(KEYS.kept(id), encodeKept(height, index, blockPath, encodeStored(bytes, new Uint8Array())))
      return true
    }
    const found = await recordAt(transaction, await sequenceOf(transaction, id))
    if (found === undefined) return false
    const { sequence, bytes, payload } = found
    const { operation, peer } = searchTerms(payload)
    if (operation !== undefined) transaction.delete(KEYS.operation(operation))
    const height = peer === undefined ? undefined : await heightOf(transaction, sequence)
    if (height !== undefined)
      await removePeer(transaction, peer!, (await blockAt(transaction, height))!.first, sequence)
    transaction.put(KEYS.record(sequence), encodeStored(bytes, new Uint8Array()))
    this.#pending.delete(sequence)
    return true
  }

  /** Runs `work` when no block is being made, and lets none be made meanwhile. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#sealing.then(work)
    this.#sealing = running.catch(() => {})
    return running
  }

  async #knownOperation(transaction: ChainTransaction, operation: string): Promise<Appended | undefined> {
    if (!/^[\x21-\x7e]{1,255}$/.test(operation)) {
      throw new TalosError('CHAIN_OPERATION_INVALID', 'an operation is called by 1 to 255 visible ASCII characters')
    }
    const known = await recordOfOperation(transaction, operation)
    return known && { id: known.id, sequence: known.sequence, isNew: false }
  }

  #isFull({ sequence, bytes }: LocalHead): boolean {
    const { maxRecords, maxBlockLength } = this.chain.params
    return (
      sequence - this.#tip.sequence >= maxRecords || bytes - this.#tip.bytes + SIGNED_HEADER_LENGTH >= maxBlockLength
    )
  }

  #schedule(delay: number): void {
    if (this.#stopping.signal.aborted) return
    if (this.#timer !== undefined) {
      if (delay > 0) return
      clearTimeout(this.#timer)
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.sealAll().catch(error => {
        if (this.#stopping.signal.aborted) return
        this.#onError(error)
        this.#schedule(SEAL_AFTER)
      })
    }, delay).unref()
  }

  async #seal(): Promise<LocalBlock | undefined> {
    const { signal } = this.#stopping
    if (signal.aborted) return undefined
    const tip = this.#tip
    const records = await this.store.transact(transaction =>
      unsealedRecords(transaction, tip, this.chain, this.#pending)
    )
    if (records.length === 0) return undefined
    const { block, next, completed } = await assembleBlock(records, tip, this, signal)
    await this.store.transact(async transaction => {
      putBlock(transaction, block.bytes.slice(0, SIGNED_HEADER_LENGTH), next, block.first)
      for (const { level, index, hash } of completed) transaction.put(KEYS.node(level, index), hash.slice())
      const peers = records.map(({ peer }) => peer)
      putPeers(transaction, block.first, peers)
      transaction.put(KEYS.tip, encodeTip(next))
    })
    this.#tip = next
    for (const tell of this.#onBlock) tell()
    for (let sequence = block.first; sequence <= next.sequence; sequence++) this.#pending.delete(sequence)
    return block
  }
}
