import { encodeBlock, SIGNATURE_LENGTH, SIGNED_HEADER_LENGTH } from '../block.ts'
import { viewOf, ZERO_HASH } from '../bytes.ts'
import { type Chain, chainOf, decodeParams, localParams } from '../params.ts'
import { Frontier, hashLeaf } from '../tree.ts'
import type { Owner } from './assemble.ts'
import { damaged } from './lookup.ts'
import {
  type ChainTransaction,
  decodeHead,
  decodeTip,
  encodeHead,
  encodeNumber,
  encodeTip,
  KEYS,
  type LocalHead,
  type LocalTip
} from './store.ts'

export interface OpenedChain {
  chain: Chain
  tip: LocalTip
  head: LocalHead
}

/** Writes a header and by what its block is found. */
export function putBlock(
  transaction: ChainTransaction,
  signedHeader: Uint8Array,
  { height, hash, sequence }: Pick<LocalTip, 'height' | 'hash' | 'sequence'>,
  first: number
): void {
  const value = new Uint8Array(SIGNED_HEADER_LENGTH + 8)
  value.set(signedHeader)
  value.set(encodeNumber(first), SIGNED_HEADER_LENGTH)
  transaction.put(KEYS.block(height), value)
  transaction.put(KEYS.hash(hash), encodeNumber(height))
  if (sequence >= first) transaction.put(KEYS.last(sequence), encodeNumber(height))
}

/** Writes a new chain with its genesis block. */
export async function beginChain(
  transaction: ChainTransaction,
  init: { owner: Owner; randomBytes: (length: number) => Uint8Array; now?: () => number; difficulty?: number }
): Promise<OpenedChain> {
  const chain = chainOf(localParams(init.owner.publicKey, (init.now ?? Date.now)(), init.difficulty))
  const random = init.randomBytes(4)
  const stream = viewOf(random).getUint32(0)
  const { genesisTime: time } = chain.params
  const head: LocalHead = { stream, sequence: 0, time, bytes: 0 }
  const { genesisHash: hash } = chain
  const tip: LocalTip = {
    height: 0,
    hash,
    time,
    sequence: 0,
    recordId: ZERO_HASH,
    bytes: 0,
    frontier: new Frontier().append(hashLeaf(hash)).frontier
  }
  transaction.put(KEYS.params, chain.encodedParams.slice())
  transaction.put(KEYS.head, encodeHead(head))
  putBlock(transaction, encodeBlock(chain.genesis, new Uint8Array(SIGNATURE_LENGTH), new Uint8Array()), tip, 1)
  transaction.put(KEYS.tip, encodeTip(tip))
  return { chain, tip, head }
}

/** Reads a chain that is there. @throws CHAIN_STORE_DAMAGED */
export async function loadChain(transaction: ChainTransaction, params: Uint8Array): Promise<OpenedChain> {
  const chain = chainOf(decodeParams(params))
  const [tip, head] = [await transaction.get(KEYS.tip), await transaction.get(KEYS.head)]
  if (tip === undefined || head === undefined) throw damaged('its end')
  return { chain, tip: decodeTip(tip), head: decodeHead(head) }
}
