import { createHash, hash } from 'node:crypto'
import { MerkleTree } from './merkle.ts'

/**
 * Both hashes of a file (docs/spec/file.md §5), from one pass over it: the leaf of a chunk is the SHA-256 of the file up to its
 * end, which the hash of the file goes through anyway. Hashing the chunks by themselves would cost as much again.
 */
export class FileDigests {
  readonly #sha256 = createHash('sha256')
  readonly #tree = new MerkleTree()
  readonly #leaf = Buffer.alloc(1 + 32)

  /** Chunks so far. */
  get chunks(): number {
    return this.#tree.size
  }

  append(chunk: Uint8Array): void {
    this.#sha256.update(chunk)
    this.#leaf.set(this.sha256(), 1)
    this.#tree.append(hash('sha256', this.#leaf, 'buffer'))
  }

  /** Of the content so far, 32 bytes. */
  sha256(): Buffer {
    return this.#sha256.copy().digest()
  }

  /** Merkle root over the chunks so far, 32 bytes. */
  root(): Uint8Array {
    return this.#tree.root()
  }
}
