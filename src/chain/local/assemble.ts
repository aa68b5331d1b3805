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
import { hashLeaf, merkleRoot } from '../tree.ts'
import { damaged, type LocalBlock, recordAt } from './lookup.ts'
import { type ChainTransaction, decodeHead, KEYS, type LocalTip } from './store.ts'
import { searchTerms } from './stored-record.ts'

export interface Owner {
  /** Ed25519, 32 bytes. */
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** A record without a block. */
export interface PendingRecord {
  bytes: Uint8Array
  id: Uint8Array
  time: number
  peer: string | undefined
}

/** The records that the next block has: those after the last block, as many as fit. `held` are those that need not be read. */
export async function unsealedRecords(
  transaction: ChainTransaction,
  tip: LocalTip,
  { params: { maxRecords, maxBlockLength } }: Chain,
  held: ReadonlyMap<number, PendingRecord>
): Promise<PendingRecord[]> {
  const head = decodeHead((await transaction.get(KEYS.head))!)
  const records: PendingRecord[] = []
  let length = SIGNED_HEADER_LENGTH
  for (let sequence = tip.sequence + 1; sequence <= head.sequence && records.length < maxRecords; sequence++) {
    const found = held.get(sequence) ?? (await readRecord(transaction, sequence))
    length += entryLength(found.bytes.length, false)
    if (length > maxBlockLength) break
    records.push(found)
  }
  return records
}

async function readRecord(transaction: ChainTransaction, sequence: number): Promise<PendingRecord> {
  const found = await recordAt(transaction, sequence)
  if (found === undefined) throw damaged(`record ${sequence}`)
  return { bytes: found.bytes, id: found.id, time: found.record.time, peer: searchTerms(found.payload).peer }
}

/** Makes, mines and signs the block after `tip`; with it the tip that it makes, and the nodes of the history that it completes. */
export async function assembleBlock(
  records: readonly PendingRecord[],
  tip: LocalTip,
  { chain, owner, now }: { chain: Chain; owner: Owner; now: () => number },
  signal: AbortSignal
) {
  const body = encodeBody(records.map(({ bytes }) => ({ record: bytes })))
  const unmined = encodeHeader({
    height: tip.height + 1,
    time: Math.max(now(), tip.time, ...records.map(({ time }) => time)),
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
    bytes: tip.bytes + body.length,
    frontier
  }
  const bytes = encodeBlock(header, sealBlock(owner, hash), body)
  const block: LocalBlock = { height: next.height, hash, first: tip.sequence + 1, bytes }
  return { block, next, completed }
}
