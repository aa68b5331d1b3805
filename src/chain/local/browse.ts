import { KIND, type KindName } from '../record.ts'
import type { LocalChain } from './local-chain.ts'
import { sequencesWithin } from './peers.ts'
import { prunedTo } from './prune.ts'
import type { NumberedRecord, RecordReader } from './reader.ts'
import { type ChainTransaction, decodeHead, KEYS } from './store.ts'

/** Records that one call looks at: a filter that fits few of them must not hold up the node. */
const MAX_LOOKED_AT = 2_000
/** Characters and bytes of fields in one page, after which it ends. */
const MAX_SIZE = 500_000

export interface Browse {
  /** As the field `peer` has it. */
  peer?: string
  kinds?: readonly KindName[]
  /** Milliseconds since 1970, both included. */
  since?: number
  until?: number
  /** Numbers of records, both included: where a page begins. */
  from?: number
  to?: number
  /** The newest first. @default false */
  reverse?: boolean
  limit: number
}

export interface Page {
  records: NumberedRecord[]
  /** The next page begins with this record: as `from`, or as `to` when reversed. Undefined when there is no more. */
  next: number | undefined
}

/** Records of the chain in order, a page at a time. What was pruned is not among them. */
export function browse(local: LocalChain, query: Browse): Promise<Page> {
  return local.store.transact(async transaction => {
    const reader = local.reader(transaction)
    const range = await rangeOf(transaction, reader, query)
    if (range.from > range.to) return { records: [], next: undefined }
    const kinds = query.kinds === undefined ? undefined : new Set<number>(query.kinds.map(kind => KIND[kind]))
    const records: NumberedRecord[] = []
    let [looked, size] = [0, 0]
    for await (const sequence of sequencesOf(local, transaction, range, query)) {
      const isFull = records.length === query.limit || size >= MAX_SIZE
      if (isFull || looked++ === MAX_LOOKED_AT) return { records, next: sequence }
      const found = await reader.at(sequence)
      if (found === undefined || kinds?.has(found.record.kind) === false) continue
      records.push(found)
      size += sizeOf(found)
    }
    return { records, next: undefined }
  })
}

function sizeOf({ payload }: NumberedRecord): number {
  let size = 0
  for (const { value } of payload?.fields ?? []) size += typeof value === 'number' ? 8 : value.length
  return size
}

interface Range {
  from: number
  to: number
}

/** The numbers that are asked for and are there. Times never go back, so that those of a period are found by halving. */
async function rangeOf(transaction: ChainTransaction, reader: RecordReader, query: Browse): Promise<Range> {
  const head = decodeHead((await transaction.get(KEYS.head))!)
  const first = ((await prunedTo(transaction))?.sequence ?? 0) + 1
  const all = { from: first, to: head.sequence }
  const from = query.since === undefined ? first : await firstFrom(reader, all, query.since)
  const to = query.until === undefined ? head.sequence : (await firstFrom(reader, all, query.until + 1)) - 1
  return { from: Math.max(from, query.from ?? 1), to: Math.min(to, query.to ?? head.sequence) }
}

/** The first record that is not older than `time`; the one after the last when all are. */
async function firstFrom(reader: RecordReader, { from, to }: Range, time: number): Promise<number> {
  let [low, high] = [from, to + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = await reader.at(middle)
    if (found !== undefined && found.record.time >= time) high = middle
    else low = middle + 1
  }
  return low
}

async function* sequencesOf(
  local: LocalChain,
  transaction: ChainTransaction,
  range: Range,
  { peer, reverse = false }: Browse
): AsyncGenerator<number> {
  if (peer !== undefined) {
    yield* sequencesWithin(local, transaction, peer, range, reverse)
    return
  }
  const { from, to } = range
  for (let i = 0; i <= to - from; i++) yield reverse ? to - i : from + i
}
