import { blockHash, decodeHeader, HEADER_LENGTH } from '../block.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import { Frontier, hashLeaf } from '../tree.ts'
import type { Level } from './context.ts'
import { packBlocks, type SegmentJob } from './segment.ts'
import { checkInThreads } from './segment-threads.ts'
import type { ChainPoint } from './state.ts'
import { type ChainReport, ChainValidator } from './validate-chain.ts'

/** Blocks that a thread gets at once, unless they are long. */
export const SEGMENT = 64

export interface ParallelOptions {
  threads: number
  /** No anchors and no rules of the application: PARANOID is for one thread. @default 'STRICT' */
  level?: Exclude<Level, 'PARANOID'>
  now?: number
}

/** Blocks that follow one another, what comes before them, and the chain after them as their headers say it. */
export interface Segment {
  job: SegmentJob
  blocks: readonly Uint8Array[]
  after: Omit<ChainPoint, 'heads'>
}

/** Cuts a chain into segments, from the genesis block on: reads of each block its header alone. */
export class SegmentCutter {
  readonly #chain: Chain
  readonly #options: Pick<SegmentJob, 'level' | 'now'>
  #point: Omit<ChainPoint, 'heads'>

  constructor(chain: Chain, options: Pick<SegmentJob, 'level' | 'now'>) {
    this.#chain = chain
    this.#options = options
    this.#point = {
      height: 0,
      hash: chain.genesisHash,
      times: [chain.params.genesisTime],
      frontier: new Frontier().append(hashLeaf(chain.genesisHash)).frontier
    }
  }

  /** The first `headersOnly` of the blocks have been pruned. Undefined when one of them has no header: nothing after it can be valid. */
  cut(blocks: readonly Uint8Array[], headersOnly = 0): Segment | undefined {
    const before = this.#point
    let { height, hash, times, frontier } = before
    try {
      for (const block of blocks) {
        hash = blockHash(block)
        times = [...times.slice(-10), decodeHeader(block.subarray(0, HEADER_LENGTH)).time]
        frontier = frontier.append(hashLeaf(hash)).frontier
        height++
      }
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
    this.#point = { height, hash, times, frontier }
    const job = {
      ...packBlocks(blocks),
      ...before,
      frontier: before.frontier.hashes,
      params: this.#chain.encodedParams,
      headersOnly,
      ...this.#options
    }
    return { job, blocks, after: this.#point }
  }
}

/**
 * Checks the blocks after the genesis block in several threads. A thread takes for granted what its first block says of those before; where one segment
 * ends and the next begins that is compared, and a segment that is not valid is checked again by itself, so that the verdict is that of one
 * thread. A chain of many writers is checked by one: what authors claim goes back to any block before.
 *
 * @throws CHAIN_THREAD_FAILED when a thread ends before its work
 */
export async function validateInThreads(
  blocks: readonly Uint8Array[],
  chain: Chain,
  { threads, level = 'STRICT', now = Date.now() }: ParallelOptions
): Promise<ChainReport> {
  const validator = new ChainValidator(chain, { level, now })
  const cutter = new SegmentCutter(chain, { level, now })
  let valid = 0
  if (!chain.signedRecords) {
    validator.threads = threads
    for await (const { segment, result } of checkInThreads(segmentsOf(blocks, cutter), threads)) {
      if (!validator.absorb(result, segment.after)) break
      valid += segment.blocks.length
    }
  }
  for (const block of blocks.slice(valid)) if (validator.valid) await validator.block(block)
  return validator.end()
}

function* segmentsOf(blocks: readonly Uint8Array[], cutter: SegmentCutter): Generator<Segment, undefined> {
  for (let from = 0; from < blocks.length; from += SEGMENT) {
    const segment = cutter.cut(blocks.slice(from, from + SEGMENT))
    if (segment === undefined) return undefined
    yield segment
  }
  return undefined
}
