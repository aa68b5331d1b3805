import { entryLength } from '../block.ts'
import { equalBytes, toHex, ZERO_HASH } from '../bytes.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import { decodeRecord, recordId } from '../record.ts'
import { verifyRecord } from '../record-signature.ts'
import { isAdmitted } from '../validation/admission.ts'
import type { CheckedEntry, Head } from '../validation/context.ts'

export const MEMPOOL_LIMITS = {
  records: 10_000,
  bytes: 32_000_000,
  ofAuthor: 256,
  /** Records of a stream that came before the ones they follow. */
  ahead: 64,
  /** Milliseconds. */
  age: 24 * 3_600_000
} as const

/** What became of a record that was offered: `conflict` is another record of a number that is taken. */
export type Admittance = 'accepted' | 'known' | 'passed' | 'conflict' | 'full' | 'ahead' | 'invalid'

interface Waiting {
  entry: CheckedEntry
  since: number
}

/**
 * Records that wait for a block, in the order of their streams. Everything that comes in is verified and counted against the limits;
 * what a reorganisation gives back is not: it was accepted before.
 */
export class Mempool {
  readonly #chain: Chain
  readonly #headOf: (author: Uint8Array, stream: number) => Head | undefined
  readonly #streams = new Map<string, Map<number, Waiting>>()
  readonly #ofAuthor = new Map<string, number>()
  #size = 0
  #bytes = 0

  /** @param headOf the last record of a stream in the chain */
  constructor(chain: Chain, headOf: (author: Uint8Array, stream: number) => Head | undefined) {
    this.#chain = chain
    this.#headOf = headOf
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes in a record with its signature. Never throws for bad input. */
  offer(bytes: Uint8Array, signature: Uint8Array, now: number): Admittance {
    const { params, id: chainId } = this.#chain
    let entry: CheckedEntry
    try {
      if (bytes.length > params.maxRecordLength) return 'invalid'
      entry = { bytes, record: decodeRecord(bytes), id: recordId(bytes), signature, isVerified: true }
    } catch (error) {
      if (error instanceof FormatError) return 'invalid'
      throw error
    }
    const { record, id } = entry
    const { author, sequence } = record
    if (!isAdmitted(params, author)) return 'invalid'
    const head = this.#headOf(author, record.stream)?.sequence ?? 0
    if (sequence <= head) return 'passed'
    const known = this.#streams.get(keyOf(entry))?.get(sequence)?.entry
    if (known !== undefined) return equalBytes(known.id, id) ? 'known' : 'conflict'
    if (sequence > head + MEMPOOL_LIMITS.ahead) return 'ahead'
    // the costly check comes last
    if (this.#isFull(entry)) return 'full'
    if (!verifyRecord(chainId, author, id, signature)) return 'invalid'
    this.#put(entry, now)
    return 'accepted'
  }

  /** Puts back what a block had that is no longer in the chain. */
  restore(entries: readonly CheckedEntry[], now: number): void {
    for (const entry of entries) {
      const { author, stream, sequence } = entry.record
      if (sequence <= (this.#headOf(author, stream)?.sequence ?? 0)) continue
      if (this.#streams.get(keyOf(entry))?.has(sequence) !== true) this.#put({ ...entry, isVerified: true }, now)
    }
  }

  /** Drops what the chain has, or has passed, and what waited too long. */
  prune(now: number): void {
    for (const stream of this.#streams.values()) {
      for (const [sequence, { entry, since }] of stream) {
        const head = this.#headOf(entry.record.author, entry.record.stream)?.sequence ?? 0
        if (sequence <= head || now - since > MEMPOOL_LIMITS.age) this.#remove(entry)
      }
    }
  }

  /** What the next block may have, as much as fits into `bytes`: whole runs that continue the chain, streams in turn by age. */
  pick(records: number, bytes: number): CheckedEntry[] {
    const picked: CheckedEntry[] = []
    let left = bytes
    const streams = [...this.#streams.values()].sort((a, b) => sinceOf(a) - sinceOf(b))
    for (const stream of streams) {
      const first = stream.values().next().value!.entry.record
      let head = this.#headOf(first.author, first.stream) ?? { sequence: 0, id: ZERO_HASH }
      for (;;) {
        const next = stream.get(head.sequence + 1)?.entry
        if (next === undefined || !equalBytes(next.record.previous, head.id)) break
        left -= entryLength(next.bytes.length, this.#chain.signedRecords)
        if (left < 0 || picked.length === records) return picked
        picked.push(next)
        head = { sequence: next.record.sequence, id: next.id }
      }
    }
    return picked
  }

  has(id: Uint8Array): boolean {
    for (const stream of this.#streams.values()) {
      for (const { entry } of stream.values()) if (equalBytes(entry.id, id)) return true
    }
    return false
  }

  #isFull({ bytes, record }: CheckedEntry): boolean {
    const { records, bytes: most, ofAuthor } = MEMPOOL_LIMITS
    return (
      this.#size >= records ||
      this.#bytes + bytes.length > most ||
      (this.#ofAuthor.get(toHex(record.author)) ?? 0) >= ofAuthor
    )
  }

  #put(entry: CheckedEntry, since: number): void {
    const key = keyOf(entry)
    const stream = this.#streams.get(key) ?? new Map<number, Waiting>()
    stream.set(entry.record.sequence, { entry, since })
    this.#streams.set(key, stream)
    this.#count(entry, 1)
  }

  #remove(entry: CheckedEntry): void {
    const key = keyOf(entry)
    const stream = this.#streams.get(key)
    if (stream?.delete(entry.record.sequence) !== true) return
    if (stream.size === 0) this.#streams.delete(key)
    this.#count(entry, -1)
  }

  #count({ bytes, record }: CheckedEntry, by: 1 | -1): void {
    const author = toHex(record.author)
    const count = (this.#ofAuthor.get(author) ?? 0) + by
    if (count === 0) this.#ofAuthor.delete(author)
    else this.#ofAuthor.set(author, count)
    this.#size += by
    this.#bytes += by * bytes.length
  }
}

const sinceOf = (stream: Map<number, Waiting>): number => stream.values().next().value!.since
const keyOf = ({ record: { author, stream } }: CheckedEntry): string => `${toHex(author)}/${stream}`
