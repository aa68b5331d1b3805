import { concatBytes, splitHashes, viewOf } from '../bytes.ts'
import { decodeStored, type StoredRecord } from './stored-record.ts'

/** What pruning keeps of a record of which a proof was given away. */
export interface KeptRecord extends StoredRecord {
  height: number
  index: number
  blockPath: Uint8Array[]
}

/** height (4) ‖ index (4) ‖ hashes (1) ‖ path ‖ the record as it was stored. */
export function encodeKept(height: number, index: number, path: readonly Uint8Array[], stored: Uint8Array): Uint8Array {
  const head = new Uint8Array(9)
  viewOf(head).setUint32(0, height)
  viewOf(head).setUint32(4, index)
  head[8] = path.length
  return concatBytes(head, ...path, stored)
}

export function decodeKept(bytes: Uint8Array): KeptRecord {
  const view = viewOf(bytes)
  const count = bytes[8]!
  const blockPath = splitHashes(bytes, 9, count)
  const stored = decodeStored(bytes.subarray(9 + 32 * count))
  return { ...stored, height: view.getUint32(0), index: view.getUint32(4), blockPath }
}
