import { concatBytes, HASH_LENGTH, readUint64, splitHashes, viewOf, writeUint64 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { consistencyRanges, verifyConsistency } from './tree.ts'

/** How far a chain was: how many blocks, and the root over their hashes. */
export interface ClaimedState {
  size: number
  root: Uint8Array
}

/** What a CHECKPOINT record says of its author's own chain, so that everybody sees that it only grows and nobody sees what is in it. */
export interface CheckpointClaim extends ClaimedState {
  /** Id of that chain. */
  chain: Uint8Array
  /** Size in the author's claim of that chain before this one; 0 in the first. */
  previousSize: number
  /** RFC 6962 consistency path from that one. */
  path: readonly Uint8Array[]
}

const FIXED = 2 * HASH_LENGTH + 16

/** Value of the extension CHECKPOINT: chain id (32) ‖ size (8) ‖ root (32) ‖ size of the claim before (8) ‖ path (32 each). */
export function encodeClaim({ chain, size, root, previousSize, path }: CheckpointClaim): Uint8Array {
  const sizes = [size, previousSize].map(value => {
    const bytes = new Uint8Array(8)
    writeUint64(viewOf(bytes), 0, value)
    return bytes
  })
  return concatBytes(chain, sizes[0]!, root, sizes[1]!, ...path)
}

/** @throws CHAIN_FORMAT */
export function decodeClaim(bytes: Uint8Array): CheckpointClaim {
  const hashes = (bytes.length - FIXED) / HASH_LENGTH
  if (hashes < 0 || !Number.isInteger(hashes)) throw malformed('a claim is cut off')
  const view = viewOf(bytes)
  const [size, previousSize] = [readUint64(view, 32), readUint64(view, 72)]
  // a block has four bytes for its height
  if (!(size >= 1 && size <= 2 ** 32 && previousSize < size)) throw malformed('a claim has sizes that cannot be')
  const wanted = previousSize === 0 ? 0 : consistencyRanges(previousSize, size).length
  if (hashes !== wanted) throw malformed('a claim has a path of another length than its sizes demand')
  return {
    chain: bytes.subarray(0, 32),
    size,
    root: bytes.subarray(40, 72),
    previousSize,
    path: splitHashes(bytes, FIXED, hashes)
  }
}

/** Whether the chain of `claim` continues what its author claimed before; `last` is undefined for the first claim. */
export function continuesClaim(claim: CheckpointClaim, last: ClaimedState | undefined): boolean {
  if (claim.previousSize !== (last?.size ?? 0)) return false
  return last === undefined || verifyConsistency(last, claim, claim.path)
}

export function encodeClaimed({ size, root }: ClaimedState): Uint8Array {
  const bytes = new Uint8Array(8 + HASH_LENGTH)
  writeUint64(viewOf(bytes), 0, size)
  bytes.set(root, 8)
  return bytes
}

export const decodeClaimed = (bytes: Uint8Array): ClaimedState => ({
  size: readUint64(viewOf(bytes), 0),
  root: bytes.subarray(8)
})

function malformed(message: string): FormatError {
  return new FormatError('MESSAGE_FORMAT_INVALID', message)
}
