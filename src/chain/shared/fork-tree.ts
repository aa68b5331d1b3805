import { decodeHeader, encodeBlock, encodeBody, HEADER_LENGTH, SIGNED_HEADER_LENGTH } from '../block.ts'
import { compareBytes, concatBytes, equalBytes, toHex } from '../bytes.ts'
import type { Chain } from '../params.ts'
import { type Frontier, hashLeaf } from '../tree.ts'
import type { ChainView, CheckedBlock } from '../validation/context.ts'
import { medianOf } from '../validation/state.ts'
import { workOf } from '../work.ts'
import { type Change, changesOf, decodeChanges, encodeChanges, stateView } from './changes.ts'
import { History } from './history.ts'
import type { Journal } from './journal.ts'
import { Recent } from './recent.ts'
import { KEYS } from './store.ts'

/** A valid block, and what is known of the chain that ends with it. */
export interface ForkNode {
  readonly hash: Uint8Array
  readonly height: number
  /** Hash of the block before it; of the genesis block: the chain id. */
  readonly previous: Uint8Array
  readonly time: number
  /** Of the chain up to here: computed from targets, taken from nobody. */
  readonly work: bigint
  /** 228 bytes; the genesis block's signature is zeros. */
  readonly signedHeader: Uint8Array
}

/** How the chain changes. Both lists from low to high. */
export interface Reorganisation {
  readonly disconnect: readonly ForkNode[]
  readonly connect: readonly ForkNode[]
}

/** Nodes and trees of blocks that are held in memory; all others are read when they are needed. */
const RECENT_NODES = 4_096
const RECENT_FRONTIERS = 256
const MEDIAN_OF = 11

/** What lies between the state of the chain and that after a block beside it. */
interface Beside {
  /** The chain's last block when this was found out. */
  tip: Uint8Array
  /** Where the block's branch leaves the chain. */
  fork: ForkNode
  state: Map<string, Uint8Array | undefined>
}

/**
 * The chain with most work, and the valid blocks beside it, on disk. It is held in memory as far as it was used lately. What is changed
 * here is written by the journal's next commit.
 */
export class ForkTree {
  readonly #chain: Chain
  readonly #journal: Journal
  readonly #history: History
  readonly #nodes = new Recent<ForkNode>(RECENT_NODES)
  readonly #frontiers = new Recent<Frontier>(RECENT_FRONTIERS)
  readonly #besides = new Recent<Beside>(8)
  #tip: ForkNode

  constructor(chain: Chain, journal: Journal) {
    this.#chain = chain
    this.#journal = journal
    this.#history = new History(journal, height => this.hashAt(height)!)
    this.#tip = this.#load()
  }

  /** Forgets everything that is not on disk. */
  reload(): void {
    this.#nodes.clear()
    this.#frontiers.clear()
    this.#besides.clear()
    this.#tip = this.#load()
  }

  get tip(): ForkNode {
    return this.#tip
  }

  get history(): History {
    return this.#history
  }

  /** A block that was found valid. */
  node(hash: Uint8Array): ForkNode | undefined {
    const key = toHex(hash)
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const bytes = this.#journal.get(KEYS.node(hash))
    if (bytes === undefined) return undefined
    const node = decodeNode(hash, bytes)
    this.#nodes.set(key, node)
    return node
  }

  /** Hash of the chain's block at a height. */
  hashAt(height: number): Uint8Array | undefined {
    return this.#journal.get(KEYS.active(height))
  }

  at(height: number): ForkNode | undefined {
    const hash = this.hashAt(height)
    return hash && this.node(hash)
  }

  isActive({ height, hash }: ForkNode): boolean {
    if (height > this.#tip.height) return false
    return equalBytes(height === this.#tip.height ? this.#tip.hash : this.hashAt(height)!, hash)
  }

  /** Header, signature and body; undefined when the body is not there. */
  block({ hash, signedHeader, height }: ForkNode): Uint8Array | undefined {
    const body = height === 0 ? undefined : this.#journal.get(KEYS.body(hash))
    return body && concatBytes(signedHeader, body)
  }

  /** Where the branch that ends with `node` leaves the chain: `node` itself when it is in it. */
  forkOf(node: ForkNode): ForkNode {
    return this.isActive(node) ? node : this.#beside(node).fork
  }

  /** What a block that follows `parent` is checked against, wherever that is. */
  viewAfter(parent: ForkNode): ChainView {
    return {
      height: parent.height + 1,
      previousHash: parent.hash,
      previousTime: parent.time,
      medianTime: medianOf(this.times(parent)),
      historyRoot: () => this.frontierAfter(parent).root(),
      ...stateView(this.#stateAfter(parent))
    }
  }

  /** Of a block and those before it, at most eleven, oldest first. Milliseconds since 1970. */
  times(node: ForkNode): number[] {
    const times: number[] = []
    for (let at: ForkNode | undefined = node; at !== undefined && times.length < MEDIAN_OF; ) {
      times.unshift(at.time)
      at = at.height === 0 ? undefined : this.node(at.previous)
    }
    return times
  }

  /** The tree over the hashes of all blocks up to `node`. */
  frontierAfter(node: ForkNode): Frontier {
    const branch: ForkNode[] = []
    let at = node
    let frontier = this.#frontiers.get(toHex(at.hash))
    for (; frontier === undefined; frontier = this.#frontiers.get(toHex(at.hash))) {
      if (this.isActive(at)) {
        frontier = this.#history.frontier(at.height + 1)
        break
      }
      branch.push(at)
      at = this.node(at.previous)!
    }
    for (const { hash } of branch.reverse()) frontier = frontier.append(hashLeaf(hash)).frontier
    this.#frontiers.set(toHex(node.hash), frontier)
    return frontier
  }

  /** Takes in a block that was found valid after `parent`. It changes nothing of the chain yet. */
  add({ header, hash, signedHeader, entries }: CheckedBlock, parent: ForkNode): ForkNode {
    const changes = changesOf(entries, this.#stateAfter(parent))
    const node: ForkNode = {
      hash: hash.slice(),
      height: header.height,
      previous: parent.hash,
      time: header.time,
      work: parent.work + workOf(header.bits),
      signedHeader: signedHeader.slice()
    }
    const body = encodeBody(entries.map(({ bytes, signature }) => ({ record: bytes, signature: signature! })))
    this.#journal.put(KEYS.node(hash), encodeNode(node))
    this.#journal.put(KEYS.body(hash), body)
    this.#journal.put(KEYS.changes(hash), encodeChanges(changes))
    this.#nodes.set(toHex(hash), node)
    return node
  }

  /** Whether a chain that ends with `node` is better than the one there is. */
  isBetter({ work, hash }: Pick<ForkNode, 'work' | 'hash'>): boolean {
    // with equal work the lower hash, so that all nodes choose alike whatever they saw first
    return work > this.#tip.work || (work === this.#tip.work && compareBytes(hash, this.#tip.hash) < 0)
  }

  /** How the chain changes to end with `node`. */
  changeTo(node: ForkNode): Reorganisation {
    const connect: ForkNode[] = []
    let fork = node
    for (; !this.isActive(fork); fork = this.node(fork.previous)!) connect.push(fork)
    const disconnect: ForkNode[] = []
    for (let height = fork.height + 1; height <= this.#tip.height; height++) disconnect.push(this.at(height)!)
    return { disconnect, connect: connect.reverse() }
  }

  /** Makes the change, all of it in one turn of the event loop. */
  apply({ disconnect, connect }: Reorganisation): void {
    for (const { hash, height } of disconnect.toReversed()) {
      for (const { key, before } of this.changes(hash)) this.#set(key, before)
      this.#journal.delete(KEYS.active(height))
    }
    let frontier = this.frontierAfter(this.node(connect[0]!.previous)!)
    for (const { hash, height } of connect) {
      for (const { key, after } of this.changes(hash)) this.#set(key, after)
      this.#journal.put(KEYS.active(height), hash)
      frontier = this.#history.append(frontier, hash)
    }
    this.#tip = connect.at(-1)!
    this.#frontiers.set(toHex(this.#tip.hash), frontier)
    this.#journal.put(KEYS.tip, this.#tip.hash)
  }

  changes(hash: Uint8Array): Change[] {
    return decodeChanges(this.#journal.get(KEYS.changes(hash))!)
  }

  /** The state after a block, wherever it is. */
  #stateAfter(node: ForkNode): (key: string) => Uint8Array | undefined {
    if (this.isTip(node)) return key => this.#journal.get(key)
    const { state } = this.#beside(node)
    return key => (state.has(key) ? state.get(key) : this.#journal.get(key))
  }

  isTip({ hash }: ForkNode): boolean {
    return equalBytes(hash, this.#tip.hash)
  }

  /** What the branch that ends with `node` has instead of the chain's end. It goes on from what is known of the block before. */
  #beside(node: ForkNode): Beside {
    const key = toHex(node.hash)
    const known = this.#besides.get(key)
    if (known !== undefined && equalBytes(known.tip, this.#tip.hash)) return known
    const branch: ForkNode[] = []
    let at = node
    let begun: Beside | undefined
    for (; !this.isActive(at); at = this.node(at.previous)!) {
      begun = this.#besides.get(toHex(at.hash))
      if (begun !== undefined && equalBytes(begun.tip, this.#tip.hash)) break
      begun = undefined
      branch.push(at)
    }
    const state = begun === undefined ? this.#undone(at) : new Map(begun.state)
    for (const { hash } of branch.reverse()) for (const { key: of, after } of this.changes(hash)) state.set(of, after)
    const beside = { tip: this.#tip.hash, fork: begun?.fork ?? at, state }
    this.#besides.set(key, beside)
    return beside
  }

  /** The state after a block of the chain, as far as it differs from that after the last one. */
  #undone(fork: ForkNode): Map<string, Uint8Array | undefined> {
    const state = new Map<string, Uint8Array | undefined>()
    for (let height = this.#tip.height; height > fork.height; height--) {
      for (const { key, before } of this.changes(this.hashAt(height)!)) state.set(key, before)
    }
    return state
  }

  #set(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) this.#journal.delete(key)
    else this.#journal.put(key, value)
  }

  #load(): ForkNode {
    const hash = this.#journal.get(KEYS.tip)
    if (hash !== undefined) return this.node(hash)!
    const { genesis, genesisHash } = this.#chain
    const signedHeader = encodeBlock(genesis, new Uint8Array(SIGNED_HEADER_LENGTH - HEADER_LENGTH), new Uint8Array())
    const { time, previous } = decodeHeader(genesis)
    const node: ForkNode = { hash: genesisHash, height: 0, previous, time, work: 0n, signedHeader }
    this.#journal.put(KEYS.node(genesisHash), encodeNode(node))
    this.#journal.put(KEYS.active(0), genesisHash)
    this.#journal.put(KEYS.tip, genesisHash)
    return node
  }
}

function encodeNode({ signedHeader, work }: ForkNode): Uint8Array {
  return concatBytes(signedHeader, Buffer.from(work.toString(16).padStart(64, '0'), 'hex'))
}

function decodeNode(hash: Uint8Array, bytes: Uint8Array): ForkNode {
  const signedHeader = bytes.subarray(0, SIGNED_HEADER_LENGTH)
  const { height, previous, time } = decodeHeader(signedHeader)
  const work = BigInt(`0x${toHex(bytes.subarray(SIGNED_HEADER_LENGTH))}`)
  return { hash: hash.slice(), height, previous, time, work, signedHeader }
}
