import { randomBytes } from 'node:crypto'
import { viewOf } from '../../chain/bytes.ts'
import {
  commit,
  decodePayload,
  encodePayload,
  type Field,
  type Payload,
  SECRET_LENGTH
} from '../../chain/commitment.ts'
import { type Extension, encodeRecord, KIND, type KindName, recordId } from '../../chain/record.ts'
import { signRecord } from '../../chain/record-signature.ts'
import type { Producer } from '../../chain/shared/propose.ts'
import type { SharedChain } from '../../chain/shared/shared-chain.ts'
import type { SharedStore } from '../../chain/shared/store.ts'
import { TalosError } from '../../errors.ts'

/** The number of our stream of records, random for each installation. */
const STREAM_KEY = 'o'

/** A record of ours for a shared chain. */
export interface OwnRecord {
  id: Uint8Array
  record: Uint8Array
  signature: Uint8Array
}

/** Where the contents of our records are kept, which nobody else has: sealed. By the id of the record. */
export interface Payloads {
  get(id: Uint8Array): Promise<Uint8Array | undefined>
  put(id: Uint8Array, payload: Uint8Array): Promise<void>
  delete(id: Uint8Array): Promise<void>
}

/** Writes records in our name into a shared chain, each after the one before it. */
export class OwnRecords {
  readonly #shared: SharedChain
  readonly #payloads: Payloads | undefined
  readonly #author: Producer
  readonly #stream: number
  #running: Promise<unknown> = Promise.resolve()

  private constructor(shared: SharedChain, author: Producer, stream: number, payloads: Payloads | undefined) {
    this.#shared = shared
    this.#payloads = payloads
    this.#author = author
    this.#stream = stream
  }

  /** @param payloads without it the contents of a record are forgotten when it is written, and cannot be opened */
  static async open(
    shared: SharedChain,
    store: SharedStore,
    author: Producer,
    payloads?: Payloads
  ): Promise<OwnRecords> {
    let known = store.get(STREAM_KEY)
    if (known === undefined) {
      known = new Uint8Array(randomBytes(4))
      await store.write(new Map([[STREAM_KEY, known]]), true)
    }
    return new OwnRecords(shared, author, viewOf(known).getUint32(0), payloads)
  }

  /**
   * Makes the next record; it is on disk, and waits for a block, when this resolves. Others see its kind and its author, and nothing of its fields.
   *
   * @throws CHAIN_WAITING_FULL while too many of ours wait, CHAIN_NOT_ADMITTED, CHAIN_FORMAT, STORAGE_*
   */
  write(kind: KindName, extensions: readonly Extension[], fields: readonly Field[], now: number): Promise<OwnRecord> {
    const writing = this.#running.then(() => this.#write(kind, extensions, fields, now))
    this.#running = writing.catch(() => {})
    return writing
  }

  /** What one of our records commits to; undefined for any other record. */
  async payload(id: Uint8Array): Promise<Payload | undefined> {
    const kept = await this.#payloads?.get(id)
    return kept && decodePayload(kept)
  }

  async #write(
    kind: KindName,
    extensions: readonly Extension[],
    fields: readonly Field[],
    time: number
  ): Promise<OwnRecord> {
    const { chain, mempool } = this.#shared
    const { publicKey: author } = this.#author
    const head = mempool.headOf(author, this.#stream)
    const payload = {
      secret: new Uint8Array(randomBytes(SECRET_LENGTH)),
      fields: [{ name: 'kind', value: kind }, ...fields]
    }
    const record = encodeRecord({
      kind: KIND[kind],
      author,
      stream: this.#stream,
      sequence: head.sequence + 1,
      previous: head.id,
      time,
      commitment: commit(payload),
      extensions
    })
    const id = recordId(record)
    const signature = signRecord(this.#author, chain.id, id)
    // first: what is in the chain can be opened whatever happens in between
    await this.#payloads?.put(id, encodePayload(payload))
    const verdict = this.#shared.offer(record, signature)
    if (verdict !== 'accepted') await this.#payloads?.delete(id)
    if (verdict === 'full' || verdict === 'ahead') {
      throw new TalosError('CHAIN_WAITING_FULL', 'too many records wait for a block of the shared chain', {
        hint: 'Try again when blocks are made: is anybody connected who makes them?'
      })
    }
    if (verdict !== 'accepted') {
      throw new TalosError(
        'CHAIN_NOT_ADMITTED',
        `the shared chain takes no ${kind} records of this identity (${verdict})`,
        {
          hint: "Its network file names who may write and what; this identity's key is in talos status."
        }
      )
    }
    await this.#shared.written(true)
    return { id, record, signature }
  }
}
