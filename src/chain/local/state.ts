import { type BlockHeader, blockHash, decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import type { LocalChain } from './local-chain.ts'
import { prunedTo } from './prune.ts'
import { type ChainStore, type ChainTransaction, decodeHead, decodeNumber, decodeTip, KEYS } from './store.ts'

export interface LocalState {
  height: number
  hash: Uint8Array
  /** Of the last block. */
  time: number
  /** Number of the last record, and how many of them have no block. */
  records: number
  pending: number
  /** Height up to which records were pruned, and the number of the last of them; 0 when none were. */
  prunedHeight: number
  prunedRecords: number
  /** Of all blocks. */
  bytes: number
}

/** How far the chain is. */
export function stateOf({ store, tip }: LocalChain): Promise<LocalState> {
  return store.transact(async transaction => {
    const head = decodeHead((await transaction.get(KEYS.head))!)
    const pruned = await prunedTo(transaction)
    return {
      height: tip.height,
      hash: tip.hash,
      time: tip.time,
      records: head.sequence,
      pending: head.sequence - tip.sequence,
      prunedHeight: pruned?.height ?? 0,
      prunedRecords: pruned?.sequence ?? 0,
      bytes: tip.bytes + tip.height * SIGNED_HEADER_LENGTH
    }
  })
}

/** The same of a chain in a store that nobody has open, as far as it is read without more; undefined where there is none. */
export function storedStateOf(
  store: ChainStore
): Promise<Pick<LocalState, 'height' | 'records' | 'pending'> | undefined> {
  return store.transact(async transaction => {
    const [tip, head] = [await transaction.get(KEYS.tip), await transaction.get(KEYS.head)]
    if (tip === undefined || head === undefined) return undefined
    const [{ height, sequence }, { sequence: records }] = [decodeTip(tip), decodeHead(head)]
    return { height, records, pending: records - sequence }
  })
}

export interface BlockHead {
  header: BlockHeader
  hash: Uint8Array
  /** Number of its first record. */
  first: number
  /** Its records are not here any more. */
  isPruned: boolean
}

/** What is kept of the blocks up to height `to`, the newest first. */
export function headsBefore({ store }: LocalChain, to: number, limit: number): Promise<BlockHead[]> {
  return store.transact(async transaction => {
    const pruned = (await prunedTo(transaction))?.height ?? 0
    const heads: BlockHead[] = []
    for (let height = to; height >= 0 && heads.length < limit; height--) {
      const head = await headAt(transaction, height, pruned)
      if (head !== undefined) heads.push(head)
    }
    return heads
  })
}

async function headAt(transaction: ChainTransaction, height: number, pruned: number): Promise<BlockHead | undefined> {
  const stored = await transaction.get(KEYS.block(height))
  if (stored === undefined) return undefined
  const header = decodeHeader(stored)
  const first = decodeNumber(stored.subarray(SIGNED_HEADER_LENGTH))
  return { header, hash: blockHash(stored), first, isPruned: height > 0 && height <= pruned }
}
