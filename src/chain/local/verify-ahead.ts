import { SIGNED_HEADER_LENGTH } from '../block.ts'
import type { Counts } from '../validation/context.ts'
import { SEGMENT, type Segment, SegmentCutter } from '../validation/parallel.ts'
import { checkInThreads } from '../validation/segment-threads.ts'
import type { ChainValidator } from '../validation/validate-chain.ts'
import type { LocalChain } from './local-chain.ts'
import type { Pruned } from './store.ts'
import type { VerifyOptions } from './verify.ts'
import { type Findings, isDamage, readBlock, verifyContents } from './verify-kept.ts'

/** Blocks for which threads are worth their start. */
const MIN_BLOCKS = 256
/** Bytes after which a thread gets no more blocks at once. */
const MAX_SEGMENT = 4_000_000

/** A segment, and what this thread has found out about what is kept of its records. */
interface ReadSegment extends Segment {
  commitments: number
  isWrong: boolean
}

interface Bounds {
  height: number
  pruned: Pruned | undefined
  stream: number
}

/**
 * Checks the blocks in threads, and meanwhile what is kept of their records in this one: up to which height all of it is valid. What comes
 * after that has something wrong, or was not looked at: it is to be checked block by block, which says what it is.
 */
export async function verifyAhead(
  local: LocalChain,
  validator: ChainValidator,
  { height, pruned, stream }: Bounds,
  options: VerifyOptions
): Promise<number> {
  const { threads = 0, level = 'STRICT', custom = [] } = options
  if (threads < 1 || level === 'PARANOID' || custom.length > 0 || height < MIN_BLOCKS) return 0
  validator.threads = threads
  let done = 0
  const segments = readSegments(local, { height, pruned, stream }, options, () => done)
  for await (const { segment, result } of checkInThreads(segments, threads)) {
    const { commitments, isWrong, after } = segment
    // what the first block that was not pruned continues
    if (pruned !== undefined && done < pruned.height && pruned.height <= after.height) {
      validator.state.setHead(prunedHead(local, stream, pruned))
    }
    if (isWrong || !validator.absorb(result, after)) break
    validator.count({ commitments })
    done = after.height
  }
  return done
}

async function* readSegments(
  local: LocalChain,
  { height: last, pruned }: Bounds,
  { level = 'STRICT', now = Date.now(), contents = false, onProgress, signal }: VerifyOptions,
  done: () => number
): AsyncGenerator<ReadSegment, void> {
  const cutter = new SegmentCutter(local.chain, { level, now })
  let isWrong = false
  for (let height = 1; height <= last && !isWrong; ) {
    const blocks: Uint8Array[] = []
    const counts: Partial<Counts> = {}
    let [headersOnly, bytes] = [0, 0]
    const findings: Findings = {
      reject: () => {
        isWrong = true
      },
      count: ({ commitments = 0 }) => {
        counts.commitments = (counts.commitments ?? 0) + commitments
      }
    }
    for (; height <= last && blocks.length < SEGMENT && bytes < MAX_SEGMENT && !isWrong; height++) {
      signal?.throwIfAborted()
      const isPruned = isPrunedAt(pruned, height)
      const block = await readBlock(local, findings, height, isPruned)
      if (block === undefined) break
      if (isPruned) headersOnly++
      blocks.push(isPruned ? block.bytes.subarray(0, SIGNED_HEADER_LENGTH) : block.bytes)
      bytes += block.bytes.length
      try {
        if (contents) await verifyContents(local, findings, block)
      } catch (error) {
        // its thread has not said yet that the block cannot be read
        if (!isDamage(error)) throw error
        isWrong = true
      }
      await onProgress?.(done(), last)
    }
    const segment = cutter.cut(blocks, headersOnly)
    if (segment === undefined) return
    yield { ...segment, commitments: counts.commitments ?? 0, isWrong }
  }
}

export const isPrunedAt = (pruned: Pruned | undefined, height: number): boolean =>
  pruned !== undefined && height <= pruned.height

/** The last record that was pruned: what the first one that was not continues. */
export function prunedHead(local: LocalChain, stream: number, { sequence, id }: Pruned) {
  return { author: local.owner.publicKey, stream, sequence, id }
}
