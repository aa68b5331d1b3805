import { createReadStream } from 'node:fs'
import * as z from 'zod/mini'
import { type Field, KIND, type KindName } from '../../../chain/index.ts'
import { isTalosError, TalosError } from '../../../errors.ts'
import { verifyProof } from '../../proof-file.ts'
import { checkSchema } from '../../schema-check.ts'
import { type TheirRecord, textOf } from './reconcile.ts'

/** Of one line: a record with its proof has far less. */
const MAX_LINE = 1_000_000

const LINE = z.object({
  id: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  kind: z.enum(Object.keys(KIND) as [KindName, ...KindName[]]),
  time: z.int().check(z.nonnegative()),
  fields: z.optional(
    z
      .array(
        z.object({
          name: z.string(),
          value: z.optional(z.union([z.string(), z.int().check(z.nonnegative())])),
          base64: z.optional(z.string())
        })
      )
      .check(z.maxLength(64))
  ),
  proof: z.optional(z.nullable(z.string()))
})

/** What {@link exportedRecords} has found out, besides the records. */
export interface ExportedCounts {
  proved: number
}

/**
 * The records with `own` that `peer` has exported into a file (NDJSON), one after the other. Every proof in it is verified, and that the line says what it proves.
 *
 * @throws AUDIT_FILE_INVALID, which names the line; STORAGE_READ_FAILED
 */
export async function* exportedRecords(
  path: string,
  peer: string,
  own: string,
  counts: ExportedCounts
): AsyncGenerator<TheirRecord> {
  let number = 0
  for await (const line of linesOf(path)) {
    number++
    if (line.trim() === '') continue
    const record = parse(line, number)
    const fields = (record.fields ?? []).map(({ name, value, base64 }): Field => {
      if (base64 !== undefined) return { name, value: new Uint8Array(Buffer.from(base64, 'base64')) }
      if (value !== undefined) return { name, value }
      throw invalid(number, `the field ${JSON.stringify(name)} has no value`)
    })
    if (typeof record.proof === 'string') {
      checkProof(record.proof, { ...record, fields, peer, number })
      counts.proved++
    }
    const operation = textOf(fields, 'operation')
    if (operation === undefined || textOf(fields, 'peer') !== own) continue
    yield {
      operation,
      kind: KIND[record.kind],
      record: Uint8Array.from(Buffer.from(record.id, 'hex')),
      time: record.time,
      has: ({ name, value }) => {
        const field = fields.find(candidate => candidate.name === name)
        return field && isSame(field.value, value)
      }
    }
  }
}

function parse(line: string, number: number): z.output<typeof LINE> {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    throw invalid(number, 'it is no JSON')
  }
  const checked = checkSchema(LINE, json)
  if (checked.ok) return checked.value
  throw invalid(number, checked.text)
}

function checkProof(
  text: string,
  {
    id,
    kind,
    time,
    fields,
    peer,
    number
  }: { id: string; kind: string; time: number; fields: readonly Field[]; peer: string; number: number }
): void {
  try {
    const proof = verifyProof(text, { owner: peer })
    const isSaid = fields.every(({ name, value }) =>
      proof.fields.some(field => field.name === name && isSame(field.value, value))
    )
    if (
      proof.record !== id ||
      proof.kind !== kind ||
      proof.time !== time ||
      !isSaid ||
      proof.fields.length !== fields.length
    ) {
      throw invalid(number, 'its proof is of something else')
    }
  } catch (error) {
    if (isTalosError(error) && error.code !== 'AUDIT_FILE_INVALID') throw invalid(number, error.message)
    throw error
  }
}

function isSame(a: Field['value'], b: Field['value']): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.from(a).equals(b)
  return a === b
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let held = ''
  let number = 1
  const source = createReadStream(path, { encoding: 'utf8' })
  try {
    for await (const chunk of source as AsyncIterable<string>) {
      const lines = (held + chunk).split('\n')
      held = lines.pop()!
      for (const line of lines) {
        number++
        yield line
      }
      if (held.length > MAX_LINE) throw invalid(number, 'it is too long')
    }
    if (held !== '') yield held
  } catch (cause) {
    if (isTalosError(cause)) throw cause
    throw new TalosError('STORAGE_READ_FAILED', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

function invalid(line: number, message: string): TalosError {
  return new TalosError('AUDIT_FILE_INVALID', `line ${line} of the file cannot be compared: ${message}`, {
    hint: 'Ask for what "talos audit export --format ndjson --peer <you>" writes.'
  })
}
