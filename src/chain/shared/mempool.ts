import { entryLength } from '../block.ts'
import { compareBytes, concatBytes, equalBytes, readUint64, toHex, viewOf, writeUint64, ZERO_HASH } from '../bytes.ts'
import { type ClaimedState, continuesClaim } from '../claim.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import { decodeRecord, KIND, recordId } from '../record.ts'
import { verifyRecord } from '../record-signature.ts'
import { isAdmitted } from '../validation/admission.ts'
import { claimIn, claimKey } from '../validation/claims.ts'
import type { ChainView, CheckedEntry, Head } from '../validation/context.ts'
import type { Journal } from './journal.ts'
import { KEYS, positionOf } from './store.ts'

export const MEMPOOL_LIMITS = {
  records: 10_000,
  bytes: 32_000_000,
  ofAuthor: 256,
  /** Records of a stream that came before the ones they follow. */
  ahead: 64,
  /** Milliseconds. */
  age: 24 * 3_600_000
} as const

/**
 * What became of a record that was offered. `passed`: the chain has a record of this number; `conflict`: another one waits that has it;
 * `barred`: nothing is taken from its author.
 */
export type Admittance = 'accepted' | 'known' | 'passed' | 'conflict' | 'full' | 'ahead' | 'barred' | 'invalid'

/** Two records that an author signed for one place: evidence against it. */
export interface Conflict {
  known: CheckedEntry
  offered: CheckedEntry
}

type State = Pick<ChainView, 'headOf'> & Required<Pick<ChainView, 'claimOf'>>

export interface MempoolInit {
  chain: Chain
  /** Of the chain as it is. */
  state: State
  journal: Journal
  /** Whose records are kept however long they wait: ours. */
  isOwn?: ((author: Uint8Array) => boolean) | undefined
  /** From whom nothing is taken. */
  isBarred?: ((author: Uint8Array) => boolean) | undefined
  /** Both signatures are good. */
  onConflict?: ((conflict: Conflict) => void) | undefined
  /** The record of the chain at the place of another one. */
  recordAt(place: Uint8Array): CheckedEntry | undefined
}

interface Waiting {
  entry: CheckedEntry
  since: number
}

/**
 * Records that wait for a block, in the order of their streams. Everything that comes in is verified and counted against the limits;
 * what a reorganisation gives back is not: it was accepted before. What is changed here is written by the journal's next commit.
 */
export class Mempool {
  readonly #init: MempoolInit
  readonly #streams = new Map<string, Map<number, Waiting>>()
  readonly #ofAuthor = new Map<string, number>()
  #size = 0
  #bytes = 0

  constructor(init: MempoolInit) {
    this.#init = init
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Forgets everything, and takes in what is on disk. */
  async reload(stored: AsyncIterable<[string, Uint8Array]>): Promise<void> {
    this.#streams.clear()
    this.#ofAuthor.clear()
    this.#size = 0
    this.#bytes = 0
    const passed: CheckedEntry[] = []
    for await (const [, value] of stored) {
      const bytes = value.slice(72)
      const entry = {
        bytes,
        record: decodeRecord(bytes),
        id: recordId(bytes),
        signature: value.slice(8, 72),
        isVerified: true
      }
      this.#add(entry, readUint64(viewOf(value), 0))
      if (this.#isPassed(entry)) passed.push(entry)
    }
    for (const entry of passed) this.#remove(entry)
  }

  /** Takes in a record with its signature. Never throws for bad input. */
  offer(bytes: Uint8Array, signature: Uint8Array, now: number): Admittance {
    const entry = this.#read(bytes, signature)
    if (entry === undefined) return 'invalid'
    const { record, id } = entry
    const { author, sequence } = record
    if (!isAdmitted(this.#init.chain.params, author)) return 'invalid'
    if (this.#init.isBarred?.(author) === true) return 'barred'
    const head = this.#headOf(entry).sequence
    if (sequence <= head) {
      this.#compare(entry, this.#init.recordAt(positionOf(record)))
      return 'passed'
    }
    const known = this.#streams.get(keyOf(entry))?.get(sequence)?.entry
    if (known !== undefined) {
      if (equalBytes(known.id, id)) return 'known'
      return this.#compare(entry, known) ? 'conflict' : 'invalid'
    }
    if (sequence > head + MEMPOOL_LIMITS.ahead) return 'ahead'
    // the costly check comes last
    if (this.#isFull(entry)) return 'full'
    if (!this.#isSigned(entry)) return 'invalid'
    this.#put(entry, now)
    return 'accepted'
  }

  /** Puts back what a block had that is no longer in the chain. */
  restore(entries: readonly CheckedEntry[], now: number): void {
    for (const entry of entries) {
      if (this.#isPassed(entry)) continue
      if (this.#streams.get(keyOf(entry))?.has(entry.record.sequence) !== true) {
        this.#put({ ...entry, isVerified: true }, now)
      }
    }
  }

  /** Drops what the chain has, or has passed, of the streams that these records are of. */
  drop(entries: readonly CheckedEntry[]): void {
    for (const entry of entries) {
      for (const { entry: waiting } of this.#streams.get(keyOf(entry))?.values() ?? []) {
        if (waiting.record.sequence <= entry.record.sequence) this.#remove(waiting)
      }
    }
  }

  /** Drops what waited too long. */
  prune(now: number): void {
    for (const stream of this.#streams.values()) {
      for (const { entry, since } of stream.values()) {
        const isOwn = this.#init.isOwn?.(entry.record.author) === true
        if (!isOwn && now - since > MEMPOOL_LIMITS.age) this.#remove(entry)
      }
    }
  }

  /** What the next block may have, as much as fits into `bytes`: whole runs that continue the chain, streams in turn by age. */
  pick(records: number, bytes: number): CheckedEntry[] {
    const picked: CheckedEntry[] = []
    const claimed = new Map<string, ClaimedState>()
    let left = bytes
    const streams = [...this.#streams.values()].sort((a, b) => sinceOf(a) - sinceOf(b))
    for (const stream of streams) {
      let head = this.#headOf(stream.values().next().value!.entry)
      for (;;) {
        const next = stream.get(head.sequence + 1)?.entry
        if (next === undefined || !equalBytes(next.record.previous, head.id) || !this.#mayClaim(next, claimed)) break
        if (this.#init.isBarred?.(next.record.author) === true) break
        left -= entryLength(next.bytes.length, this.#init.chain.signedRecords)
        if (left < 0 || picked.length === records) return picked
        picked.push(next)
        head = { sequence: next.record.sequence, id: next.id }
      }
    }
    return picked
  }

  /** The last record of a stream, in the chain or waiting without a gap before it. */
  headOf(author: Uint8Array, stream: number): Head {
    let head = this.#init.state.headOf(author, stream) ?? { sequence: 0, id: ZERO_HASH }
    const waiting = this.#streams.get(streamKey(author, stream))
    for (let next = waiting?.get(head.sequence + 1); next !== undefined; next = waiting?.get(head.sequence + 1)) {
      head = { sequence: next.entry.record.sequence, id: next.entry.id }
    }
    return head
  }

  /** What an author claims last of a chain of its own in what waits, and the record that does. */
  claimOf(author: Uint8Array, chain: Uint8Array): { claim: ClaimedState; id: Uint8Array } | undefined {
    let last: { claim: ClaimedState; id: Uint8Array } | undefined
    for (const stream of this.#streams.values()) {
      for (const { entry } of stream.values()) {
        if (!equalBytes(entry.record.author, author)) break
        const claim = claimIn(entry.record)
        if (claim === undefined || !equalBytes(claim.chain, chain)) continue
        if (last === undefined || claim.size > last.claim.size) last = { claim, id: entry.id }
      }
    }
    return last
  }

  /** The record that waits with a number of a stream. */
  at(author: Uint8Array, stream: number, sequence: number): CheckedEntry | undefined {
    return this.#streams.get(streamKey(author, stream))?.get(sequence)?.entry
  }

  has(id: Uint8Array): boolean {
    for (const stream of this.#streams.values()) {
      for (const { entry } of stream.values()) if (equalBytes(entry.id, id)) return true
    }
    return false
  }

  /** Records after a position (44 bytes, or none), in the order of their positions, as many as fit. */
  page(after: Uint8Array, records: number, bytes: number): CheckedEntry[] {
    const later: Array<{ position: Uint8Array; entry: CheckedEntry }> = []
    for (const stream of this.#streams.values()) {
      for (const { entry } of stream.values()) {
        const position = positionOf(entry.record)
        if (after.length === 0 || compareBytes(position, after) > 0) later.push({ position, entry })
      }
    }
    later.sort((a, b) => compareBytes(a.position, b.position))
    const page: CheckedEntry[] = []
    let length = 0
    for (const { entry } of later.slice(0, records)) {
      length += entry.bytes.length + 64
      if (length > bytes && page.length > 0) break
      page.push(entry)
    }
    return page
  }

  /** Decoded, and of a form that a block of this chain may have. */
  #read(bytes: Uint8Array, signature: Uint8Array): CheckedEntry | undefined {
    const { params } = this.#init.chain
    try {
      if (bytes.length > params.maxRecordLength) return undefined
      const record = decodeRecord(bytes)
      if (!params.kinds.some(kind => KIND[kind] === record.kind)) return undefined
      claimIn(record)
      return { bytes, record, id: recordId(bytes), signature, isVerified: true }
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
  }

  #isSigned({ record, id, signature }: CheckedEntry): boolean {
    return verifyRecord(this.#init.chain.id, record.author, id, signature!)
  }

  /** Whether `offered` is signed, and is another record than the one that has its place. Then that is told. */
  #compare(offered: CheckedEntry, known: CheckedEntry | undefined): boolean {
    if (known === undefined || equalBytes(known.id, offered.id) || !this.#isSigned(offered)) return false
    this.#init.onConflict?.({ known, offered })
    return true
  }

  /** A claim that does not continue its author's last one waits: a block with it would not be valid. */
  #mayClaim({ record }: CheckedEntry, claimed: Map<string, ClaimedState>): boolean {
    const claim = claimIn(record)
    if (claim === undefined) return true
    const key = claimKey(record.author, claim.chain)
    if (!continuesClaim(claim, claimed.get(key) ?? this.#init.state.claimOf(record.author, claim.chain))) return false
    claimed.set(key, claim)
    return true
  }

  #headOf({ record: { author, stream } }: CheckedEntry): Head {
    return this.#init.state.headOf(author, stream) ?? { sequence: 0, id: ZERO_HASH }
  }

  #isPassed(entry: CheckedEntry): boolean {
    return entry.record.sequence <= this.#headOf(entry).sequence
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
    const time = new Uint8Array(8)
    writeUint64(viewOf(time), 0, since)
    this.#init.journal.put(KEYS.waiting(positionOf(entry.record)), concatBytes(time, entry.signature!, entry.bytes))
    this.#add(entry, since)
  }

  #add(entry: CheckedEntry, since: number): void {
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
    this.#init.journal.delete(KEYS.waiting(positionOf(entry.record)))
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
const streamKey = (author: Uint8Array, stream: number): string => `${toHex(author)}/${stream}`
const keyOf = ({ record: { author, stream } }: CheckedEntry): string => streamKey(author, stream)
