import { blockHash, SIGNED_HEADER_LENGTH } from '../block.ts'
import {
  consistencyRanges,
  foldNodes,
  hashLeaf,
  inclusionRanges,
  type LeafRange,
  nodesOf,
  type TreeNode
} from '../tree.ts'
import { damaged } from './lookup.ts'
import { type ChainTransaction, KEYS } from './store.ts'

type Reader = Pick<ChainTransaction, 'get'>

/** The signed header at a height that is there: 228 bytes. */
export async function signedHeaderAt(reader: Reader, height: number): Promise<Uint8Array> {
  const stored = await reader.get(KEYS.block(height))
  if (stored === undefined) throw damaged(`block ${height}`)
  return stored.subarray(0, SIGNED_HEADER_LENGTH)
}

async function nodeHash(reader: Reader, { level, index }: TreeNode): Promise<Uint8Array> {
  if (level === 0) return hashLeaf(blockHash(await signedHeaderAt(reader, index)))
  const hash = await reader.get(KEYS.node(level, index))
  if (hash === undefined) throw damaged(`node ${level}/${index} of the history`)
  return hash
}

async function rangeHash(reader: Reader, range: LeafRange): Promise<Uint8Array> {
  const hashes: Uint8Array[] = []
  for (const node of nodesOf(range)) hashes.push(await nodeHash(reader, node))
  return foldNodes(hashes)
}

async function rangeHashes(reader: Reader, ranges: LeafRange[]): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = []
  for (const range of ranges) hashes.push(await rangeHash(reader, range))
  return hashes
}

/** Root over the first `size` blocks. */
export const historyRootAt = (reader: Reader, size: number): Promise<Uint8Array> =>
  rangeHash(reader, { start: 0, end: size })

/** Proof that block `height` is among the first `size`. */
export const historyPath = (reader: Reader, height: number, size: number): Promise<Uint8Array[]> =>
  rangeHashes(reader, inclusionRanges(height, size))

/** Proof that the first `to` blocks continue the first `from`. */
export const consistencyPath = (reader: Reader, from: number, to: number): Promise<Uint8Array[]> =>
  rangeHashes(reader, from === 0 ? [] : consistencyRanges(from, to))
