import { viewOf } from '../bytes.ts'
import { decodePayload, type Payload } from '../commitment.ts'
import { type ChainRecord, decodeRecord, recordId } from '../record.ts'

/** A record as its owner keeps it. */
export interface StoredRecord {
  bytes: Uint8Array
  record: ChainRecord
  id: Uint8Array
  /** Undefined when it was erased. */
  payload?: Payload
}

/** What never leaves the owner, from its bytes; nothing when it was erased. */
export function decodePrivate(bytes: Uint8Array): Pick<StoredRecord, 'payload'> {
  return bytes.length === 0 ? {} : { payload: decodePayload(bytes) }
}

/** Value of KEYS.record: record length (4) ‖ record ‖ payload, if it was not erased. */
export function encodeStored(record: Uint8Array, secret: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + record.length + secret.length)
  viewOf(bytes).setUint32(0, record.length)
  bytes.set(record, 4)
  bytes.set(secret, 4 + record.length)
  return bytes
}

/** The two parts, as views. */
export function splitStored(stored: Uint8Array): { record: Uint8Array; secret: Uint8Array } {
  const end = 4 + viewOf(stored).getUint32(0)
  return { record: stored.subarray(4, end), secret: stored.subarray(end) }
}

export function decodeStored(stored: Uint8Array): StoredRecord {
  const { record: bytes, secret } = splitStored(stored)
  return { bytes, record: decodeRecord(bytes), id: recordId(bytes), ...decodePrivate(secret) }
}

/** The field that names what happened: a record is found by it, and there is one of each name. */
export const OPERATION = 'operation'

/** By what else than its id and number a record can be found: the values of two of its fields, as parts of keys. */
export function searchTerms(payload: Payload | undefined): { operation?: string; peer?: string } {
  const textOf = (wanted: string) => payload?.fields.find(({ name }) => name === wanted)?.value
  const [operation, peer] = [textOf(OPERATION), textOf('peer')]
  return {
    ...(typeof operation === 'string' ? { operation } : {}),
    ...(typeof peer === 'string' && /^[\x21-\x2e\x30-\x7e]{1,128}$/.test(peer) ? { peer } : {})
  }
}
