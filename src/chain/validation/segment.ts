import { decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { concatBytes } from '../bytes.ts'
import { toText } from '../hash.ts'
import { chainOf, decodeParams } from '../params.ts'
import { decodeRecord } from '../record.ts'
import { Frontier } from '../tree.ts'
import type { Level } from './context.ts'
import { type ChainPoint, ChainState } from './state.ts'
import { type ChainReport, ChainValidator } from './validate-chain.ts'

/** A run of blocks that is checked apart from the others, as if what comes before it were as its own blocks claim. */
export interface SegmentJob {
  params: Uint8Array
  /** Blocks, one after the other, and where each ends. */
  bytes: Uint8Array
  ends: readonly number[]
  /** Of the first so many only header and signature are there: they were pruned. */
  headersOnly: number
  level: Level
  now: number
  /** What comes before, without the heads. */
  height: number
  hash: Uint8Array
  times: readonly number[]
  frontier: readonly Uint8Array[]
}

type Heads = ChainPoint['heads']

export interface SegmentResult {
  report: ChainReport
  /** The last record of each stream before the segment, as the first one in it claims. */
  claimed: Heads
  /** And after it. */
  heads: Heads
}

/** Checks a segment. What it takes for granted of the blocks before is `claimed` and what is in the job. */
export async function validateSegment(job: SegmentJob): Promise<SegmentResult> {
  const chain = chainOf(decodeParams(job.params))
  const blocks = job.ends.map((end, i) => job.bytes.subarray(job.ends[i - 1] ?? 0, end))
  const { height, hash, times } = job
  const frontier = new Frontier(height + 1, job.frontier)
  const claimed = claimsOf(blocks)
  const state = new ChainState(chain, { height, hash, times, frontier, heads: claimed })
  const validator = new ChainValidator(chain, { level: job.level, now: job.now }, undefined, state)
  for (const [i, block] of blocks.entries()) {
    if (!validator.valid) break
    if (i < job.headersOnly) await validator.header(block)
    else await validator.block(block)
  }
  return { report: validator.end(), claimed, heads: state.point().heads }
}

/** Where author and stream of a record end, which are side by side. */
const STREAM_END = 40

function isSameStream(record: Uint8Array, other: Uint8Array): boolean {
  for (let i = 4; i < STREAM_END; i++) if (record[i] !== other[i]) return false
  return true
}

/** For each stream, what its first record in the blocks says comes before it. Blocks that do not decode are left to the validation. */
function claimsOf(blocks: readonly Uint8Array[]): Heads {
  const claims = new Map<string, Heads[number]>()
  let last: Uint8Array | undefined
  for (const block of blocks) {
    try {
      for (const { record: bytes } of decodeBody(block.subarray(SIGNED_HEADER_LENGTH), decodeHeader(block))) {
        if (last !== undefined && isSameStream(bytes, last)) continue
        last = bytes
        const key = toText(bytes.subarray(4, STREAM_END))
        if (claims.has(key)) continue
        const { author, stream, sequence, previous } = decodeRecord(bytes)
        claims.set(key, { author, stream, sequence: sequence - 1, id: previous })
      }
    } catch {}
  }
  return [...claims.values()]
}

/** A copy of what a segment needs of its blocks, in one piece. */
export function packBlocks(blocks: readonly Uint8Array[]): Pick<SegmentJob, 'bytes' | 'ends'> {
  let end = 0
  return { bytes: concatBytes(...blocks), ends: blocks.map(block => (end += block.length)) }
}
