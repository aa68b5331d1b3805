import type { AuditField, AuditQuery, AuditRecord } from '../audit/read/types.ts'
import { MAX_PAGE } from '../control/audit-methods.ts'
import type { NodeLink } from './node-link.ts'

export interface ExportOptions extends AuditQuery {
  format: 'json' | 'csv' | 'ndjson'
  /** With each record its proof, which opens all its fields: whoever gets the file can check every word. @default false */
  includeProofs?: boolean
  /** Hears how many records were written. */
  onProgress?: (records: number) => void
}

interface Exported extends AuditRecord {
  proof?: string | null
}

/** How a format begins, what stands between two records, and how it ends. */
interface Format {
  head: string
  between: string
  end: string
  record(record: Exported): string
}

const COLUMNS = ['sequence', 'id', 'time', 'kind', 'block', 'peer', 'operation', 'fields', 'proof']

const JSON_FORMAT: Format = {
  head: '[\n',
  between: ',\n',
  end: '\n]\n',
  record: record => JSON.stringify(auditJson(record))
}
const NDJSON_FORMAT: Format = {
  head: '',
  between: '',
  end: '',
  record: record => `${JSON.stringify(auditJson(record))}\n`
}

async function formatOf(name: ExportOptions['format']): Promise<Format> {
  if (name === 'json') return JSON_FORMAT
  if (name === 'ndjson') return NDJSON_FORMAT
  const { stringify } = await import('csv-stringify/sync')
  /** RFC 4180, everything quoted; what a spreadsheet would take for a formula begins with an apostrophe. */
  const row = (cells: readonly string[]): string =>
    stringify([cells], { quoted: true, quoted_empty: true, escape_formulas: true, record_delimiter: 'windows' })
  return { head: row(COLUMNS), between: '', end: '', record: record => row(csvCells(record)) }
}

/** The records as text of a format, a page at a time. */
export async function* exportText(
  link: NodeLink,
  { format, includeProofs = false, onProgress, signal, ...query }: ExportOptions & { signal?: AbortSignal }
): AsyncGenerator<string, void> {
  const { head, between, end, record: textOf } = await formatOf(format)
  // all proofs are of one state of the chain
  const root = includeProofs ? await link.call('auditRoot', {}, signal) : undefined
  const proofs = root === undefined ? {} : { proofs: { note: root.note, size: root.size } }
  let count = 0
  let from: number | undefined = 1
  yield head
  while (from !== undefined) {
    const request = { ...query, kinds: query.kinds && [...query.kinds], ...proofs, from, limit: MAX_PAGE }
    const page: Awaited<ReturnType<typeof link.call<'auditRecords'>>> = await link.call('auditRecords', request, signal)
    const texts = page.records.map((record, i) =>
      textOf(page.proofs === undefined ? record : { ...record, proof: page.proofs[i] ?? null })
    )
    if (texts.length > 0) yield (count > 0 ? between : '') + texts.join(between)
    count += texts.length
    onProgress?.(count)
    from = page.next
  }
  yield end
}

/** A record for a JSON file: bytes as base64, with the name of the encoding. */
export function auditJson({ fields, ...record }: Exported): object {
  return { ...record, ...(fields === undefined ? { erased: true } : { fields: fields.map(jsonField) }) }
}

function jsonField({ name, value }: AuditField): object {
  return value instanceof Uint8Array ? { name, base64: Buffer.from(value).toString('base64') } : { name, value }
}

function csvCells(record: Exported): string[] {
  const { sequence, id, time, kind, block, fields, proof } = record
  const textOf = (wanted: string): string => {
    const value = fields?.find(({ name }) => name === wanted)?.value
    return typeof value === 'string' ? value : ''
  }
  return [
    String(sequence),
    id,
    new Date(time).toISOString(),
    kind,
    block === undefined ? '' : String(block),
    textOf('peer'),
    textOf('operation'),
    fields === undefined ? '' : JSON.stringify(fields.map(jsonField)),
    proof ?? ''
  ]
}
