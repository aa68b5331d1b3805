import { createHash, hash } from 'node:crypto'

const EMPTY_ROOT = hash('sha256', '', 'buffer')
const NODE = Uint8Array.of(1)

/**
 * The Merkle tree of RFC 6962 §2.1 over leaves that come one after the other, in memory that grows with the logarithm of
 * their number. The hash of a leaf is SHA-256(0x00 ‖ leaf); a message that carries a chunk begins with that zero, so its hash
 * is the leaf's.
 */
export class MerkleTree {
  /** Roots of the complete subtrees, largest first. */
  readonly #subtrees: Uint8Array[] = []
  #size = 0

  /** Leaves so far. */
  get size(): number {
    return this.#size
  }

  /** Adds a leaf by its 32-byte hash. */
  append(leafHash: Uint8Array): void {
    let node = leafHash
    for (let size = this.#size; size % 2 === 1; size = Math.floor(size / 2)) {
      node = parentOf(this.#subtrees.pop()!, node)
    }
    this.#subtrees.push(node)
    this.#size++
  }

  /** 32 bytes. Of no leaves: SHA-256 of nothing. */
  root(): Uint8Array {
    return this.#subtrees.length === 0 ? EMPTY_ROOT : this.#subtrees.reduceRight((right, left) => parentOf(left, right))
  }
}

function parentOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  return createHash('sha256').update(NODE).update(left).update(right).digest()
}
