import { blockHash, encodeBlock, encodeBody, encodeHeader, SIGNED_HEADER_LENGTH, sealBlock } from '../block.ts'
import { mineHeader } from '../miner.ts'
import type { Chain } from '../params.ts'
import { merkleRoot } from '../tree.ts'
import type { ChainView, CheckedEntry } from '../validation/context.ts'
import type { SharedChain } from './shared-chain.ts'

export interface Producer {
  /** Ed25519, 32 bytes. */
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** A block without proof of work. */
export interface Proposal {
  header: Uint8Array
  body: Uint8Array
}

/** The block that would follow the chain with what waits; undefined when nothing waits that may be in it. */
export function proposeNext({ chain, tree, tip, mempool }: SharedChain, by: Uint8Array, now: number) {
  const { maxRecords, maxBlockLength } = chain.params
  const entries = mempool.pick(maxRecords, maxBlockLength - SIGNED_HEADER_LENGTH)
  return entries.length === 0 ? undefined : propose(chain, tree.viewAfter(tip), entries, by, now)
}

/** The block of `entries` after the one that `view` is the view of. */
export function propose(
  { params }: Chain,
  view: ChainView,
  entries: readonly CheckedEntry[],
  producer: Uint8Array,
  now: number
): Proposal {
  const body = encodeBody(entries.map(({ bytes, signature }) => ({ record: bytes, signature: signature! })))
  const header = encodeHeader({
    height: view.height,
    time: Math.max(now, view.medianTime + 1),
    previous: view.previousHash,
    recordsRoot: merkleRoot(entries.map(({ id }) => id)),
    historyRoot: view.historyRoot(),
    producer,
    recordCount: entries.length,
    bodyLength: body.length,
    bits: params.bits,
    nonce: 0,
    signedRecords: true
  })
  return { header, body }
}

/**
 * Mines and signs.
 *
 * @param duty the part of a processor that may be used, above 0 and up to 1
 * @throws CHAIN_MINING_FAILED and the signal's reason
 */
export async function finish(
  { header, body }: Proposal,
  producer: Producer,
  options: { signal?: AbortSignal; duty?: number } = {}
): Promise<Uint8Array> {
  const mined = await mineHeader(header, options)
  return encodeBlock(mined, sealBlock(producer, blockHash(mined)), body)
}
