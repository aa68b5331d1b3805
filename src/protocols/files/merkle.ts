import { Frontier } from '../../chain/tree.ts'

/**
 * The Merkle tree of RFC 6962 §2.1 over leaves that come one after the other, in memory that grows with the logarithm of
 * their number. The hash of a leaf is SHA-256(0x00 ‖ leaf).
 */
export class MerkleTree {
  #frontier = new Frontier()

  /** Leaves so far. */
  get size(): number {
    return this.#frontier.size
  }

  /** Adds a leaf by its 32-byte hash. */
  append(leafHash: Uint8Array): void {
    this.#frontier = this.#frontier.append(leafHash).frontier
  }

  /** 32 bytes. Of no leaves: SHA-256 of nothing. */
  root(): Uint8Array {
    return this.#frontier.root()
  }
}
