import { TalosError } from '../../errors.ts'
import { blockHash, encodeBody, SIGNED_HEADER_LENGTH } from '../block.ts'
import { concatBytes, equalBytes, viewOf } from '../bytes.ts'
import { type ChainTransaction, decodeNumber, KEYS } from './store.ts'
import { decodeStored, type StoredRecord, splitStored } from './stored-record.ts'

export interface NumberedRecord extends StoredRecord {
  sequence: number
}

export interface LocalBlock {
  height: number
  hash: Uint8Array
  /** Number of its first record. */
  first: number
  /** Header, signature, body; of a block that was pruned: header and signature. */
  bytes: Uint8Array
}

export async function recordAt(
  transaction: ChainTransaction,
  sequence: number | undefined
): Promise<NumberedRecord | undefined> {
  const stored = sequence === undefined ? undefined : await transaction.get(KEYS.record(sequence))
  return stored && { ...decodeStored(stored), sequence: sequence! }
}

export async function sequenceOf(transaction: ChainTransaction, id: Uint8Array): Promise<number | undefined> {
  const found = await transaction.get(KEYS.id(id))
  return found && decodeNumber(found)
}

export async function recordOfOperation(
  transaction: ChainTransaction,
  operation: string
): Promise<NumberedRecord | undefined> {
  const found = await transaction.get(KEYS.operation(operation))
  return recordAt(transaction, found && decodeNumber(found))
}

/** The height of the block with record `sequence`; undefined while it is in none. */
export async function heightOf(transaction: ChainTransaction, sequence: number): Promise<number | undefined> {
  const [key] = await transaction.keys(KEYS.lasts, { after: KEYS.last(sequence - 1), limit: 1 })
  return key === undefined ? undefined : decodeNumber((await transaction.get(key))!)
}

/** A block by its height or hash. Undefined when there is none. */
export async function blockAt(
  transaction: ChainTransaction,
  which: number | Uint8Array
): Promise<LocalBlock | undefined> {
  if (typeof which !== 'number') {
    const found = await transaction.get(KEYS.hash(which))
    const block = found && (await blockAt(transaction, decodeNumber(found)))
    return block && equalBytes(block.hash, which) ? block : undefined
  }
  const stored = await transaction.get(KEYS.block(which))
  if (stored === undefined) return undefined
  const signedHeader = stored.subarray(0, SIGNED_HEADER_LENGTH)
  const first = decodeNumber(stored.subarray(SIGNED_HEADER_LENGTH))
  const count = viewOf(signedHeader).getUint32(144)
  const records: Array<{ record: Uint8Array }> = []
  for (let sequence = first; sequence < first + count; sequence++) {
    const value = await transaction.get(KEYS.record(sequence))
    // pruned: all of a block goes at once
    if (value === undefined) break
    records.push({ record: splitStored(value).record })
  }
  const bytes = records.length < count ? signedHeader : concatBytes(signedHeader, encodeBody(records))
  return { height: which, hash: blockHash(signedHeader), first, bytes }
}

export function damaged(what: string): TalosError {
  return new TalosError('CHAIN_STORE_DAMAGED', `the audit chain is damaged: ${what} is missing`, {
    hint: 'Restore it from an archive.'
  })
}
