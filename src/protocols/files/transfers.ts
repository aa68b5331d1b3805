import { join } from 'node:path'
import { TalosError } from '../../errors.ts'
import { MAX_FINISHED } from './constants.ts'
import type { FileOffer, FilesEvents, Transfer } from './index.ts'
import type { Counts } from './messages.ts'
import type { IncomingRecord, OutgoingRecord, TransferRecord, TransferRecords } from './records.ts'

/** The rate is that of so many milliseconds. */
const RATE_WINDOW = 3_000
/** Progress is told at most so often. Milliseconds. */
const TOLD_INTERVAL = 100

interface Live {
  counts: Counts
  /** Bytes at moments of the last seconds, oldest first. */
  samples: Array<{ at: number; bytes: number }>
  toldAt: number
}

type Dispatch = <Name extends keyof FilesEvents>(name: Name, detail: FilesEvents[Name]['detail']) => void

/** All transfers as they are known, what is under way of them, and who is told. */
export class Transfers {
  readonly #records: TransferRecords
  readonly #downloadDir: string
  readonly #dispatch: Dispatch
  readonly #known = new Map<string, TransferRecord>()
  readonly #live = new Map<string, Live>()
  readonly #waiters = new Map<string, Set<() => void>>()

  constructor(records: TransferRecords, downloadDir: string, dispatch: Dispatch) {
    this.#records = records
    this.#downloadDir = downloadDir
    this.#dispatch = dispatch
  }

  async load(): Promise<void> {
    this.#known.clear()
    for (const record of await this.#records.all()) this.#known.set(record.id, record)
  }

  get(id: string): TransferRecord | undefined {
    return this.#known.get(id)
  }

  incoming(): IncomingRecord[] {
    return [...this.#known.values()].filter(record => record.direction === 'in')
  }

  outgoing(): OutgoingRecord[] {
    return [...this.#known.values()].filter(record => record.direction === 'out')
  }

  list(): Transfer[] {
    return [...this.#known.values()].sort((a, b) => b.createdAt - a.createdAt).map(record => this.view(record))
  }

  isActive(id: string): boolean {
    return this.#live.has(id)
  }

  offered(offer: FileOffer): void {
    this.#dispatch('offer', offer)
  }

  refused(offer: FileOffer, code: string): void {
    this.#dispatch('refused', { offer, code })
  }

  /** A record that is on disk. */
  add(record: TransferRecord): void {
    this.#known.set(record.id, record)
    this.#tell(record)
  }

  /** Content is on its way. */
  begin(record: TransferRecord): void {
    delete record.reason
    this.#live.set(record.id, { counts: { ...record.done }, samples: [], toldAt: 0 })
    this.#tell(record)
  }

  progress(record: TransferRecord, counts: Counts): void {
    const live = this.#live.get(record.id)
    if (live === undefined) return
    live.counts = counts
    const at = performance.now()
    if (at - live.toldAt < TOLD_INTERVAL) return
    live.toldAt = at
    live.samples.push({ at, bytes: counts.bytes })
    while (at - live.samples[0]!.at > RATE_WINDOW) live.samples.shift()
    this.#tell(record)
  }

  /** It goes on later. */
  pause(record: TransferRecord, { code, message }: TalosError): void {
    record.reason = { code, message }
    this.#tell(record)
  }

  /** Content is no longer on its way. */
  end(id: string): void {
    this.#live.delete(id)
  }

  /** It is over: done, failed or cancelled, and that is on disk. */
  finished(record: TransferRecord): void {
    this.end(record.id)
    this.#dispatch(record.state === 'done' ? 'done' : 'failed', this.view(record))
    for (const wake of this.#waiters.get(record.id) ?? []) wake()
    const over = [...this.#known.values()].filter(({ state }) => state !== 'waiting')
    if (over.length <= MAX_FINISHED) return
    const oldest = over.sort((a, b) => a.updatedAt - b.updatedAt).slice(0, over.length - MAX_FINISHED)
    for (const { id } of oldest) this.#known.delete(id)
    // what is not removed now is removed with the next
    void this.#records.remove(oldest).catch(() => {})
  }

  /** Resolves when it is done; throws why it is not. */
  async completed(id: string, signal: AbortSignal): Promise<Transfer> {
    for (;;) {
      signal.throwIfAborted()
      const record = this.#known.get(id)
      if (record === undefined) throw unknownTransfer(id)
      if (record.state === 'done') return this.view(record)
      if (record.state !== 'waiting') {
        throw new TalosError(record.reason?.code ?? 'FILE_FAILED', record.reason?.message ?? 'the transfer has failed')
      }
      await this.#change(id, signal)
    }
  }

  view(record: TransferRecord): Transfer {
    const live = this.#live.get(record.id)
    const { entries, bytes } = live?.counts ?? record.done
    const [first, last] = [live?.samples[0], live?.samples.at(-1)]
    const seconds = first === undefined || last === undefined ? 0 : (last.at - first.at) / 1000
    const { id, direction, peer, name, directory, mediaType, size, state, createdAt, updatedAt } = record
    return {
      ...{ id, direction, peer, name, directory, mediaType, size, createdAt, updatedAt },
      entries: record.entries,
      state: live === undefined ? state : 'active',
      doneBytes: bytes,
      doneEntries: entries,
      rate: seconds === 0 ? 0 : Math.max(0, (last!.bytes - first!.bytes) / seconds),
      path: record.direction === 'out' ? record.path : this.#pathOf(record),
      reason: record.reason,
      resumable: record.direction === 'out' && record.resumable === true,
      skipped: record.direction === 'out' ? record.skipped : [],
      skippedCount: record.direction === 'out' ? record.skippedCount : 0
    }
  }

  #pathOf({ state, target }: IncomingRecord): string | undefined {
    return state === 'done' && target !== undefined ? join(this.#downloadDir, target) : undefined
  }

  #tell(record: TransferRecord): void {
    this.#dispatch('progress', this.view(record))
  }

  async #change(id: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiters = this.#waiters.get(id) ?? new Set()
    this.#waiters.set(id, waiters.add(resolve))
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    waiters.delete(resolve)
    if (waiters.size === 0) this.#waiters.delete(id)
  }
}

export function unknownTransfer(id: string): TalosError {
  return new TalosError('FILE_UNKNOWN', `there is no transfer ${id}`)
}
