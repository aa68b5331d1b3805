import {
  type BlockHead,
  EXTENSION,
  type FoundRecord,
  kindName,
  type NumberedRecord,
  SIGNED_HEADER_LENGTH
} from '../../../chain/index.ts'
import type { AuditRecord, BlockDetails, BlockSummary } from './types.ts'

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A record as the SDK gives it. */
export function auditRecord({ id, record, payload, height }: NumberedRecord | FoundRecord): AuditRecord {
  const counterpart = record.extensions.find(({ type }) => type === EXTENSION.COUNTERPART)?.value
  return {
    id: hex(id),
    sequence: record.sequence,
    kind: kindName(record.kind)!,
    time: record.time,
    ...(height === undefined ? {} : { block: height }),
    ...(payload === undefined ? {} : { fields: payload.fields }),
    ...(counterpart?.length === 64
      ? { counterpart: { chainId: hex(counterpart.subarray(0, 32)), record: hex(counterpart.subarray(32)) } }
      : {})
  }
}

export function blockSummary({ header, hash, first, isPruned }: BlockHead): BlockSummary {
  const { height, time, recordCount, bodyLength } = header
  const bytes = bodyLength + SIGNED_HEADER_LENGTH
  return { height, hash: hex(hash), time, records: recordCount, first, bytes, pruned: isPruned }
}

export function blockDetails(head: BlockHead): BlockDetails {
  const { previous, recordsRoot, historyRoot, producer, bits, nonce } = head.header
  return {
    ...blockSummary(head),
    previous: hex(previous),
    recordsRoot: hex(recordsRoot),
    historyRoot: hex(historyRoot),
    producer: hex(producer),
    bits: bits.toString(16).padStart(8, '0'),
    nonce
  }
}
