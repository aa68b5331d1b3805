import { equalBytes, viewOf } from '../bytes.ts'
import { decodePayload, type Payload } from '../commitment.ts'
import { sha256 } from '../hash.ts'
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

/** A record that is kept by itself: record length (4) ‖ record ‖ payload, if it was not erased. */
export function encodeStored(record: Uint8Array, secret: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + record.length + secret.length)
  viewOf(bytes).setUint32(0, record.length)
  bytes.set(record, 4)
  bytes.set(secret, 4 + record.length)
  return bytes
}

export function decodeStored(stored: Uint8Array): StoredRecord {
  const end = 4 + viewOf(stored).getUint32(0)
  const bytes = stored.subarray(4, end)
  return { bytes, record: decodeRecord(bytes), id: recordId(bytes), ...decodePrivate(stored.subarray(end)) }
}

/** The field that names what happened: a record is found by it, and there is one of each name. */
export const OPERATION = 'operation'
/** The field that holds the SHA-256 of what is kept beside a record. */
export const CONTENT = 'content'

/** Whether `content` is what is kept beside a record, by its payload; what is no more there is in order. */
export function isContent({ fields }: Payload, content: Uint8Array | undefined): boolean {
  const hash = fields.find(({ name }) => name === CONTENT)?.value
  return content === undefined || (hash instanceof Uint8Array && equalBytes(sha256(content), hash))
}

const PEER = /^[\x21-\x2e\x30-\x7e]{1,128}$/

/** By what else than its id and number a record can be found: the values of two of its fields, as parts of keys. */
export function searchTerms(payload: Payload | undefined): { operation: string | undefined; peer: string | undefined } {
  let [operation, peer]: [string | undefined, string | undefined] = [undefined, undefined]
  for (const { name, value } of payload?.fields ?? []) {
    if (typeof value !== 'string') continue
    if (name === OPERATION) operation = value
    else if (name === 'peer' && PEER.test(value)) peer = value
  }
  return { operation, peer }
}
