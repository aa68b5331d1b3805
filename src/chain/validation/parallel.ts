import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { TalosError } from '../../errors.ts'
import { blockHash } from '../block.ts'
import { toHex, ZERO_HASH } from '../bytes.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import { Frontier, hashLeaf } from '../tree.ts'
import { LAYERS } from './codes.ts'
import type { Level } from './context.ts'
import { headerOf, packBlocks, type SegmentJob, type SegmentResult } from './segment.ts'
import { type ChainReport, ChainValidator } from './validate-chain.ts'

/** Blocks that a thread gets at once. */
const SEGMENT = 64

export interface ParallelOptions {
  threads: number
  /** No anchors and no rules of the application: PARANOID is for one thread. @default 'STRICT' */
  level?: Exclude<Level, 'PARANOID'>
  now?: number
}

/**
 * Checks the blocks after the genesis block in several threads. A thread takes for granted what its first block says of those before; where one segment
 * ends and the next begins that is compared, so that the verdict is that of one thread.
 *
 * @throws CHAIN_THREAD_FAILED when a thread ends before its work
 */
export async function validateInThreads(
  blocks: readonly Uint8Array[],
  chain: Chain,
  { threads, level = 'STRICT', now = Date.now() }: ParallelOptions
): Promise<ChainReport> {
  const started = performance.now()
  const workers = Array.from({ length: threads }, () => new SegmentThread())
  const results: SegmentResult[] = []
  const jobs = segmentsOf(blocks, chain, level, now)
  let next = 0
  try {
    await Promise.all(
      workers.map(async worker => {
        for (let step = jobs.next(); step.done !== true; step = jobs.next()) {
          const at = next++
          results[at] = await worker.run(step.value)
          if (!results[at].report.valid) return
        }
      })
    )
  } finally {
    await Promise.all(workers.map(worker => worker.end()))
  }
  return { ...join(results, chain, level), duration: performance.now() - started }
}

/** A thread, and one promise of its end: a listener for each job would be too many. */
class SegmentThread {
  readonly #worker: Worker
  readonly #ended: Promise<never>

  constructor() {
    // in the checkout this file is beside the worker, in the bundle it is part of a chunk in dist/
    const isSource = import.meta.url.endsWith('/parallel.ts')
    const file = isSource ? './segment.worker.ts' : './chain/validation/segment.worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), { execArgv: [], env: {} })
    this.#ended = once(this.#worker, 'exit').then(() => {
      throw new TalosError('CHAIN_THREAD_FAILED', 'a thread that checked blocks ended before its work')
    })
    this.#ended.catch(() => {})
  }

  async run(job: SegmentJob): Promise<SegmentResult> {
    const { promise, resolve } = Promise.withResolvers<SegmentResult>()
    this.#worker.once('message', resolve)
    this.#worker.postMessage(job, [job.bytes.buffer as ArrayBuffer])
    return Promise.race([promise, this.#ended])
  }

  /** Not by terminate(): a thread that is stopped inside OpenSSL takes the whole process with it. */
  async end(): Promise<void> {
    this.#worker.postMessage(undefined)
    await this.#ended.catch(() => {})
  }
}

function* segmentsOf(
  blocks: readonly Uint8Array[],
  chain: Chain,
  level: Level,
  now: number
): Generator<SegmentJob, undefined> {
  let frontier = new Frontier().append(hashLeaf(chain.genesisHash)).frontier
  let times: number[] = [chain.params.genesisTime]
  let hash = chain.genesisHash
  for (let from = 0; from < blocks.length; from += SEGMENT) {
    const segment = blocks.slice(from, from + SEGMENT)
    const before = { height: from, hash, times, frontier: frontier.hashes }
    yield { ...packBlocks(segment), ...before, params: chain.encodedParams, level, now }
    try {
      for (const block of segment) {
        hash = blockHash(block)
        times = [...times.slice(-10), headerOf(block).time]
        frontier = frontier.append(hashLeaf(hash)).frontier
      }
    } catch (error) {
      // its thread says what is wrong with it, and nothing after it can be valid
      if (error instanceof FormatError) return undefined
      throw error
    }
  }
  return undefined
}

/** What the segments say together, up to the first that is not valid or does not follow the one before. */
function join(results: readonly SegmentResult[], chain: Chain, level: Level): ChainReport {
  // of each author and stream: number and id of its last record
  const heads = new Map<string, string>()
  const keyOf = ({ author, stream }: Head) => `${toHex(author)}/${stream}`
  const stateOf = ({ sequence, id }: Head) => `${sequence}/${toHex(id)}`
  const none = `0/${toHex(ZERO_HASH)}`
  let report = new ChainValidator(chain, { level }).end()
  for (const { report: part, claimed, heads: after } of results) {
    if (claimed.some(claim => stateOf(claim) !== (heads.get(keyOf(claim)) ?? none))) {
      const validator = new ChainValidator(chain, { level })
      validator.reject('SEQUENCE_GAP', 'a record does not continue the last one of its author', part.from)
      return addReports(report, validator.end())
    }
    for (const head of after) heads.set(keyOf(head), stateOf(head))
    report = addReports(report, part)
    if (!part.valid) return report
  }
  return report
}

type Head = SegmentResult['heads'][number]

function addReports(total: ChainReport, part: ChainReport): ChainReport {
  const counts = { ...total.counts }
  for (const name of Object.keys(counts) as Array<keyof typeof counts>) counts[name] += part.counts[name]
  const layers = { ...total.layers }
  for (const layer of LAYERS) {
    const [a, b] = [total.layers[layer], part.layers[layer]]
    const state = a.state === 'failed' || b.state === 'skipped' ? a.state : b.state
    layers[layer] = { state, duration: a.duration + b.duration }
  }
  return {
    ...total,
    valid: total.valid && part.valid,
    from: total.blocks === 0 ? part.from : total.from,
    to: Math.max(total.to, part.to),
    blocks: total.blocks + part.blocks,
    counts,
    layers,
    errors: [...total.errors, ...part.errors],
    warnings: [...total.warnings, ...part.warnings].slice(0, 100),
    errorCount: total.errorCount + part.errorCount,
    warningCount: total.warningCount + part.warningCount
  }
}
