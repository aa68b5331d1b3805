import { equalBytes, toHex } from '../bytes.ts'
import { decodeRecord, recordId } from '../record.ts'
import { payloadOf } from './group.ts'
import { sequencesLike } from './ids.ts'
import { blockAt, contentOf, heightOf, ItemReader, recordsOf } from './lookup.ts'
import type { MadeRecord } from './pending.ts'
import type { ChainTransaction } from './store.ts'
import type { StoredRecord } from './stored-record.ts'

export interface NumberedRecord extends StoredRecord {
  sequence: number
  /** Of its block; undefined while it is in none. */
  height: number | undefined
}

/** What records without a block will be in it, up to the group of one of them. */
export type MadeSource = (to?: number) => AsyncIterable<{ first: number; made: readonly MadeRecord[] }>

/** Reads records in one transaction, with what is kept of them. Those that follow each other cost little more than one. */
export class RecordReader {
  readonly #transaction: ChainTransaction
  readonly #sealed: number
  readonly #made: MadeSource
  readonly #items: ItemReader
  #block: { first: number; height: number; records: readonly Uint8Array[] } | undefined
  #pending: { first: number; made: readonly MadeRecord[] } | undefined

  /** `sealed` is the number of the last record in a block. */
  constructor(transaction: ChainTransaction, sealed: number, made: MadeSource) {
    this.#transaction = transaction
    this.#sealed = sealed
    this.#made = made
    this.#items = new ItemReader(transaction)
  }

  /** The record with this number; undefined when there is none, or no more. */
  async at(sequence: number): Promise<NumberedRecord | undefined> {
    const found = sequence <= this.#sealed ? await this.#inBlock(sequence) : await this.#withoutBlock(sequence)
    if (found === undefined) return undefined
    const item = await this.#items.at(sequence)
    const payload = item && payloadOf(item)
    return { ...found, sequence, record: decodeRecord(found.bytes), ...(payload === undefined ? {} : { payload }) }
  }

  /** What is kept beside a record. */
  async contentAt(sequence: number): Promise<Uint8Array | undefined> {
    const item = await this.#items.at(sequence)
    return item && contentOf(this.#transaction, sequence, item)
  }

  /** Records whose ids begin with these digits, eight of which are looked at before the records themselves. */
  async like(digits: string): Promise<NumberedRecord[]> {
    const found: NumberedRecord[] = []
    for (const sequence of await sequencesLike(this.#transaction, digits)) {
      const record = await this.at(sequence)
      if (record !== undefined && toHex(record.id).startsWith(digits)) found.push(record)
    }
    for await (const { first, made } of this.#made()) {
      for (const [i, { id }] of made.entries()) {
        const isSealed = found.some(one => equalBytes(one.id, id))
        if (!isSealed && toHex(id).startsWith(digits)) found.push((await this.at(first + i))!)
      }
    }
    return found
  }

  async #inBlock(sequence: number): Promise<(MadeRecord & { height: number }) | undefined> {
    const known = this.#block
    if (known === undefined || sequence < known.first || sequence >= known.first + known.records.length) {
      const height = await heightOf(this.#transaction, sequence)
      const block = height === undefined ? undefined : await blockAt(this.#transaction, height)
      if (block === undefined) return undefined
      this.#block = { first: block.first, height: block.height, records: recordsOf(block) }
    }
    const { first, height, records } = this.#block!
    const bytes = records[sequence - first]
    return bytes && { bytes, id: recordId(bytes), height }
  }

  async #withoutBlock(sequence: number): Promise<(MadeRecord & { height: undefined }) | undefined> {
    const known = this.#pending
    if (known === undefined || sequence < known.first || sequence >= known.first + known.made.length) {
      this.#pending = undefined
      for await (const group of this.#made(sequence)) this.#pending = group
    }
    const made = this.#pending?.made[sequence - this.#pending.first]
    return made && { ...made, height: undefined }
  }
}
