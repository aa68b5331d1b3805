import { Frontier, foldNodes, hashLeaf, inclusionRanges, type LeafRange, nodesOf, type TreeNode } from '../tree.ts'
import type { Journal } from './journal.ts'
import { KEYS } from './store.ts'

/** The tree over the hashes of the chain's blocks, from what is kept of it. */
export class History {
  readonly #journal: Journal
  readonly #hashAt: (height: number) => Uint8Array

  /** @param hashAt the hash of the block of the chain at a height that it has */
  constructor(journal: Journal, hashAt: (height: number) => Uint8Array) {
    this.#journal = journal
    this.#hashAt = hashAt
  }

  /** The tree over the first `size` blocks. */
  frontier(size: number): Frontier {
    return new Frontier(
      size,
      nodesOf({ start: 0, end: size }).map(node => this.#node(node))
    )
  }

  /** The tree with one block more; what it completes is to be written. */
  append(frontier: Frontier, hash: Uint8Array): Frontier {
    const { frontier: longer, completed } = frontier.append(hashLeaf(hash))
    for (const { level, index, hash: node } of completed) this.#journal.put(KEYS.history(level, index), node)
    return longer
  }

  /** From the block at `height` to the root over the first `size`. */
  path(height: number, size: number): Uint8Array[] {
    return inclusionRanges(height, size).map(range => this.#range(range))
  }

  #range(range: LeafRange): Uint8Array {
    return foldNodes(nodesOf(range).map(node => this.#node(node)))
  }

  #node({ level, index }: TreeNode): Uint8Array {
    return level === 0 ? hashLeaf(this.#hashAt(index)) : this.#journal.get(KEYS.history(level, index))!
  }
}
