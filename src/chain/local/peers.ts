import { viewOf } from '../bytes.ts'
import { type ChainTransaction, decodeHead, decodeTip, KEYS } from './store.ts'
import { decodeStored, searchTerms } from './stored-record.ts'

/**
 * Writes which records of a block are with which peer, a place in the block (2 bytes) each: one entry a peer and block, where one a
 * record would cost whoever records as much as the record.
 */
export function putPeers(transaction: ChainTransaction, first: number, peers: ReadonlyArray<string | undefined>): void {
  const places = new Map<string, number[]>()
  for (const [at, peer] of peers.entries()) {
    if (peer === undefined) continue
    const known = places.get(peer)
    if (known === undefined) places.set(peer, [at])
    else known.push(at)
  }
  for (const [peer, list] of places) transaction.put(KEYS.peer(peer, first), encodePlaces(list))
}

/** Numbers of the records with a peer, in order; those without a block too. */
export async function sequencesWith(transaction: ChainTransaction, peer: string): Promise<number[]> {
  const prefix = KEYS.ofPeer(peer)
  const sequences: number[] = []
  for (const key of await transaction.keys(prefix)) {
    const first = Number.parseInt(key.slice(prefix.length), 16)
    for (const place of decodePlaces((await transaction.get(key))!)) sequences.push(first + place)
  }
  const tip = decodeTip((await transaction.get(KEYS.tip))!)
  const head = decodeHead((await transaction.get(KEYS.head))!)
  for (let sequence = tip.sequence + 1; sequence <= head.sequence; sequence++) {
    const stored = await transaction.get(KEYS.record(sequence))
    if (stored !== undefined && searchTerms(decodeStored(stored).payload).peer === peer) sequences.push(sequence)
  }
  return sequences
}

/** Takes one record out of what {@link putPeers} wrote. */
export async function removePeer(
  transaction: ChainTransaction,
  peer: string,
  first: number,
  sequence: number
): Promise<void> {
  const stored = await transaction.get(KEYS.peer(peer, first))
  if (stored === undefined) return
  const left = decodePlaces(stored).filter(place => first + place !== sequence)
  if (left.length === 0) transaction.delete(KEYS.peer(peer, first))
  else transaction.put(KEYS.peer(peer, first), encodePlaces(left))
}

function encodePlaces(places: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * places.length)
  for (const [i, place] of places.entries()) viewOf(bytes).setUint16(2 * i, place)
  return bytes
}

function decodePlaces(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, i) => viewOf(bytes).getUint16(2 * i))
}
