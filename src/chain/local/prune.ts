import { TalosError } from '../../errors.ts'
import { encodePayload } from '../commitment.ts'
import { MerkleTree } from '../tree.ts'
import { removeIds } from './ids.ts'
import { encodeKept } from './kept.ts'
import type { LocalChain } from './local-chain.ts'
import { blockAt, damaged, recordsOf } from './lookup.ts'
import { pruneOperation } from './operations.ts'
import type { NumberedRecord } from './reader.ts'
import { type ChainTransaction, decodePruned, encodePruned, KEYS, type Pruned } from './store.ts'
import { encodeStored, searchTerms } from './stored-record.ts'

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
      return next < height ? pruneBlock(local, transaction, next) : undefined
    })
    if (step === undefined) return result
    result.blocks++
    result.records += step.records
    result.kept += step.kept
  }
}

async function pruneBlock(
  local: LocalChain,
  transaction: ChainTransaction,
  height: number
): Promise<{ records: number; kept: number }> {
  const block = await blockAt(transaction, height)
  if (block === undefined) throw damaged(`block ${height}`)
  const reader = local.reader(transaction)
  const records: NumberedRecord[] = []
  for (let i = 0; i < recordsOf(block).length; i++) records.push((await reader.at(block.first + i))!)
  const tree = new MerkleTree(records.map(({ id }) => id))
  let kept = 0
  for (const [index, { sequence, id, bytes, payload }] of records.entries()) {
    const { operation, peer } = searchTerms(payload)
    if ((await transaction.get(KEYS.pinned(sequence))) !== undefined) {
      const secret = payload === undefined ? new Uint8Array() : encodePayload(payload)
      transaction.put(KEYS.kept(id), encodeKept(height, index, tree.inclusionPath(index), encodeStored(bytes, secret)))
      transaction.delete(KEYS.pinned(sequence))
      kept++
    }
    if (operation !== undefined) pruneOperation(transaction, operation, block.first)
    if (peer !== undefined) transaction.delete(KEYS.peer(peer, block.first))
  }
  const last = block.first + records.length - 1
  // a block consists of whole groups
  const range = { after: KEYS.group(block.first - 1), before: KEYS.group(last + 1) }
  for (const key of await transaction.keys(KEYS.groups, range)) transaction.delete(key)
  const contents = { after: KEYS.content(block.first - 1), before: KEYS.content(last + 1) }
  for (const key of await transaction.keys(KEYS.contents, contents)) transaction.delete(key)
  transaction.delete(KEYS.body(block.first))
  removeIds(transaction, height)
  transaction.put(KEYS.pruned, encodePruned({ height, sequence: last, id: records.at(-1)!.id }))
  return { records: records.length, kept }
}
