import type { Entry, Field, LocalChain } from '../../chain/index.ts'
import { type CallRecord, SUBJECTS } from '../../protocols/mcp/records/call-record.ts'
import type { Transaction } from '../../protocols/sessions/index.ts'

/**
 * Writes what tunnels have recorded into the chain. With `isRepeated` the same records may be there already.
 *
 * @throws CHAIN_FORMAT, CHAIN_OPERATION_INVALID when what is to be recorded breaks a limit
 */
export async function recordCalls(
  chain: LocalChain,
  transaction: Transaction,
  records: readonly CallRecord[],
  isRepeated: boolean
): Promise<void> {
  await chain.appendAll(
    transaction,
    records.map(record => entryOf(record, isRepeated))
  )
}

function entryOf(record: CallRecord, isRepeated: boolean): Entry {
  if (record.kind === 'DENIAL') {
    const { kind, peer, reason, service, method, subject, count, first, last } = record
    const fields: Field[] = [
      { name: 'event', value: 'refused' },
      { name: 'reason', value: reason },
      { name: 'count', value: count },
      { name: 'first', value: first },
      { name: 'last', value: last }
    ]
    if (peer !== undefined) fields.push({ name: 'peer', value: peer })
    if (service !== undefined) fields.push({ name: 'service', value: service })
    if (method !== undefined) fields.push({ name: 'method', value: method })
    if (subject !== undefined) fields.push({ name: subjectName(method), value: subject })
    return { kind, fields }
  }
  const { kind, operation, side, peer } = record
  const fields: Field[] = [
    { name: 'event', value: side },
    { name: 'peer', value: peer }
  ]
  if (record.kind === 'INVOCATION') {
    const { service, method, subject, hash, size } = record
    fields.push({ name: 'service', value: service }, { name: 'method', value: method })
    if (subject !== undefined) fields.push({ name: SUBJECTS[method], value: subject })
    fields.push({ name: 'request', value: Buffer.from(hash, 'hex') }, { name: 'size', value: size })
  } else {
    const { outcome, hash, size, duration } = record
    fields.push({ name: 'outcome', value: outcome })
    if (hash !== undefined) fields.push({ name: 'result', value: Buffer.from(hash, 'hex') })
    if (size !== undefined) fields.push({ name: 'size', value: size })
    fields.push({ name: 'duration', value: duration })
  }
  // both sides draw a part of what a tunnel is called
  return { kind, operation, fields, isFresh: !isRepeated }
}

const subjectName = (method: string | undefined): string =>
  (SUBJECTS as Readonly<Record<string, string>>)[method ?? ''] ?? 'name'
