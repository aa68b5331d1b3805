import { TalosError } from '../../errors.ts'
import { SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes, toHex } from '../bytes.ts'
import type { Chain } from '../params.ts'
import { bodyLength, type Owner, unsealedGroups } from './assemble.ts'
import { beginChain, loadChain, type OpenedChain } from './begin.ts'
import { checkedOperation, type Entry, itemOf, putItems } from './drafts.ts'
import { eraseItems, eraseKept } from './erase.ts'
import { type Item, payloadOf } from './group.ts'
import { blockAt, heightOf, type LocalBlock } from './lookup.ts'
import { migrate } from './migrate.ts'
import { findOperation, putOperationsAhead } from './operations.ts'
import { sequencesWith } from './peers.ts'
import { type MadeRecord, makeRecords, type PendingGroup, PendingGroups } from './pending.ts'
import { type NumberedRecord, RecordReader } from './reader.ts'
import { Sealer } from './sealer.ts'
import {
  type ChainStore,
  type ChainTransaction,
  decodeHead,
  encodeHead,
  KEYS,
  type LocalHead,
  type LocalTip
} from './store.ts'
import { searchTerms } from './stored-record.ts'

/** How long a record waits for others before it is sealed. Milliseconds. */
const SEAL_AFTER = 1_000
/**
 * What hashing and signing cost is not paid in the middle of a burst of records, which are on disk already: a block is made when none has
 * come for this long, or when the first has waited so long besides, or when so many wait. Milliseconds; records.
 */
const LULL = { length: 25, wait: 2_000, records: 16_000 } as const
/** How long closing waits for the last block. Milliseconds. */
const CLOSE_WITHIN = 1_000

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

export interface Appended {
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
  readonly #pending = new PendingGroups()
  readonly #stream: number
  readonly #sealer: Sealer
  #timer: NodeJS.Timeout | undefined
  /** The timer is for a block that is due, and waits for a lull at most. */
  #isDue = false
  /** When the last record was written, by the clock of the process, and its number. */
  #lastPut = { at: 0, sequence: 0 }

  private constructor(init: LocalChainInit, { chain, tip, head }: OpenedChain) {
    this.store = init.store
    this.owner = init.owner
    this.now = init.now ?? Date.now
    this.#randomBytes = init.randomBytes
    this.#onError = init.onError ?? (() => {})
    this.chain = chain
    this.#stream = head.stream
    this.#sealer = new Sealer({
      chain,
      store: this.store,
      owner: this.owner,
      now: this.now,
      stream: head.stream,
      pending: this.#pending,
      tip,
      signal: this.#stopping.signal
    })
  }

  /**
   * Opens the chain in a store, or begins one.
   *
   * @throws CHAIN_STORE_NEWER, CHAIN_OTHER_OWNER, CHAIN_STORE_DAMAGED, and what the store throws
   */
  static async open(init: LocalChainInit): Promise<LocalChain> {
    await migrate(init.store)
    const begun = await init.store.transact(async transaction => {
      const params = await transaction.get(KEYS.params)
      return params === undefined ? beginChain(transaction, init) : loadChain(transaction, params)
    })
    if (!equalBytes(begun.chain.params.keys[0]!, init.owner.publicKey)) {
      throw new TalosError('CHAIN_OTHER_OWNER', 'the audit chain in this data directory is of another identity', {
        hint: 'Use the data directory of this wallet.'
      })
    }
    const opened = new LocalChain(init, begun)
    if (begun.head.sequence > begun.tip.sequence) {
      await opened.#holdUnsealed()
      opened.#schedule(0)
    }
    return opened
  }

  get tip(): LocalTip {
    return this.#sealer.tip
  }

  /**
   * Records `entry` in a transaction of the caller: it is there when the transaction is, and not when that fails. A block follows
   * within a second.
   *
   * @throws CHAIN_FORMAT, CHAIN_OPERATION_INVALID, CHAIN_RECORD_TOO_LONG when the entry breaks a limit
   */
  async append(transaction: ChainTransaction, entry: Entry): Promise<Appended> {
    return (await this.appendAll(transaction, [entry]))[0]!
  }

  /** Several at once, in order: that costs less than one after the other. */
  async appendAll(transaction: ChainTransaction, entries: readonly Entry[]): Promise<Appended[]> {
    const head = decodeHead((await transaction.get(KEYS.head))!)
    const time = Math.max(this.now(), head.time)
    const items: Item[] = []
    const own = new Map<string, number>()
    const appended: Appended[] = []
    for (const entry of entries) {
      const { operation, isFresh = false } = entry
      const known =
        operation === undefined || isFresh
          ? undefined
          : (own.get(operation) ?? (await this.#sequenceOf(transaction, checkedOperation(operation), head)))
      const sequence = known ?? head.sequence + items.length + 1
      appended.push({ sequence, isNew: known === undefined })
      if (known !== undefined) continue
      items.push(itemOf(entry, time, this.chain, this.#randomBytes))
      if (operation !== undefined) own.set(operation, sequence)
    }
    if (items.length > 0) this.#put(transaction, head, time, items)
    return appended
  }

  #put(transaction: ChainTransaction, head: LocalHead, time: number, items: readonly Item[]): void {
    const next = { ...head, sequence: head.sequence + items.length, time }
    for (const group of putItems(transaction, head.sequence + 1, items)) {
      for (const item of group.items) next.bytes += bodyLength(item)
      this.#hold(transaction, { ...group, items: group.items.map(({ content: _, ...item }) => item) })
    }
    transaction.put(KEYS.head, encodeHead(next))
    this.#lastPut = { at: performance.now(), sequence: next.sequence }
    this.#schedule(this.#isFull(next) ? 0 : SEAL_AFTER)
  }

  /** Holds in memory what has no block, as far as there is room; by what else it is found is written now. */
  #hold(transaction: ChainTransaction, group: PendingGroup): void {
    if (!this.#pending.hold(group)) putOperationsAhead(transaction, [group])
  }

  #holdUnsealed(): Promise<void> {
    return this.store.transact(async transaction => {
      for await (const group of unsealedGroups(transaction, this.tip, this.#pending)) {
        this.#hold(transaction, { ...group, items: group.items.map(({ content: _, ...item }) => item) })
      }
    })
  }

  /** Resolves when a record after `sequence` is in a block. @throws the reason of the signal */
  sealedAfter(sequence: number, signal: AbortSignal): Promise<void> {
    return this.#sealer.sealedAfter(sequence, signal)
  }

  /** Makes one block of what has none; undefined when there is nothing, or when the chain was closed. */
  seal(): Promise<LocalBlock | undefined> {
    return this.#sealer.seal()
  }

  /** Makes blocks until every record has one. */
  sealAll(): Promise<void> {
    return this.#sealer.sealAll()
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
    return this.store.transact(async transaction => (await this.reader(transaction).like(toHex(id)))[0])
  }

  /** The record of an operation, such as a message. */
  recordOf(operation: string): Promise<NumberedRecord | undefined> {
    return this.store.transact(async transaction => {
      const sequence = await this.sequenceOf(transaction, operation)
      return sequence === undefined ? undefined : this.reader(transaction).at(sequence)
    })
  }

  /** The number of the record of an operation. */
  async sequenceOf(transaction: ChainTransaction, operation: string): Promise<number | undefined> {
    return this.#sequenceOf(transaction, operation, decodeHead((await transaction.get(KEYS.head))!))
  }

  /** The record with this number. */
  recordAt(sequence: number): Promise<NumberedRecord | undefined> {
    return this.store.transact(transaction => this.reader(transaction).at(sequence))
  }

  /** What is kept beside a record; undefined when there is nothing, or no more. */
  contentAt(sequence: number): Promise<Uint8Array | undefined> {
    return this.store.transact(transaction => this.reader(transaction).contentAt(sequence))
  }

  /** Reads several records in a transaction of the caller. */
  reader(transaction: ChainTransaction): RecordReader {
    // the end of the chain may move on meanwhile
    const tip = this.tip
    return new RecordReader(transaction, tip.sequence, to => this.#made(transaction, tip, to))
  }

  /** Numbers of the records without a block that have this peer, in order. */
  async pendingWith(transaction: ChainTransaction, peer: string): Promise<number[]> {
    const sequences: number[] = []
    for await (const { first, items } of unsealedGroups(transaction, this.tip, this.#pending)) {
      for (const [i, item] of items.entries()) {
        if (searchTerms(payloadOf(item)).peer === peer) sequences.push(first + i)
      }
    }
    return sequences
  }

  /** Numbers of the records with a peer, in order. */
  sequencesWith(peer: string): Promise<number[]> {
    return this.store.transact(transaction => sequencesWith(this, transaction, peer))
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
   * Removes the contents of a record for good: fields, secret, content, and by what it could be found. The record itself stays, and with
   * it the chain's validity. False when there is no such record.
   */
  async erase(id: Uint8Array): Promise<boolean> {
    if (await this.store.transact(transaction => eraseKept(transaction, id))) return true
    const found = await this.record(id)
    if (found === undefined) return false
    await this.eraseAll([found.sequence])
    return true
  }

  /**
   * The same for records by their numbers, in ascending order. In the same transaction, and before, `work` says which of them, if not all.
   */
  async eraseAll(
    sequences: readonly number[],
    work: (transaction: ChainTransaction) => Promise<readonly number[]> = async () => sequences
  ): Promise<void> {
    // not beside the making of a block, which would write anew by what the record could be found
    await this.#sealer.alone(async () => {
      const erased = await this.store.transact(async transaction => eraseItems(transaction, await work(transaction)))
      for (const { sequence, commitment } of erased) this.#pending.erase(sequence, commitment)
    })
  }

  async #sequenceOf(transaction: ChainTransaction, operation: string, head: LocalHead): Promise<number | undefined> {
    const held = this.#pending.sequenceOf(operation)
    if (held !== undefined && held <= head.sequence) return held
    return findOperation(transaction, operation)
  }

  /** What records after `tip` will be in their blocks, up to the group of one of them. */
  async *#made(
    transaction: ChainTransaction,
    tip: LocalTip,
    to?: number
  ): AsyncGenerator<{ first: number; made: readonly MadeRecord[] }> {
    let previous = tip.recordId
    for await (const group of unsealedGroups(transaction, tip, this.#pending, to)) {
      const made = makeRecords(group, { author: this.owner.publicKey, stream: this.#stream, previous })
      yield { first: group.first, made }
      previous = made.at(-1)!.id
    }
  }

  #isFull({ sequence, bytes }: LocalHead): boolean {
    const { maxRecords, maxBlockLength } = this.chain.params
    return sequence - this.tip.sequence >= maxRecords || bytes - this.tip.bytes + SIGNED_HEADER_LENGTH >= maxBlockLength
  }

  #schedule(delay: number): void {
    if (this.#stopping.signal.aborted) return
    if (this.#timer !== undefined && (delay > 0 || this.#isDue)) return
    clearTimeout(this.#timer)
    this.#isDue = delay === 0
    this.#timer = setTimeout(() => this.#sealInLull(performance.now() + LULL.wait), delay).unref()
  }

  #sealInLull(latest: number): void {
    this.#isDue = true
    const now = performance.now()
    const { at, sequence } = this.#lastPut
    if (now < Math.min(at + LULL.length, latest) && sequence - this.tip.sequence < LULL.records) {
      this.#timer = setTimeout(() => this.#sealInLull(latest), LULL.length).unref()
      return
    }
    this.#timer = undefined
    this.#isDue = false
    this.sealAll().catch(error => {
      if (this.#stopping.signal.aborted) return
      this.#onError(error)
      this.#schedule(SEAL_AFTER)
    })
  }
}
