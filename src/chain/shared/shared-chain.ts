import { setImmediate as others } from 'node:timers/promises'
import { TalosError } from '../../errors.ts'
import { blockHash, decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { concatBytes, equalBytes, toHex } from '../bytes.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import { decodeRecord, recordId } from '../record.ts'
import type { CheckedEntry, Issue } from '../validation/context.ts'
import { type ValidationResult, validateBlock } from '../validation/validate.ts'
import { meetsTarget } from '../work.ts'
import { stateView } from './changes.ts'
import { type ForkNode, ForkTree, type Reorganisation } from './fork-tree.ts'
import { Journal } from './journal.ts'
import { type Conflict, Mempool } from './mempool.ts'
import { migrate } from './migrate.ts'
import { decodePlace, encodePlace, KEYS, positionOf, type SharedStore } from './store.ts'

export interface SharedChainInit {
  chain: Chain
  store: SharedStore
  /** Milliseconds since 1970. @default the clock's */
  now?: () => number
  /** Blocks that a reorganisation may take back without consent. @default 100 */
  maxReorganisation?: number
  /** Whose records wait without limit of time. @default nobody's */
  isOwn?: (author: Uint8Array) => boolean
  /** From whom no record is taken that waits for a block. What is in blocks of others is not decided here. @default nobody */
  isBarred?: (author: Uint8Array) => boolean
  /** Somebody signed two records for one place. */
  onConflict?: (conflict: Conflict) => void
  /** The chain has changed, and that is on disk. */
  onChange?: (change: Reorganisation) => void
  /** Each block that was looked at. */
  onValidated?: (result: ValidationResult) => void
}

/**
 * What became of a block. `orphan`: the one before it is not known yet, and it is kept for a while; `too-deep`: it would take back more
 * than may be without consent.
 */
export type BlockVerdict =
  | { state: 'accepted'; change?: Reorganisation }
  | { state: 'known' | 'orphan' | 'too-deep' }
  | { state: 'invalid'; errors: readonly Issue[] }

/** A better chain that would take back more blocks than may be without consent. */
export interface DeepReorganisation {
  /** The block that consent is given to: the first that differs. */
  first: Uint8Array
  /** Height of the last block that both have. */
  fork: number
  /** Blocks that would be taken back. */
  depth: number
  /** Height that the other chain has, as far as its headers were seen. */
  height: number
}

/** Blocks whose parent is not known that are kept, the newest of them. */
const MAX_ORPHANS = 64
/** Bytes of them. */
const MAX_ORPHAN_BYTES = 16_000_000
const MAX_REORGANISATION = 100
/** How long checking may keep everything else waiting, if no block takes longer. Milliseconds. */
const TURN = 20

/**
 * A chain of many writers, on disk: takes blocks in any order, follows the one with most work, and gives records of others back to the
 * mempool. Each change of the chain is one write; a process that is killed at any point leaves the chain as it was before or after it.
 */
export class SharedChain {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly tree: ForkTree
  readonly #store: SharedStore
  readonly #journal: Journal
  readonly #init: SharedChainInit
  readonly #now: () => number
  readonly #orphans = new Map<string, Uint8Array>()
  #orphanBytes = 0
  #deep: DeepReorganisation | undefined
  #running: Promise<unknown> = Promise.resolve()

  private constructor(init: SharedChainInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
    this.chain = init.chain
    this.#store = init.store
    this.#journal = new Journal(init.store)
    this.tree = new ForkTree(init.chain, this.#journal)
    const { isOwn, isBarred, onConflict } = init
    this.mempool = new Mempool({
      chain: init.chain,
      state: stateView(key => this.#journal.get(key)),
      journal: this.#journal,
      isOwn,
      isBarred,
      onConflict,
      recordAt: place => this.#recordAt(KEYS.place(place))
    })
  }

  /**
   * Opens the chain in a store, or begins one.
   *
   * @throws CHAIN_STORE_NEWER, CHAIN_OTHER_NETWORK when the store has another chain, and what the store throws
   */
  static async open(init: SharedChainInit): Promise<SharedChain> {
    await migrate(init.store)
    const params = init.store.get(KEYS.params)
    if (params !== undefined && !equalBytes(params, init.chain.encodedParams)) {
      throw new TalosError('CHAIN_OTHER_NETWORK', 'the database has the chain of another network')
    }
    const opened = new SharedChain(init)
    opened.#journal.put(KEYS.params, init.chain.encodedParams)
    await opened.mempool.reload(init.store.entries(KEYS.allWaiting))
    await opened.#journal.commit(true)
    return opened
  }

  get tip(): ForkNode {
    return this.tree.tip
  }

  /** A better chain that waits for consent. */
  get deep(): DeepReorganisation | undefined {
    return this.#deep
  }

  /** A record that somebody submits. What was accepted is on its way to the disk: see written(). */
  offer(record: Uint8Array, signature: Uint8Array) {
    return this.mempool.offer(record, signature, this.#now())
  }

  /** Resolves when everything that was offered so far would survive the end of this process; with `sync`, of the machine. */
  async written(sync = false): Promise<void> {
    try {
      await this.#journal.commit(sync)
    } catch (error) {
      await this.#alone(async () => {})
      throw error
    }
  }

  /** Drops records that waited too long. */
  async prune(): Promise<void> {
    this.mempool.prune(this.#now())
    await this.written()
  }

  /** Takes in a block; one at a time. Never throws for bad input; throws what the store throws, and then nothing has changed. */
  async accept(block: Uint8Array): Promise<BlockVerdict> {
    return (await this.acceptAll([block]))[0]!
  }

  /**
   * Takes in blocks that follow one another, with one write for all: up to the first that is not valid.
   *
   * @param isHeaderChecked the signatures in their headers were verified
   */
  acceptAll(blocks: readonly Uint8Array[], isHeaderChecked = false): Promise<BlockVerdict[]> {
    return this.#alone(async () => {
      const verdicts: BlockVerdict[] = []
      let since = performance.now()
      for (const block of blocks) {
        if (performance.now() - since > TURN) {
          // a block full of signatures takes 0.1 s: others get their turn between two
          await others()
          since = performance.now()
        }
        const verdict = await this.#accept(block, isHeaderChecked)
        verdicts.push(verdict)
        if (verdict.state === 'invalid') break
      }
      return verdicts
    })
  }

  /** Looks again at a block that is known: whether the chain may end with it now. */
  reconsider(hash: Uint8Array): Promise<BlockVerdict | undefined> {
    return this.#alone(async () => {
      const node = this.tree.node(hash)
      return node && this.tree.isBetter(node) ? this.#follow(node) : undefined
    })
  }

  /** The operator consents to a reorganisation that begins with this block, however much it takes back. It is remembered. */
  async consent(first: Uint8Array): Promise<void> {
    this.#journal.put(KEYS.consent(first), new Uint8Array())
    if (this.#deep !== undefined && equalBytes(this.#deep.first, first)) this.#deep = undefined
    await this.#journal.commit(true)
  }

  /** Whether taking back so many blocks for a chain that begins with `first` needs no consent, or has it. What has not is remembered. */
  mayReorganise(deep: DeepReorganisation): boolean {
    if (deep.depth <= (this.#init.maxReorganisation ?? MAX_REORGANISATION)) return true
    if (this.#journal.get(KEYS.consent(deep.first)) !== undefined) return true
    this.#deep = { ...deep, first: deep.first.slice() }
    return false
  }

  /** A record of the chain by its id, and where it is. */
  record(id: Uint8Array): { entry: CheckedEntry; node: ForkNode; index: number; entries: CheckedEntry[] } | undefined {
    const found = this.#find(KEYS.id(id))
    return found !== undefined && equalBytes(found.entry.id, id) ? found : undefined
  }

  /** Header, signature and body of a block, in the chain or beside it. */
  block(hash: Uint8Array): Uint8Array | undefined {
    const node = this.tree.node(hash)
    return node && this.tree.block(node)
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const changes: Reorganisation[] = []
    const running = this.#running.then(async () => {
      if (this.#journal.isBroken) await this.#recover()
      this.#changes = changes
      try {
        const result = await work()
        await this.#journal.commit(true)
        return result
      } catch (error) {
        await this.#recover()
        throw error
      }
    })
    this.#running = running.catch(() => {})
    const result = await running
    for (const change of changes) this.#init.onChange?.(change)
    return result
  }

  /** Goes back to what is on disk. */
  async #recover(): Promise<void> {
    this.#journal.recover()
    this.tree.reload()
    await this.mempool.reload(this.#store.entries(KEYS.allWaiting))
  }

  /** Of the work that is under way. */
  #changes: Reorganisation[] = []

  async #accept(block: Uint8Array, isHeaderChecked: boolean): Promise<BlockVerdict> {
    let previous: Uint8Array
    try {
      previous = decodeHeader(block).previous
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      return { state: 'invalid', errors: [] }
    }
    const known = this.tree.node(blockHash(block))
    // one that was not consented to may be now
    if (known !== undefined) return this.tree.isBetter(known) ? this.#follow(known) : { state: 'known' }
    const parent = this.tree.node(previous)
    if (parent === undefined) return this.#keep(block)
    if (!this.#mayBranch(parent, block)) return { state: 'too-deep' }
    const view = this.tree.viewAfter(parent)
    const result = await validateBlock(block, this.chain, view, { now: this.#now(), isHeaderChecked })
    this.#init.onValidated?.(result)
    if (result.block === undefined) return { state: 'invalid', errors: result.errors }
    const node = this.tree.add(result.block, parent)
    const verdict = this.tree.isBetter(node)
      ? this.#follow(node, result.block.entries)
      : ({ state: 'accepted' } as const)
    await this.#adopt(node)
    return verdict
  }

  /** A branch that leaves the chain too far back is not kept unless it was consented to: it would only fill the disk. */
  #mayBranch(parent: ForkNode, block: Uint8Array): boolean {
    if (this.tree.isTip(parent)) return true
    const fork = this.tree.forkOf(parent)
    const depth = this.tip.height - fork.height
    if (depth <= (this.#init.maxReorganisation ?? MAX_REORGANISATION)) return true
    let first = parent
    while (first.height > fork.height + 1) first = this.tree.node(first.previous)!
    const hash = fork === parent || equalBytes(fork.hash, parent.hash) ? blockHash(block) : first.hash
    return this.#journal.get(KEYS.consent(hash)) !== undefined
  }

  /** Makes the chain end with `node`: in one turn, so that it is in one write. `entries` of it, where they are at hand. */
  #follow(node: ForkNode, entries?: readonly CheckedEntry[]): BlockVerdict {
    const change = this.tree.changeTo(node)
    const { disconnect, connect } = change
    const fork = node.height - connect.length
    const { hash: first } = connect[0]!
    if (!this.mayReorganise({ first, fork, depth: disconnect.length, height: node.height }))
      return { state: 'too-deep' }
    const takenBack = disconnect.map(({ hash }) => this.#entriesOf(hash))
    const taken = connect.map(({ hash }) => (hash === node.hash && entries ? entries : this.#entriesOf(hash)))
    this.tree.apply(change)
    for (const { record, id } of takenBack.flat()) {
      this.#journal.delete(KEYS.id(id))
      this.#journal.delete(KEYS.place(positionOf(record)))
    }
    for (const [at, { height }] of connect.entries()) {
      for (const [index, { record, id }] of taken[at]!.entries()) {
        this.#journal.put(KEYS.id(id), encodePlace(height, index))
        this.#journal.put(KEYS.place(positionOf(record)), encodePlace(height, index))
      }
    }
    for (const back of takenBack) this.mempool.restore(back, this.#now())
    for (const entriesOf of taken) this.mempool.drop(entriesOf)
    if (this.#deep !== undefined && this.#deep.height <= node.height && disconnect.length > 0) this.#deep = undefined
    this.#changes.push(change)
    return { state: 'accepted', change }
  }

  /** Records of a block that was found valid. */
  #entriesOf(hash: Uint8Array): CheckedEntry[] {
    const block = this.block(hash)!
    return decodeBody(block.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block)).map(
      ({ record: bytes, signature }) => ({
        bytes,
        record: decodeRecord(bytes),
        id: recordId(bytes),
        signature: signature!,
        isVerified: true
      })
    )
  }

  #find(key: string): { entry: CheckedEntry; node: ForkNode; index: number; entries: CheckedEntry[] } | undefined {
    const place = this.#journal.get(key)
    if (place === undefined) return undefined
    const { height, index } = decodePlace(place)
    const node = this.tree.at(height)!
    const entries = this.#entriesOf(node.hash)
    return { entry: entries[index]!, node, index, entries }
  }

  #recordAt(key: string): CheckedEntry | undefined {
    return this.#find(key)?.entry
  }

  /** A block that came before its parent: refused at once unless it took work, so that it costs whoever sends it. */
  #keep(block: Uint8Array): BlockVerdict {
    if (block.length > this.chain.params.maxBlockLength) return { state: 'invalid', errors: [] }
    const { bits } = decodeHeader(block)
    const hash = blockHash(block)
    if (bits !== this.chain.params.bits || !meetsTarget(hash, bits)) return { state: 'invalid', errors: [] }
    this.#forget(toHex(hash))
    this.#orphans.set(toHex(hash), block.slice())
    this.#orphanBytes += block.length
    while (this.#orphans.size > MAX_ORPHANS || this.#orphanBytes > MAX_ORPHAN_BYTES) {
      this.#forget(this.#orphans.keys().next().value!)
    }
    return { state: 'orphan' }
  }

  #forget(hash: string): void {
    this.#orphanBytes -= this.#orphans.get(hash)?.length ?? 0
    this.#orphans.delete(hash)
  }

  /** Takes in the orphans that follow `node`. */
  async #adopt(node: ForkNode): Promise<void> {
    for (const [hash, block] of [...this.#orphans]) {
      if (!equalBytes(decodeHeader(block).previous, node.hash)) continue
      this.#forget(hash)
      await this.#accept(block, false)
    }
  }

  /** Header and signature of the blocks after the first of `locator` that is in the chain. */
  headersAfter(locator: readonly Uint8Array[], max: number): { height: number; headers: Uint8Array } | undefined {
    const from = locator.map(hash => this.tree.node(hash)).find(node => node !== undefined && this.tree.isActive(node))
    if (from === undefined) return undefined
    const headers: Uint8Array[] = []
    for (let height = from.height + 1; height <= this.tip.height && headers.length < max; height++) {
      headers.push(this.tree.at(height)!.signedHeader)
    }
    return { height: from.height + 1, headers: concatBytes(...headers) }
  }

  /** Hashes of blocks of the chain, the last ten and then ever fewer, the genesis block last: at most 32. */
  locator(): Uint8Array[] {
    const hashes: Uint8Array[] = []
    let step = 1
    for (let height = this.tip.height; height > 0 && hashes.length < 31; height -= step) {
      hashes.push(this.tree.hashAt(height)!)
      if (hashes.length >= 10) step *= 2
    }
    return [...hashes, this.chain.genesisHash]
  }
}
