import { Worker } from 'node:worker_threads'
import { TalosError } from '../../errors.ts'
import type { Counts } from './messages.ts'
import type { DigestsText } from './records.ts'
import type { SinkJob } from './sink.ts'
import { slotMemory } from './slots.ts'
import type { SourceJob, Survey } from './source.ts'

/** A transfer that follows soon finds a thread that runs. */
const KEPT_IDLE = 2
const IDLE_TIME = 10_000

/** A thread that does not end by itself within this time is stopped. Milliseconds. */
const END_WITHIN = 5_000

/** A sealed message of that many bytes is in the next slot. */
interface InSlot {
  type: 'frame'
  length: number
  last: boolean
  /** Of the file that it ends, if that is the whole transfer. */
  digests?: DigestsText
}

export type ToWorker =
  | { type: 'survey'; path: string }
  | { type: 'digests'; path: string; digest: string }
  | { type: 'usage'; folder: string; entryCost: number }
  | { type: 'send'; job: SourceJob; key: Uint8Array }
  | { type: 'credit' }
  | { type: 'stop'; code: string }
  | { type: 'receive'; job: SinkJob; key: Uint8Array }
  | { type: 'end' }
  | InSlot

export type FromWorker =
  | { type: 'result'; value: Survey | number | DigestsText }
  | InSlot
  | { type: 'sent' }
  | { type: 'taken'; counts: Counts; whole: Counts; complete: boolean; digests?: DigestsText }
  | { type: 'error'; code: string; message: string; hint: string | undefined }

/** A thread that does one job at a time. */
export interface ContentWorker {
  /** Of its slots (slots.ts). */
  readonly memory: SharedArrayBuffer
  post(message: ToWorker): void
  /** What comes from the worker until it is given back. An error of the job comes as `error`, one of the thread too. */
  onMessage: (message: FromWorker) => void
}

/** The threads that read, hash, seal, open, verify and write. */
export class WorkerPool {
  readonly #idle: Array<{ worker: PooledWorker; timer: NodeJS.Timeout }> = []
  readonly #busy = new Set<PooledWorker>()

  acquire(): ContentWorker {
    const idle = this.#idle.pop()
    clearTimeout(idle?.timer)
    const worker = idle?.worker ?? new PooledWorker()
    worker.begin()
    this.#busy.add(worker)
    return worker
  }

  /** `reusable` when its job has come to an end; a job that has not is ended with its thread, which closes its files. */
  async release(taken: ContentWorker, reusable: boolean): Promise<void> {
    const worker = taken as PooledWorker
    if (!this.#busy.delete(worker)) return
    worker.rest()
    if (!reusable || worker.isDead || this.#idle.length >= KEPT_IDLE) {
      await worker.end()
      return
    }
    const entry = { worker, timer: setTimeout(() => this.#drop(entry), IDLE_TIME).unref() }
    this.#idle.push(entry)
  }

  /** One question and its answer. Throws what the job throws. */
  async ask<T extends Survey | number | DigestsText>(question: ToWorker, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const worker = this.acquire()
    const answer = Promise.withResolvers<T>()
    const onAbort = (): void => answer.reject(signal!.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    let isOver = false
    worker.onMessage = message => {
      isOver = true
      if (message.type === 'result') answer.resolve(message.value as T)
      else answer.reject(message.type === 'error' ? errorOf(message) : new Error('the worker answered something else'))
    }
    try {
      worker.post(question)
      return await answer.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
      await this.release(worker, isOver)
    }
  }

  async close(): Promise<void> {
    const idle = this.#idle.splice(0)
    for (const { timer } of idle) clearTimeout(timer)
    await Promise.all([...idle.map(({ worker }) => worker.end()), ...[...this.#busy].map(worker => worker.end())])
    this.#busy.clear()
  }

  #drop(entry: { worker: PooledWorker; timer: NodeJS.Timeout }): void {
    const at = this.#idle.indexOf(entry)
    if (at >= 0) this.#idle.splice(at, 1)
    void entry.worker.end()
  }
}

export function errorOf({ code, message, hint }: FromWorker & { type: 'error' }): TalosError {
  return new TalosError(code, message, hint === undefined ? {} : { hint })
}

class PooledWorker implements ContentWorker {
  onMessage: (message: FromWorker) => void = () => {}
  isDead = false
  readonly memory = slotMemory()
  readonly #worker: Worker
  readonly #ended = Promise.withResolvers<void>()

  constructor() {
    // in the checkout this file is beside the worker, in the bundle it is part of a chunk in dist/
    const isSource = import.meta.url.endsWith('/worker-pool.ts')
    const file = isSource ? './content.worker.ts' : './protocols/files/content.worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), {
      execArgv: [],
      env: {},
      workerData: this.memory,
      resourceLimits: { maxYoungGenerationSizeMb: 3 }
    })
    this.#worker.on('message', (message: FromWorker) => this.onMessage(message))
    this.#worker.on('error', error => this.#die(error.message))
    this.#worker.on('exit', () => {
      this.#die('it ended')
      this.#ended.resolve()
    })
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  begin(): void {
    this.#worker.ref()
  }

  rest(): void {
    this.onMessage = () => {}
    this.#worker.unref()
  }

  /** Lets it end between two messages: a thread that is stopped while OpenSSL hashes for it takes the whole process along. */
  async end(): Promise<void> {
    this.onMessage = () => {}
    this.isDead = true
    this.post({ type: 'end' })
    const timer = setTimeout(() => void this.#worker.terminate(), END_WITHIN)
    await this.#ended.promise
    clearTimeout(timer)
  }

  #die(why: string): void {
    if (this.isDead) return
    this.isDead = true
    this.onMessage({
      type: 'error',
      code: 'FILE_FAILED',
      message: `the thread of a transfer failed: ${why}`,
      hint: undefined
    })
  }
}
