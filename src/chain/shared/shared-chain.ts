import { blockHash, decodeHeader } from '../block.ts'
import { equalBytes, toHex } from '../bytes.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import type { Issue } from '../validation/context.ts'
import { validateBlock } from '../validation/validate.ts'
import { meetsTarget } from '../work.ts'
import { type ForkNode, ForkTree, type Reorganisation } from './fork-tree.ts'
import { Mempool } from './mempool.ts'

export interface SharedChainInit {
  chain: Chain
  /** Milliseconds since 1970. @default the clock's */
  now?: () => number
  /**
   * Writes a change of the chain as one batch. The chain changes in memory when that is done, and not when it fails.
   * @default nothing is kept
   */
  commit?: (change: Reorganisation) => Promise<void>
  /** Blocks that a reorganisation may take back without consent. @default 100 */
  maxReorganisation?: number
  /** Asked for one that would take back more. @default nobody consents */
  consent?: (change: Reorganisation) => Promise<boolean>
}

/** What became of a block. `orphan`: the one before it is not known yet, and it is kept for a while. */
export type BlockVerdict =
  | { state: 'accepted'; change?: Reorganisation }
  | { state: 'known' | 'orphan' | 'too-deep' }
  | { state: 'invalid'; errors: readonly Issue[] }

/** Blocks whose parent is not known that are kept, the newest of them. */
const MAX_ORPHANS = 64

/** A chain of many writers: takes blocks in any order, follows the one with most work, and gives records of others back to the mempool. */
export class SharedChain {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly #tree: ForkTree
  readonly #init: SharedChainInit
  readonly #now: () => number
  readonly #orphans = new Map<string, Uint8Array>()
  #running: Promise<unknown> = Promise.resolve()

  constructor(init: SharedChainInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
    this.chain = init.chain
    this.#tree = new ForkTree(init.chain)
    this.mempool = new Mempool(init.chain, (author, stream) => this.#tree.headOf(author, stream))
  }

  get tip(): ForkNode {
    return this.#tree.tip
  }

  /** A record that somebody submits. */
  offer(record: Uint8Array, signature: Uint8Array) {
    return this.mempool.offer(record, signature, this.#now())
  }

  /** Takes in a block; one at a time. Never throws for bad input; throws what `commit` throws. */
  accept(block: Uint8Array): Promise<BlockVerdict> {
    const accepting = this.#running.then(() => this.#accept(block))
    this.#running = accepting.catch(() => {})
    return accepting
  }

  async #accept(block: Uint8Array): Promise<BlockVerdict> {
    let previous: Uint8Array
    try {
      previous = decodeHeader(block).previous
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      return { state: 'invalid', errors: [] }
    }
    const known = this.#tree.node(blockHash(block))
    // one that could not be written, or was not consented to, may be now
    if (known !== undefined) return this.#tree.better(known) === undefined ? { state: 'known' } : this.#follow(known)
    const parent = this.#tree.node(previous)
    if (parent === undefined) return this.#keep(block)
    const view = this.#tree.viewAfter(parent)
    const { block: checked, errors } = await validateBlock(block, this.chain, view, { now: this.#now() })
    if (checked === undefined) return { state: 'invalid', errors }
    const node = this.#tree.add(checked, parent)
    const verdict = await this.#follow(node)
    await this.#adopt(node)
    return verdict
  }

  async #follow(node: ForkNode): Promise<BlockVerdict> {
    const change = this.#tree.better(node)
    if (change === undefined) return { state: 'accepted' }
    const { maxReorganisation = 100, consent, commit } = this.#init
    if (change.disconnect.length > maxReorganisation && (await consent?.(change)) !== true) return { state: 'too-deep' }
    await commit?.(change)
    this.#tree.apply(change)
    const now = this.#now()
    for (const { entries } of change.disconnect) this.mempool.restore(entries, now)
    this.mempool.prune(now)
    return { state: 'accepted', change }
  }

  /** A block that came before its parent: refused at once unless it took work, so that it costs whoever sends it. */
  async #keep(block: Uint8Array): Promise<BlockVerdict> {
    if (block.length > this.chain.params.maxBlockLength) return { state: 'invalid', errors: [] }
    const { bits } = decodeHeader(block)
    const hash = blockHash(block)
    if (bits !== this.chain.params.bits || !meetsTarget(hash, bits)) return { state: 'invalid', errors: [] }
    this.#orphans.delete(toHex(hash))
    this.#orphans.set(toHex(hash), block.slice())
    if (this.#orphans.size > MAX_ORPHANS) this.#orphans.delete(this.#orphans.keys().next().value!)
    return { state: 'orphan' }
  }

  /** Takes in the orphans that follow `node`. */
  async #adopt(node: ForkNode): Promise<void> {
    for (const [hash, block] of [...this.#orphans]) {
      if (!equalBytes(decodeHeader(block).previous, node.hash)) continue
      this.#orphans.delete(hash)
      await this.#accept(block)
    }
  }
}
