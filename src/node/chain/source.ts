import { HEADER_LENGTH } from '../../chain/block.ts'
import type { OpenedField } from '../../chain/commitment.ts'
import { encodeProof } from '../../chain/proof.ts'
import type { SharedChain } from '../../chain/shared/shared-chain.ts'
import { positionOf } from '../../chain/shared/store.ts'
import { MerkleTree } from '../../chain/tree.ts'
import type { ChainSource, ChainStatus } from '../../protocols/chain/index.ts'

/** Records of one page, and bytes of them. */
const PAGE = { records: 256, bytes: 256 * 1024 } as const

export function statusOfChain({ chain, tip }: SharedChain): ChainStatus {
  return { genesis: chain.genesisHash, tip: tip.hash, height: tip.height, work: tip.work, bodiesFrom: 1 }
}

/** What /talos/chain/1.0.0 answers from: a shared chain on disk, and evidence against authors (16 pieces at most). */
export function sourceOf(shared: SharedChain, evidence: () => Uint8Array[] = () => []): ChainSource {
  return {
    id: shared.chain.id,
    status: () => statusOfChain(shared),
    headers: async (locator, max) => shared.headersAfter(locator, max),
    block: async hash => shared.block(hash),
    proof: async (record, size) => proofIn(shared, record, size),
    records: async after => {
      const records = shared.mempool.page(after, PAGE.records, PAGE.bytes)
      const last = records.at(-1)
      return {
        records: records.map(({ bytes, signature }) => ({ record: bytes, signature: signature! })),
        next: last && positionOf(last.record),
        ...(after.length === 0 ? { evidence: evidence() } : {})
      }
    }
  }
}

/** Proof that a record is in the first `size` blocks (0: in all), with an empty checkpoint; undefined when it is not. */
export function proofIn(
  shared: SharedChain,
  id: Uint8Array,
  wanted: number,
  opened: readonly OpenedField[] = []
): Uint8Array | undefined {
  const size = wanted === 0 ? shared.tip.height + 1 : wanted
  const found = shared.record(id)
  if (found === undefined || size > shared.tip.height + 1 || found.node.height >= size) return undefined
  const { node, entry, entries, index } = found
  return encodeProof({
    record: entry.bytes,
    recordSignature: entry.signature!,
    index,
    blockPath: new MerkleTree(entries.map(({ id: hash }) => hash)).inclusionPath(index),
    header: node.signedHeader.subarray(0, HEADER_LENGTH),
    signature: node.signedHeader.subarray(HEADER_LENGTH),
    size,
    historyPath: shared.tree.history.path(node.height, size),
    checkpoint: '',
    opened
  })
}
