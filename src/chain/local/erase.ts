import { commit } from '../commitment.ts'
import { encodeGroup, payloadOf } from './group.ts'
import { decodeKept, encodeKept } from './kept.ts'
import { blockAt, groupOf, heightOf } from './lookup.ts'
import { removeOperation } from './operations.ts'
import { removePeer } from './peers.ts'
import { type ChainTransaction, KEYS } from './store.ts'
import { encodeStored, searchTerms } from './stored-record.ts'

/** A record of which nothing private is kept any more. */
export interface Erased {
  sequence: number
  commitment: Uint8Array
}

/**
 * Removes what is private of these records, which are in order: fields, secret, content, and by what they could be found. What is erased or pruned already is
 * passed over.
 */
export async function eraseItems(transaction: ChainTransaction, sequences: readonly number[]): Promise<Erased[]> {
  const erased: Erased[] = []
  for (let at = 0; at < sequences.length; ) {
    const group = await groupOf(transaction, sequences[at]!)
    const end = group === undefined ? 0 : group.first + group.items.length
    if (group === undefined || sequences[at]! >= end) {
      at++
      continue
    }
    for (; at < sequences.length && sequences[at]! < end; at++) {
      const sequence = sequences[at]!
      const { content, ...item } = group.items[sequence - group.first]!
      const payload = payloadOf(item)
      if (payload === undefined) continue
      await forget(transaction, sequence, searchTerms(payload))
      if (content === 'elsewhere') transaction.delete(KEYS.content(sequence))
      const commitment = commit(payload)
      group.items[sequence - group.first] = { ...item, contents: commitment }
      erased.push({ sequence, commitment })
    }
    transaction.put(KEYS.group(group.first), encodeGroup(group.items))
  }
  return erased
}

async function forget(
  transaction: ChainTransaction,
  sequence: number,
  { operation, peer }: ReturnType<typeof searchTerms>
): Promise<void> {
  const height = await heightOf(transaction, sequence)
  const first = height === undefined ? undefined : (await blockAt(transaction, height))!.first
  if (operation !== undefined) await removeOperation(transaction, operation, first)
  if (peer !== undefined && first !== undefined) await removePeer(transaction, peer, first, sequence)
}

/** The same for a record of which pruning has kept the proof. False when it has not. */
export async function eraseKept(transaction: ChainTransaction, id: Uint8Array): Promise<boolean> {
  const kept = await transaction.get(KEYS.kept(id))
  if (kept === undefined) return false
  const { height, index, blockPath, bytes } = decodeKept(kept)
  transaction.put(KEYS.kept(id), encodeKept(height, index, blockPath, encodeStored(bytes, new Uint8Array())))
  return true
}
