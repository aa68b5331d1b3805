import {
  blockHash,
  encodeBlock,
  encodeBody,
  encodeHeader,
  entryLength,
  SIGNED_HEADER_LENGTH,
  sealBlock
} from '../block.ts'
import { readUint64, viewOf } from '../bytes.ts'
import { mineHeader } from '../miner.ts'
import type { Chain } from '../params.ts'
import { encodeExtensions, RECORD_LENGTH } from '../record.ts'
import { hashLeaf, merkleRoot } from '../tree.ts'
import { decodeGroup, type Item } from './group.ts'
import { damaged, type LocalBlock } from './lookup.ts'
import type { MadeRecord, PendingGroup, PendingGroups } from './pending.ts'
import { type ChainTransaction, decodeHead, KEYS, type LocalTip } from './store.ts'

export interface Owner {
  /** Ed25519, 32 bytes. */
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** What a record takes in the body of a block. */
export const bodyLength = ({ extensions }: Pick<Item, 'extensions'>): number =>
  entryLength(RECORD_LENGTH + encodeExtensions(extensions).length, false)

/** The groups without a block, the first one first, up to the one of record `to`. `held` are those that need not be read. */
export async function* unsealedGroups(
  transaction: ChainTransaction,
  tip: LocalTip,
  held: PendingGroups,
  to = Number.POSITIVE_INFINITY
): AsyncGenerator<PendingGroup> {
  const last = Math.min(decodeHead((await transaction.get(KEYS.head))!).sequence, to)
  for (let first = tip.sequence + 1; first <= last; ) {
    const group = held.at(first) ?? (await readGroup(transaction, first))
    yield group
    first += group.items.length
  }
}

async function readGroup(transaction: ChainTransaction, first: number): Promise<PendingGroup> {
  const bytes = await transaction.get(KEYS.group(first))
  if (bytes === undefined) throw damaged(`record ${first}`)
  return { first, items: decodeGroup(bytes) }
}

/** The groups that each of the next blocks is made of, at most so many blocks: whole groups, as many as fit. */
export async function nextGroups(
  transaction: ChainTransaction,
  tip: LocalTip,
  { params: { maxRecords, maxBlockLength } }: Chain,
  held: PendingGroups,
  blocks: number
): Promise<PendingGroup[][]> {
  const next: PendingGroup[][] = []
  let [records, length] = [0, 0]
  for await (const group of unsealedGroups(transaction, tip, held)) {
    let own = 0
    for (const item of group.items) own += bodyLength(item)
    const isFull = records + group.items.length > maxRecords || length + own > maxBlockLength
    if (next.length === 0 || isFull) {
      if (next.length === blocks) break
      next.push([])
      records = 0
      length = SIGNED_HEADER_LENGTH
    }
    next.at(-1)!.push(group)
    records += group.items.length
    length += own
  }
  return next
}

/** Makes, mines and signs the block after `tip`; with it the tip that it makes, and the nodes of the history that it completes. */
export async function assembleBlock(
  records: readonly MadeRecord[],
  lastTime: number,
  tip: LocalTip,
  { chain, owner, now }: { chain: Chain; owner: Owner; now: () => number },
  signal: AbortSignal
) {
  const body = encodeBody(records.map(({ bytes }) => ({ record: bytes })))
  const unmined = encodeHeader({
    height: tip.height + 1,
    time: Math.max(now(), tip.time, lastTime),
    previous: tip.hash,
    recordsRoot: merkleRoot(records.map(({ id }) => id)),
    historyRoot: tip.frontier.root(),
    producer: owner.publicKey,
    recordCount: records.length,
    bodyLength: body.length,
    bits: chain.params.bits,
    nonce: 0,
    signedRecords: false
  })
  const header = await mineHeader(unmined, { signal })
  const hash = blockHash(header)
  const { frontier, completed } = tip.frontier.append(hashLeaf(hash))
  const next: LocalTip = {
    height: tip.height + 1,
    hash,
    time: readUint64(viewOf(header), 8),
    sequence: tip.sequence + records.length,
    recordId: records.at(-1)!.id,
    bytes: tip.bytes + body.length,
    frontier
  }
  const bytes = encodeBlock(header, sealBlock(owner, hash), body)
  const block: LocalBlock = { height: next.height, hash, first: tip.sequence + 1, bytes }
  return { block, next, completed }
}
