import { browse, type Field, type KindName, kindName, type LocalChain } from '../../../chain/index.ts'
import { comparedFields, mirrored, type SharedRecord } from '../../../protocols/audit/index.ts'
import { hex } from './records.ts'

/** What a report lists of each sort; the rest is counted. */
const MAX_LISTED = 1_000
const PAGE = 200

/** An operation as the other side has recorded it. */
export interface TheirRecord {
  operation: string
  kind: number
  /** 32 bytes. */
  record: Uint8Array
  /** Milliseconds since 1970, by their clock. */
  time: number
  /** Whether their field of this name has this value; undefined when they have none, or do not tell. */
  has(field: Field): boolean | undefined
}

export interface ReconciledRecord {
  operation: string
  kind: KindName | 'unknown'
  /** Id of the record, on the side that has it. */
  record: string
  /** Milliseconds since 1970, by the clock of that side. */
  time: number
}

export interface DifferingRecord {
  operation: string
  /** Ids of the records of both sides. */
  ours: string
  theirs: string
  /** Names of the fields that differ; `kind` and `peer` among them. */
  fields: readonly string[]
}

export interface ReconcileReport {
  /** PeerId. */
  peer: string
  /** The peer itself, or a file that it exported. */
  source: 'peer' | 'file'
  /** The state of the peer's chain, which it signed. */
  checkpoint?: { origin: string; size: number }
  /** Of the records in a file, how many came with a proof; each of them holds. */
  proved?: number
  /** Operations that both sides have recorded, and how many of them alike. */
  compared: number
  matching: number
  /** At most 1,000 of each are listed; `counts` has all. */
  missingHere: readonly ReconciledRecord[]
  missingThere: readonly ReconciledRecord[]
  differing: readonly DifferingRecord[]
  counts: { missingHere: number; missingThere: number; differing: number }
}

export interface Window {
  /** Milliseconds since 1970, both included. */
  since?: number
  until?: number
}

/** The records with a peer that name an operation, a page at a time. */
export async function* recordsWith(
  local: LocalChain,
  peer: string,
  window: Window = {}
): AsyncGenerator<Array<SharedRecord & { sequence: number }>> {
  let from: number | undefined = 1
  while (from !== undefined) {
    const page: Awaited<ReturnType<typeof browse>> = await browse(local, { ...window, peer, from, limit: PAGE })
    yield page.records.flatMap(({ id, record, payload, sequence }) => {
      const operation = textOf(payload?.fields, 'operation')
      if (payload === undefined || operation === undefined) return []
      return [{ operation, kind: record.kind, record: id, time: record.time, fields: payload.fields, sequence }]
    })
    from = page.next
  }
}

/** Compares what the other side has with what is here, in one pass over each. */
export async function reconcile(
  local: LocalChain,
  peer: string,
  theirs: AsyncIterable<TheirRecord>,
  window: Window = {}
): Promise<Omit<ReconcileReport, 'source'>> {
  const missingHere = new Listed<ReconciledRecord>()
  const missingThere = new Listed<ReconciledRecord>()
  const differing = new Listed<DifferingRecord>()
  const seen = new Marks()
  let compared = 0
  for await (const their of theirs) {
    const own = await local.recordOf(their.operation)
    if (own === undefined) {
      if (isWithin(their.time, window)) missingHere.add(listed(their))
      continue
    }
    seen.add(own.sequence)
    if (!isWithin(own.record.time, window)) continue
    compared++
    const fields = differences(their, own.record.kind, own.payload?.fields ?? [], peer)
    if (fields.length === 0) continue
    differing.add({ operation: their.operation, ours: hex(own.id), theirs: hex(their.record), fields })
  }
  for await (const page of recordsWith(local, peer, window)) {
    for (const own of page) if (!seen.has(own.sequence)) missingThere.add(listed(own))
  }
  return {
    peer,
    compared,
    matching: compared - differing.count,
    missingHere: missingHere.items,
    missingThere: missingThere.items,
    differing: differing.items,
    counts: { missingHere: missingHere.count, missingThere: missingThere.count, differing: differing.count }
  }
}

function differences(their: TheirRecord, kind: number, fields: readonly Field[], peer: string): string[] {
  const names: string[] = []
  if (kind !== their.kind) names.push('kind')
  if (textOf(fields, 'peer') !== peer) names.push('peer')
  for (const field of comparedFields(fields)) {
    if (their.has({ name: field.name, value: mirrored(field) }) === false) names.push(field.name)
  }
  return names
}

export function textOf(fields: readonly Field[] | undefined, wanted: string): string | undefined {
  const value = fields?.find(({ name }) => name === wanted)?.value
  return typeof value === 'string' ? value : undefined
}

function listed({
  operation,
  kind,
  record,
  time
}: Pick<TheirRecord, 'operation' | 'kind' | 'record' | 'time'>): ReconciledRecord {
  return { operation, kind: kindName(kind) ?? 'unknown', record: hex(record), time }
}

const isWithin = (time: number, { since = 0, until = Number.MAX_SAFE_INTEGER }: Window): boolean =>
  time >= since && time <= until

class Listed<T> {
  readonly items: T[] = []
  count = 0

  add(item: T): void {
    if (this.count++ < MAX_LISTED) this.items.push(item)
  }
}

/** A set of numbers of records: a bit each, where a set would take forty bytes. */
class Marks {
  #bits = new Uint8Array(1_024)

  add(number: number): void {
    const at = Math.floor(number / 8)
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length))
      larger.set(this.#bits)
      this.#bits = larger
    }
    this.#bits[at]! |= 1 << (number % 8)
  }

  has(number: number): boolean {
    return ((this.#bits[Math.floor(number / 8)] ?? 0) & (1 << (number % 8))) !== 0
  }
}
