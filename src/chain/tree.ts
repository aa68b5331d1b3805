import { concatBytes, equalBytes, HASH_LENGTH } from './bytes.ts'
import { fromText, hashPair, sha256, toText } from './hash.ts'

/** The root of a tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT = sha256(new Uint8Array())

const pair = new Uint8Array(1 + 2 * HASH_LENGTH)
pair[0] = 1

/** SHA-256(0x01 ‖ left ‖ right): an inner node of RFC 6962. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1)
  pair.set(right, 1 + HASH_LENGTH)
  return sha256(pair)
}

/** SHA-256(0x00 ‖ leaf): a leaf of RFC 6962. */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(0), leaf))
}

/** A part of a tree: leaves `start` to `end - 1`. */
export interface LeafRange {
  start: number
  end: number
}

/** A complete subtree: 2^level leaves, the `index`-th such from the left. */
export interface TreeNode {
  level: number
  index: number
}

/** The largest power of two below `size`, which is at least 2. */
function split(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

/** What an inclusion proof consists of (RFC 6962 §2.1.1), from the leaf's sibling up: the hash of each range. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  const ranges: LeafRange[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + split(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/** What a consistency proof consists of (RFC 6962 §2.1.2), with 0 < `from` <= `to`. */
export function consistencyRanges(from: number, to: number): LeafRange[] {
  const ranges: LeafRange[] = []
  let [start, end] = [0, to]
  let isWhole = true
  while (from !== end) {
    const middle = start + split(end - start)
    if (from <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
      isWhole = false
    }
  }
  if (!isWhole) ranges.push({ start, end })
  return ranges.reverse()
}

/** The complete subtrees that a range consists of, from left to right; it starts where a subtree of its size may. */
export function nodesOf({ start, end }: LeafRange): TreeNode[] {
  const nodes: TreeNode[] = []
  let at = start
  for (let level = 52; level >= 0; level--) {
    const leaves = 2 ** level
    if (end - at >= leaves) {
      nodes.push({ level, index: at / leaves })
      at += leaves
    }
  }
  return nodes
}

/** The hash of a range, or a root, from its complete subtrees from left to right. */
export function foldNodes(hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => hashNode(left, right))
}

/** The Merkle tree of RFC 6962 over the given leaf hashes, all of it in memory. */
export class MerkleTree {
  readonly size: number
  readonly #levels: Uint8Array[][]

  constructor(leafHashes: readonly Uint8Array[]) {
    this.size = leafHashes.length
    let level = [...leafHashes]
    this.#levels = [level]
    while (level.length > 1) {
      const next: Uint8Array[] = []
      for (let i = 0; i + 1 < level.length; i += 2) next.push(hashNode(level[i]!, level[i + 1]!))
      this.#levels.push(next)
      level = next
    }
  }

  root(size: number = this.size): Uint8Array {
    return this.#hashOf({ start: 0, end: size })
  }

  inclusionPath(index: number, size: number = this.size): Uint8Array[] {
    return inclusionRanges(index, size).map(range => this.#hashOf(range))
  }

  consistencyPath(from: number, to: number = this.size): Uint8Array[] {
    return from === 0 ? [] : consistencyRanges(from, to).map(range => this.#hashOf(range))
  }

  #hashOf(range: LeafRange): Uint8Array {
    return foldNodes(nodesOf(range).map(({ level, index }) => this.#levels[level]![index]!))
  }
}

/** The root over leaf hashes: what MerkleTree computes, without keeping the tree. */
export function merkleRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  return leafHashes.length === 0 ? EMPTY_ROOT : fromText(rootOfTexts(leafHashes.map(toText)))
}

/** The same of and as text with a character for each byte; of one or more. It works in `level`. */
export function rootOfTexts(level: string[]): string {
  for (let size = level.length; size > 1; ) {
    const half = size >>> 1
    for (let i = 0; i < half; i++) level[i] = hashPair(level[2 * i]!, level[2 * i + 1]!)
    // an odd node goes up as it is: it is never paired with itself
    if (size % 2 === 1) level[half] = level[size - 1]!
    size = half + (size % 2)
  }
  return level[0]!
}

/**
 * The root that an inclusion path leads to (RFC 9162 §2.1.3.2), or undefined when the path has not exactly the length that
 * `index` and `size` demand.
 */
export function rootFromInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[]
): Uint8Array | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return undefined
  if (path.some(hash => hash.length !== HASH_LENGTH)) return undefined
  let [node, last, result] = [index, size - 1, leafHash]
  for (const sibling of path) {
    if (last === 0) return undefined
    if (node % 2 === 1 || node === last) {
      result = hashNode(sibling, result)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      result = hashNode(result, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? result : undefined
}

export function verifyInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array
): boolean {
  const found = rootFromInclusion(leafHash, index, size, path)
  return found !== undefined && equalBytes(found, root)
}

/** Whether the tree of `to` leaves continues the one of `from` leaves (RFC 9162 §2.1.4.2). */
export function verifyConsistency(
  from: { size: number; root: Uint8Array },
  to: { size: number; root: Uint8Array },
  path: readonly Uint8Array[]
): boolean {
  if (!Number.isSafeInteger(from.size) || !Number.isSafeInteger(to.size) || from.size < 0) return false
  if (from.size > to.size || path.some(hash => hash.length !== HASH_LENGTH)) return false
  if (from.size === to.size) return path.length === 0 && equalBytes(from.root, to.root)
  if (from.size === 0) return path.length === 0 && equalBytes(from.root, EMPTY_ROOT)
  // a first tree that is one complete subtree is itself where the walk begins
  const roots = consistencyRoots(from.size, to.size, isComplete(from.size) ? [from.root, ...path] : path)
  return roots !== undefined && equalBytes(roots.older, from.root) && equalBytes(roots.newer, to.root)
}

/** Whether a tree of so many leaves, at least one, is one complete subtree. */
export function isComplete(size: number): boolean {
  let odd = size
  while (odd % 2 === 0) odd /= 2
  return odd === 1
}

/**
 * The roots of the first `from` leaves of a tree and of all `to`, 0 < `from` < `to`, to which a path leads: the last complete subtree of the
 * first leaves, always, and then what follows it in a consistency path. Undefined when it has not exactly the length that the sizes demand.
 */
export function consistencyRoots(
  from: number,
  to: number,
  [start, ...rest]: readonly Uint8Array[]
): { older: Uint8Array; newer: Uint8Array } | undefined {
  if (start === undefined) return undefined
  let [node, last] = [from - 1, to - 1]
  while (node % 2 === 1) {
    node = (node - 1) / 2
    last = Math.floor(last / 2)
  }
  let [older, newer] = [start, start]
  for (const sibling of rest) {
    if (last === 0) return undefined
    if (node % 2 === 1 || node === last) {
      older = hashNode(sibling, older)
      newer = hashNode(sibling, newer)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      newer = hashNode(newer, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? { older, newer } : undefined
}

/** A tree that only grows, as the roots of its complete subtrees: at most 53 hashes, largest subtree first. */
export class Frontier {
  readonly size: number
  readonly hashes: readonly Uint8Array[]

  /** The empty tree, or one that was kept: `hashes` has as many as `size` has bits that are set. */
  constructor(size = 0, hashes: readonly Uint8Array[] = []) {
    this.size = size
    this.hashes = hashes
  }

  root(): Uint8Array {
    return foldNodes(this.hashes)
  }

  /** The tree with one leaf more, and the inner nodes that this leaf completed. */
  append(leafHash: Uint8Array): { frontier: Frontier; completed: Array<TreeNode & { hash: Uint8Array }> } {
    const hashes = [...this.hashes]
    const completed: Array<TreeNode & { hash: Uint8Array }> = []
    let [node, index, level] = [leafHash, this.size, 0]
    while (index % 2 === 1) {
      node = hashNode(hashes.pop()!, node)
      index = (index - 1) / 2
      completed.push({ level: ++level, index, hash: node })
    }
    hashes.push(node)
    return { frontier: new Frontier(this.size + 1, hashes), completed }
  }
}
