import type { Entry, Field } from '../../chain/index.ts'
import type { DigestsText, TransferRecord } from './records.ts'

/** What a transfer is called in the chains of both sides. Its id is the sender's choice, so the sender is part of the name. */
export function operationOf(record: TransferRecord, self: string): string {
  return record.direction === 'out' ? `file/${self}/${record.id}` : `file/${record.peer}/${record.transferId}`
}

/** The record of a transfer that we offer. Whether the other side will ever hear of it nobody knows: it is not compared. */
export function offeredEntry(record: TransferRecord, self: string): Entry {
  const fields = [...fieldsOf('offered', record), { name: 'transfer', value: operationOf(record, self) }]
  return { kind: 'FILE', fields }
}

/** The record of a transfer that we have accepted, or that the receiver has. */
export function acceptedEntry(record: TransferRecord, self: string): Entry {
  const event = record.direction === 'out' ? 'agreed' : 'accepted'
  return { kind: 'FILE', operation: operationOf(record, self), fields: fieldsOf(event, record) }
}

/** The record of a transfer that is on the receiver's disk. Of a directory no hash is known: what came before a cut is not read again. */
export function completedEntry(record: TransferRecord, self: string, digests?: DigestsText): Entry {
  const operation = operationOf(record, self)
  const hashes: Field[] =
    digests === undefined
      ? []
      : [
          { name: 'hash', value: bytes(digests.sha256) },
          { name: 'root', value: bytes(digests.root) }
        ]
  return {
    kind: 'FILE',
    operation: `${operation}/completed`,
    fields: [...fieldsOf('completed', record), { name: 'transfer', value: operation }, ...hashes]
  }
}

/** The record of a transfer that came to nothing, or that is offered once more after that. */
export function outcomeEntry(record: TransferRecord, self: string, event: 'failed' | 'cancelled' | 'resumed'): Entry {
  const { reason } = record
  const fields = [...fieldsOf(event, record), { name: 'transfer', value: operationOf(record, self) }]
  return { kind: 'FILE', fields: reason === undefined ? fields : [...fields, { name: 'reason', value: reason.code }] }
}

function fieldsOf(event: string, record: TransferRecord): Field[] {
  const { peer, name, mediaType, size, entries } = record
  return [
    { name: 'event', value: event },
    { name: 'peer', value: peer },
    { name: 'name', value: record.direction === 'in' ? (record.offeredName ?? name) : name },
    { name: 'type', value: mediaType },
    { name: 'size', value: size },
    { name: 'entries', value: entries }
  ]
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
