import type { AuditField, AuditRecord, FieldValue } from '../index.ts'
import { oneLine } from './printable.ts'
import { clock } from './time.ts'

/** Digits of an id that tables show: enough to name it. */
const SHORT = 12
/** Bytes that are shown as digits; of more their number. */
const SHOWN_BYTES = 32

export const shortId = (id: string): string => id.slice(0, SHORT)

/** A value of a field for a person, on one line. */
export function shownValue(value: FieldValue, most = 200): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return oneLine(value, most)
  return value.length > SHOWN_BYTES ? `<${value.length} bytes>` : Buffer.from(value).toString('hex')
}

/** A field of the record as text; undefined when there is none, or when it is no text. */
export function textField({ fields }: Pick<AuditRecord, 'fields'>, wanted: string): string | undefined {
  const value = fields?.find(({ name }) => name === wanted)?.value
  return typeof value === 'string' ? value : undefined
}

/** What a column of its own shows. */
const APART = new Set(['peer', 'event'])

export const LOG_HEADING = ['ID', 'TIME', 'KIND', 'EVENT', 'PEER', 'BLOCK', 'MORE']

export function logRow(record: AuditRecord, nameOf: (peer: string) => string): string[] {
  const { id, time, kind, block, fields } = record
  const peer = textField(record, 'peer')
  const more = (fields ?? [])
    .filter(({ name }) => !APART.has(name))
    .map(({ name, value }) => `${name}=${shownValue(value, 60)}`)
  return [
    shortId(id),
    clock(time),
    kind,
    fields === undefined ? '(erased)' : oneLine(textField(record, 'event') ?? '-', 30),
    peer === undefined ? '-' : oneLine(nameOf(peer), 60),
    block === undefined ? 'none yet' : String(block),
    oneLine(more.join(' '), 160)
  ]
}

/** Fields one a line, names aligned. */
export function fieldLines(fields: readonly AuditField[]): string[] {
  const width = Math.max(0, ...fields.map(({ name }) => oneLine(name).length))
  return fields.map(({ name, value }) => `  ${oneLine(name).padEnd(width)}  ${shownValue(value, 2_000)}`)
}

/** Names and values one a line, aligned. */
export function lines(rows: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}
