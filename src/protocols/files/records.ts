import type { Entry } from '../../chain/index.ts'
import type { Recorder, SessionStore, Transaction } from '../sessions/index.ts'
import type { Counts } from './messages.ts'

export type TransferState = 'waiting' | 'active' | 'done' | 'failed' | 'cancelled'

export interface Reason {
  code: string
  message: string
}

/** What both sides computed of a file: hexadecimal, so that it can be part of a record. */
export interface DigestsText {
  sha256: string
  root: string
}

interface Common {
  /** Hexadecimal, ours: nobody else chose it. */
  id: string
  peer: string
  name: string
  directory: boolean
  size: number
  entries: number
  mediaType: string
  createdAt: number
  updatedAt: number
  state: Exclude<TransferState, 'active'>
  reason?: Reason | undefined
  /** Verified and on the receiver's disk, as far as was known when the record was written. */
  done: Counts
  /** Of a file, once its last byte was read or written. */
  digests?: DigestsText
}

/** A transfer that we send. Its `id` is the transfer id on the wire. */
export interface OutgoingRecord extends Common {
  direction: 'out'
  path: string
  digest: string
  expiresAt: number
  skipped: string[]
  skippedCount: number
  /** The receiver has accepted it, and that is recorded. */
  isAccepted?: boolean
  /** It has failed, and goes on from what the receiver has when the same is sent again. */
  resumable?: boolean
}

/** A transfer that we have accepted. Its `id` names its folder, too. */
export interface IncomingRecord extends Common {
  direction: 'in'
  /** Hexadecimal, chosen by the sender. */
  transferId: string
  /** What the sender calls it, where that is not `name`: it may be no name for a file here. */
  offeredName?: string
  /** Entries below this number may have been begun. Ahead of `done.entries`, so that it need not be written for each. */
  begun: number
  /** The name in the download folder, once it is chosen: all has come, and it may be there already. */
  target?: string
}

export type TransferRecord = OutgoingRecord | IncomingRecord

const OUT = 'file/out/'
const IN = 'file/in/'

const keyOf = (record: { direction: 'in' | 'out'; id: string }): string =>
  `${record.direction === 'out' ? OUT : IN}${record.id}`

/** The transfers of a node on disk. Keys are `file/out/<id>` and `file/in/<id>`; values are JSON. */
export class TransferRecords {
  readonly #store: SessionStore
  readonly #record: Recorder | undefined

  constructor(store: SessionStore, record?: Recorder) {
    this.#store = store
    this.#record = record
  }

  /** `entry` is what the agent's chain says of it: the one is on disk when the other is. */
  put(record: TransferRecord, entry?: Entry): Promise<void> {
    return this.#store.transact(async transaction => {
      write(transaction, record)
      if (entry !== undefined) await this.#record?.(transaction, [entry])
    })
  }

  /** Changes a record when the change is on disk, and with it what the chain says of it: what could not be written has not happened. */
  async change<T extends TransferRecord>(
    record: T,
    changes: Partial<T>,
    entryOf?: (changed: T) => Entry
  ): Promise<void> {
    const changed = { ...record, ...changes }
    await this.put(changed, entryOf?.(changed))
    Object.assign(record, changes)
  }

  async all(): Promise<TransferRecord[]> {
    return this.#store.transact(async transaction => {
      const keys = [...(await transaction.keys(OUT)), ...(await transaction.keys(IN))]
      const records: TransferRecord[] = []
      for (const key of keys) {
        const value = await transaction.get(key)
        if (value !== undefined) records.push(JSON.parse(Buffer.from(value).toString()))
      }
      return records
    })
  }

  remove(records: readonly TransferRecord[]): Promise<void> {
    return this.#store.transact(async transaction => {
      for (const record of records) transaction.delete(keyOf(record))
    })
  }
}

function write(transaction: Transaction, record: TransferRecord): void {
  transaction.put(keyOf(record), Uint8Array.from(Buffer.from(JSON.stringify(record))))
}
