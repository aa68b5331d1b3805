import { TalosError } from '../../errors.ts'
import { decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { recordId } from '../record.ts'
import { MerkleTree } from '../tree.ts'
import { encodeKept } from './kept.ts'
import type { LocalChain } from './local-chain.ts'
import { blockAt, damaged } from './lookup.ts'
import { type ChainTransaction, decodePruned, encodePruned, KEYS, type Pruned } from './store.ts'
import { decodeStored, searchTerms } from './stored-record.ts'

export interface PruneResult {
  /** Blocks whose bodies were removed. */
  blocks: number
  records: number
  /** Records of which a proof was given away: what proves them was kept. */
  kept: number
}

/** Up to where bodies were removed; undefined when none were. */
export async function prunedTo(transaction: Pick<ChainTransaction, 'get'>): Promise<Pruned | undefined> {
  const found = await transaction.get(KEYS.pruned)
  return found && decodePruned(found)
}

/**
 * Removes the records of the blocks below `height`, with their contents. Headers and history stay, so that the chain stays valid and old proofs
 * hold. Block after block, each whole or not at all: it can be interrupted and goes on where it was.
 *
 * @throws CHAIN_PRUNE_RANGE when `height` is above the last block
 */
export async function pruneLocal(
  local: LocalChain,
  height: number,
  options: { signal?: AbortSignal } = {}
): Promise<PruneResult> {
  if (!Number.isSafeInteger(height) || height > local.tip.height) {
    throw new TalosError('CHAIN_PRUNE_RANGE', `only blocks below ${local.tip.height}, the last one, can be pruned`)
  }
  const result: PruneResult = { blocks: 0, records: 0, kept: 0 }
  for (;;) {
    options.signal?.throwIfAborted()
    const step = await local.store.transact(async transaction => {
      const next = ((await prunedTo(transaction))?.height ?? 0) + 1
      return next < height ? pruneBlock(transaction, next) : undefined
    })
    if (step === undefined) return result
    result.blocks++
    result.records += step.records
    result.kept += step.kept
  }
}

async function pruneBlock(transaction: ChainTransaction, height: number): Promise<{ records: number; kept: number }> {
  const block = await blockAt(transaction, height)
  if (block === undefined) throw damaged(`block ${height}`)
  const entries = decodeBody(block.bytes.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block.bytes))
  const ids = entries.map(({ record }) => recordId(record))
  const tree = new MerkleTree(ids)
  let kept = 0
  for (const [index, id] of ids.entries()) {
    const sequence = block.first + index
    const stored = (await transaction.get(KEYS.record(sequence)))!
    const { operation, peer } = searchTerms(decodeStored(stored).payload)
    if ((await transaction.get(KEYS.pinned(sequence))) !== undefined) {
      transaction.put(KEYS.kept(id), encodeKept(height, index, tree.inclusionPath(index), stored))
      transaction.delete(KEYS.pinned(sequence))
      kept++
    }
    if (operation !== undefined) transaction.delete(KEYS.operation(operation))
    if (peer !== undefined) transaction.delete(KEYS.peer(peer, block.first))
    transaction.delete(KEYS.id(id))
    transaction.delete(KEYS.record(sequence))
  }
  const last = block.first + ids.length - 1
  transaction.put(KEYS.pruned, encodePruned({ height, sequence: last, id: ids.at(-1)! }))
  return { records: ids.length, kept }
}
