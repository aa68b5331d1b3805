import { viewOf } from '../bytes.ts'
import { type ChainTransaction, decodeNumber, encodeNumber, KEYS } from './store.ts'

/**
 * By what records are found by their ids: for each block the first four bytes of each, in one entry; an entry for each record would cost as
 * much as the record. Each 256 blocks theirs become one, so that even of a million records few entries are read.
 */
const BLOCKS_TOGETHER = 256
const PREFIX = 4
const HEAD = 8

/** Writes what the records of a block are found by. */
export async function putIds(
  transaction: ChainTransaction,
  height: number,
  first: number,
  ids: readonly Uint8Array[]
): Promise<void> {
  const bytes = new Uint8Array(HEAD + PREFIX * ids.length)
  bytes.set(encodeNumber(first))
  for (const [i, id] of ids.entries()) bytes.set(id.subarray(0, PREFIX), HEAD + PREFIX * i)
  transaction.put(KEYS.ids(height), bytes)
  if (height % BLOCKS_TOGETHER === BLOCKS_TOGETHER - 1) await join(transaction, height)
}

async function join(transaction: ChainTransaction, last: number): Promise<void> {
  const parts: Uint8Array[] = []
  for (let height = last - BLOCKS_TOGETHER + 1; height <= last; height++) {
    const found = await transaction.get(KEYS.ids(height))
    // blocks that were pruned meanwhile; those after them follow each other
    if (found === undefined) continue
    parts.push(parts.length === 0 ? found : found.subarray(HEAD))
    transaction.delete(KEYS.ids(height))
  }
  transaction.put(KEYS.joinedIds(Math.floor(last / BLOCKS_TOGETHER)), new Uint8Array(Buffer.concat(parts)))
}

/** Numbers of the records whose ids may begin with these digits, the latest first. */
export async function sequencesLike(transaction: ChainTransaction, digits: string): Promise<number[]> {
  const known = Math.min(digits.length, 2 * PREFIX)
  const shift = 32 - 4 * known
  const wanted = Number.parseInt(digits.slice(0, known), 16)
  const found: number[] = []
  for (const key of await transaction.keys(KEYS.allIds)) {
    const bytes = (await transaction.get(key))!
    const view = viewOf(bytes)
    const first = decodeNumber(bytes)
    for (let at = HEAD; at < bytes.length; at += PREFIX) {
      if (view.getUint32(at) >>> shift === wanted) found.push(first + (at - HEAD) / PREFIX)
    }
  }
  return found.sort((a, b) => b - a)
}

/** The block at `height`, and all before it, have no records any more. */
export function removeIds(transaction: ChainTransaction, height: number): void {
  transaction.delete(KEYS.ids(height))
  if (height % BLOCKS_TOGETHER === BLOCKS_TOGETHER - 1) {
    transaction.delete(KEYS.joinedIds(Math.floor(height / BLOCKS_TOGETHER)))
  }
}
