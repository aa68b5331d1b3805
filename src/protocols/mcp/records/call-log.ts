import { TalosError } from '../../../errors.ts'
import type { CallRecord } from './call-record.ts'

/** Puts records on disk, all or none. Throws what the store throws. */
export type WriteCalls = (records: readonly CallRecord[]) => Promise<void>

/** Records that wait, above which who makes them waits. */
const HIGH_WATER = 2_048
/** Records that nobody waits for are written with those that somebody does, or after so long. Milliseconds. */
const LINGER = 50
/** Records for which it is not worth waiting for more. */
const FULL_GROUP = 256
/** After a failure it is tried again. Milliseconds. */
const RETRY_AFTER = 1_000
/** How long close() tries. Milliseconds. */
const CLOSE_WITHIN = 2_000

/** Records that are written together. */
export interface Batch {
  readonly state: 'pending' | 'written' | 'failed'
  /** Resolves when it is pending no more. */
  readonly settled: Promise<void>
}

class OpenBatch implements Batch {
  state: Batch['state'] = 'pending'
  readonly #settled = Promise.withResolvers<void>()

  get settled(): Promise<void> {
    return this.#settled.promise
  }

  settle(state: 'written' | 'failed'): void {
    this.state = state
    this.#settled.resolve()
  }
}

/**
 * The records of the tunnels of this process on their way to the chain: written in groups, one after the other, in order. What could
 * not be written is kept and tried again; while that is so, `isFailing`, and when too much waits, `isFull`.
 */
export class CallLog implements AsyncDisposable {
  readonly #write: WriteCalls
  readonly #onFailure: (error: Error) => void
  #waiting: CallRecord[] = []
  #batch = new OpenBatch()
  /** Somebody waits for what waits. */
  #isAwaited = false
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #room: PromiseWithResolvers<void> | undefined
  #isClosed = false
  isFailing = false

  /** @param onFailure told when writing fails that succeeded before */
  constructor(write: WriteCalls, onFailure: (error: Error) => void = () => {}) {
    this.#write = write
    this.#onFailure = onFailure
  }

  /** Records in order. `isAwaited`: the caller waits for the batch to be written. */
  add(record: CallRecord, isAwaited: boolean): Batch {
    this.#waiting.push(record)
    const batch = this.#batch
    if (isAwaited) this.#isAwaited = true
    if (isAwaited || (this.#waiting.length >= FULL_GROUP && !this.isFailing)) this.#start()
    else this.#schedule(this.isFailing ? RETRY_AFTER : LINGER)
    return batch
  }

  /** Whoever can wait does before it adds more: until there is room, or until it turns out that there will be none. */
  get isFull(): boolean {
    return this.#waiting.length >= HIGH_WATER
  }

  async room(): Promise<void> {
    while (this.isFull && !this.isFailing && !this.#isClosed) {
      this.#room ??= Promise.withResolvers()
      this.#start()
      await this.#room.promise
    }
  }

  /** Writes what waits. What cannot be written by then is lost; whoever waited for it has been told so. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, CLOSE_WITHIN)
    })
    await Promise.race([this.#writeAll(), late])
    clearTimeout(timer)
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#room?.resolve()
  }

  async #writeAll(): Promise<void> {
    do {
      this.#start()
      await this.#running
    } while (this.#waiting.length > 0 && !this.isFailing && !this.#isClosed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #schedule(delay: number): void {
    if (this.#isClosed) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, delay).unref()
  }

  #start(): void {
    if (this.#running !== undefined || this.#isClosed || this.#waiting.length === 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      // who waits is told whether it can be written now, or not yet
      if (this.#isAwaited) this.#start()
      else if (this.isFailing) this.#schedule(RETRY_AFTER)
      else if (this.#waiting.length > 0) this.#schedule(LINGER)
    })
  }

  async #run(): Promise<void> {
    do {
      // what is recorded in the same turn of the event loop goes into the same write
      await Promise.resolve()
      const records = this.#waiting
      const batch = this.#batch
      this.#waiting = []
      this.#batch = new OpenBatch()
      this.#isAwaited = false
      try {
        await this.#write(records)
        this.isFailing = false
        batch.settle('written')
      } catch (error) {
        this.#failed(records, error as Error)
        batch.settle('failed')
      }
      this.#room?.resolve()
      this.#room = undefined
    } while (!this.isFailing && (this.#isAwaited || this.#waiting.length >= FULL_GROUP) && !this.#isClosed)
  }

  #failed(records: CallRecord[], error: Error): void {
    const wasFailing = this.isFailing
    this.isFailing = true
    this.#waiting = records.concat(this.#waiting)
    if (wasFailing) return
    this.#onFailure(
      new TalosError('TUNNEL_NOT_RECORDED', `tool calls cannot be recorded: ${error.message}`, { cause: error })
    )
  }
}
