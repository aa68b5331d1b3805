import { compareBytes, toHex } from '../bytes.ts'
import type { Chain } from '../params.ts'
import { Frontier, hashLeaf } from '../tree.ts'
import type { ChainView, CheckedBlock, CheckedEntry, Head } from '../validation/context.ts'
import { medianOf } from '../validation/state.ts'
import { workOf } from '../work.ts'

/** A valid block, and what is known of the chain that ends with it. */
export interface ForkNode {
  readonly hash: Uint8Array
  readonly height: number
  readonly parent: ForkNode | undefined
  readonly entries: readonly CheckedEntry[]
  /** Of the chain up to here: computed from targets, taken from nobody. */
  readonly work: bigint
  readonly times: readonly number[]
  readonly frontier: Frontier
  /** The last records of the streams that the block continues, before and after it. */
  readonly before: ReadonlyMap<string, Head | undefined>
  readonly after: ReadonlyMap<string, Head>
}

/** How the chain changes: one batch for a store. Both lists from low to high. */
export interface Reorganisation {
  disconnect: readonly ForkNode[]
  connect: readonly ForkNode[]
}

const streamKey = (author: Uint8Array, stream: number): string => `${toHex(author)}/${stream}`

/** The chain with most work, and the valid blocks beside it. */
export class ForkTree {
  readonly #nodes = new Map<string, ForkNode>()
  readonly #heads = new Map<string, Head>()
  /** Blocks of the chain, by height. */
  readonly #active: ForkNode[]

  constructor(chain: Chain) {
    const genesis: ForkNode = {
      hash: chain.genesisHash,
      height: 0,
      parent: undefined,
      entries: [],
      work: 0n,
      times: [chain.params.genesisTime],
      frontier: new Frontier().append(hashLeaf(chain.genesisHash)).frontier,
      before: new Map(),
      after: new Map()
    }
    this.#nodes.set(toHex(genesis.hash), genesis)
    this.#active = [genesis]
  }

  get tip(): ForkNode {
    return this.#active.at(-1)!
  }

  node(hash: Uint8Array): ForkNode | undefined {
    return this.#nodes.get(toHex(hash))
  }

  isActive(node: ForkNode): boolean {
    return this.#active[node.height] === node
  }

  headOf(author: Uint8Array, stream: number): Head | undefined {
    return this.#heads.get(streamKey(author, stream))
  }

  /** What a block that follows `parent` is checked against, wherever that is. */
  viewAfter(parent: ForkNode): ChainView {
    const beside = new Map<string, Head | undefined>()
    let fork = parent
    for (; !this.isActive(fork); fork = fork.parent!) {
      for (const [key, head] of fork.after) if (!beside.has(key)) beside.set(key, head)
    }
    const undone = new Map<string, Head | undefined>()
    for (let height = this.tip.height; height > fork.height; height--) {
      for (const [key, head] of this.#active[height]!.before) undone.set(key, head)
    }
    return {
      height: parent.height + 1,
      previousHash: parent.hash,
      previousTime: parent.times.at(-1)!,
      medianTime: medianOf(parent.times),
      historyRoot: () => parent.frontier.root(),
      headOf: (author, stream) => {
        const key = streamKey(author, stream)
        return beside.has(key) ? beside.get(key) : undone.has(key) ? undone.get(key) : this.#heads.get(key)
      }
    }
  }

  /** Takes in a block that was found valid after `parent`. It changes nothing of the chain yet. */
  add({ header, hash, entries }: CheckedBlock, parent: ForkNode): ForkNode {
    const view = this.viewAfter(parent)
    const before = new Map<string, Head | undefined>()
    const after = new Map<string, Head>()
    for (const { record, id } of entries) {
      const key = streamKey(record.author, record.stream)
      if (!before.has(key)) before.set(key, view.headOf(record.author, record.stream))
      after.set(key, { sequence: record.sequence, id })
    }
    const node: ForkNode = {
      hash,
      height: header.height,
      parent,
      entries,
      work: parent.work + workOf(header.bits),
      times: [...parent.times.slice(-10), header.time],
      frontier: parent.frontier.append(hashLeaf(hash)).frontier,
      before,
      after
    }
    this.#nodes.set(toHex(hash), node)
    return node
  }

  /** How the chain would change to end with `node`: undefined when it is not better than the one there is. */
  better(node: ForkNode): Reorganisation | undefined {
    const { tip } = this
    // with equal work the lower hash, so that all nodes choose alike whatever they saw first
    if (node.work < tip.work || (node.work === tip.work && compareBytes(node.hash, tip.hash) >= 0)) return undefined
    const connect: ForkNode[] = []
    let fork = node
    for (; !this.isActive(fork); fork = fork.parent!) connect.unshift(fork)
    return { disconnect: this.#active.slice(fork.height + 1), connect }
  }

  apply({ disconnect, connect }: Reorganisation): void {
    for (const node of disconnect.toReversed()) {
      for (const [key, head] of node.before) {
        if (head === undefined) this.#heads.delete(key)
        else this.#heads.set(key, head)
      }
      this.#active.pop()
    }
    for (const node of connect) {
      for (const [key, head] of node.after) this.#heads.set(key, head)
      this.#active.push(node)
    }
  }
}
