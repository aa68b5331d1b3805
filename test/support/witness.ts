import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { checkpointText, originOf } from '../../src/chain/checkpoint.ts'
import { formatNote, NOTE_KEY, type NoteKey, signNote } from '../../src/chain/note.ts'
import { type Chain, chainOf, localParams } from '../../src/chain/params.ts'
import { hashLeaf, MerkleTree } from '../../src/chain/tree.ts'
import { crypto } from '../../src/crypto/index.ts'
import type { SigningKey } from '../../src/crypto/provider.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { START } from './chain-builder.ts'
import { ownerOf } from './keys.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A log that a witness is shown: a tree of blocks that are numbers, with its owner's checkpoints. Another `fork` has other blocks from `forkAt` on. */
export class TestLog {
  readonly owner: SigningKey
  readonly chain: Chain
  readonly origin: string
  readonly key: NoteKey
  readonly #tree: MerkleTree

  constructor(seed = 1, fork = 0, forkAt = 5, genesis = START, owner: SigningKey = ownerOf(seed)) {
    this.owner = owner
    this.chain = chainOf(localParams(this.owner.publicKey, genesis, 1))
    this.origin = originOf(this.chain.id)
    this.key = { name: this.origin, type: NOTE_KEY.ed25519, publicKey: this.owner.publicKey }
    this.#tree = new MerkleTree(
      Array.from({ length: 64 }, (_, i) => hashLeaf(Uint8Array.of(seed, i, i < forkAt ? 0 : fork)))
    )
  }

  text(size: number): string {
    return checkpointText({ origin: this.origin, size, root: this.#tree.root(size) })
  }

  note(size: number, signer = this.owner): string {
    const text = this.text(size)
    return formatNote({ text, signatures: [signNote(text, this.origin, signer)] })
  }

  proof(from: number, to: number): Uint8Array[] {
    return this.#tree.consistencyPath(from, to)
  }
}

/** A database on disk, which can be closed and opened again. */
export async function durableStore(): Promise<{ store: DurableStore; reopen(): Promise<DurableStore> }> {
  const location = join(temporaryFolder(), 'store')
  const key = randomBytes(32)
  let store = await DurableStore.open(location, key, crypto)
  onTestFinished(() => store.close())
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await DurableStore.open(location, key, crypto)
      return store
    }
  }
}
