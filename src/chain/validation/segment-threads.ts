import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { TalosError } from '../../errors.ts'
import type { SegmentJob, SegmentResult } from './segment.ts'

/** Results that wait for one of an earlier segment, for each thread: what is ahead of it is in memory. */
const AHEAD = 2

/**
 * Checks segments in threads, as they come: their results in the same order. Whoever stops reading ends the threads, each after the
 * segment that it is in.
 *
 * @throws CHAIN_THREAD_FAILED when a thread ends before its work, and what `segments` throws
 */
export async function* checkInThreads<T extends { job: SegmentJob }>(
  segments: AsyncIterable<T> | Iterable<T>,
  threads: number
): AsyncGenerator<{ segment: T; result: SegmentResult }, void> {
  const workers = Array.from({ length: threads }, () => new SegmentThread())
  const running: Array<Promise<{ segment: T; result: SegmentResult }>> = []
  let next = 0
  try {
    for await (const segment of segments) {
      const checking = workers[next++ % threads]!.run(segment.job).then(result => ({ segment, result }))
      // told where it is waited for
      checking.catch(() => {})
      running.push(checking)
      if (running.length > AHEAD * threads) yield await running.shift()!
    }
    while (running.length > 0) yield await running.shift()!
  } finally {
    await Promise.all(workers.map(worker => worker.end()))
  }
}

/** A thread, which does one job after the other; and one promise of its end: a listener for each job would be too many. */
class SegmentThread {
  readonly #worker: Worker
  readonly #ended: Promise<never>
  #last: Promise<unknown> = Promise.resolve()

  constructor() {
    // in the checkout this file is beside the worker, in the bundle it is part of a chunk in dist/
    const isSource = import.meta.url.endsWith('/segment-threads.ts')
    const file = isSource ? './segment.worker.ts' : './chain/validation/segment.worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), { execArgv: [], env: {} })
    // one that fails says so, and ends
    this.#ended = once(this.#worker, 'exit').then(
      () => Promise.reject(failed()),
      cause => Promise.reject(failed(cause))
    )
    this.#ended.catch(() => {})
  }

  run(job: SegmentJob): Promise<SegmentResult> {
    const running = this.#last.then(() => this.#run(job))
    this.#last = running.catch(() => {})
    return running
  }

  /** Not by terminate(): a thread that is stopped inside OpenSSL takes the whole process with it. */
  async end(): Promise<void> {
    this.#worker.postMessage(undefined)
    await this.#ended.catch(() => {})
  }

  async #run(job: SegmentJob): Promise<SegmentResult> {
    const { promise, resolve } = Promise.withResolvers<SegmentResult>()
    this.#worker.once('message', resolve)
    this.#worker.postMessage(job, [job.bytes.buffer as ArrayBuffer])
    try {
      return await Promise.race([promise, this.#ended])
    } finally {
      this.#worker.off('message', resolve)
    }
  }
}

function failed(cause?: unknown): TalosError {
  return new TalosError('CHAIN_THREAD_FAILED', 'a thread that checked blocks ended before its work', {
    hint: 'Is memory short? Try again.',
    ...(cause === undefined ? {} : { cause })
  })
}
