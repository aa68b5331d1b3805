import { viewOf } from '../bytes.ts'
import type { LocalChain } from './local-chain.ts'
import { type ChainTransaction, KEYS } from './store.ts'

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
export async function sequencesWith(local: LocalChain, transaction: ChainTransaction, peer: string): Promise<number[]> {
  const sequences: number[] = []
  for await (const sequence of sequencesWithin(local, transaction, peer, { from: 1, to: MAX_SEQUENCE }, false)) {
    sequences.push(sequence)
  }
  return sequences
}

/** What a key can hold, with room for the one after it. */
const MAX_SEQUENCE = 2 ** 48 - 2
/** Keys that are read at once. */
const KEYS_AT_ONCE = 64

/** As {@link sequencesWith}, one after the other and only those of a range, of which both ends are in it. */
export async function* sequencesWithin(
  local: LocalChain,
  transaction: ChainTransaction,
  peer: string,
  { from, to }: { from: number; to: number },
  reverse: boolean
): AsyncGenerator<number> {
  const isWithin = (sequence: number): boolean => sequence >= from && sequence <= to
  // what has got its block since the chain was asked is among those of the store
  const pending = (await local.pendingWith(transaction, peer)).filter(isWithin)
  const isPending = new Set(pending)
  if (reverse) yield* pending.toReversed()
  for await (const { first, places } of entriesOf(transaction, peer, { from, to }, reverse)) {
    const sequences = places.map(place => first + place).filter(one => isWithin(one) && !isPending.has(one))
    yield* reverse ? sequences.reverse() : sequences
  }
  if (!reverse) yield* pending
}

async function* entriesOf(
  transaction: ChainTransaction,
  peer: string,
  { from, to }: { from: number; to: number },
  reverse: boolean
): AsyncGenerator<{ first: number; places: number[] }> {
  const prefix = KEYS.ofPeer(peer)
  const firstOf = (key: string): number => Number.parseInt(key.slice(prefix.length), 16)
  // the block that `from` is in begins with it or before
  const [begin] = await transaction.keys(prefix, { before: KEYS.peer(peer, from + 1), limit: 1, reverse: true })
  let after = KEYS.peer(peer, (begin === undefined ? from : firstOf(begin)) - 1)
  let before = KEYS.peer(peer, to + 1)
  for (;;) {
    const keys = await transaction.keys(prefix, { after, before, limit: KEYS_AT_ONCE, reverse })
    for (const key of keys) yield { first: firstOf(key), places: decodePlaces((await transaction.get(key))!) }
    if (keys.length < KEYS_AT_ONCE) return
    if (reverse) before = keys.at(-1)!
    else after = keys.at(-1)!
  }
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
