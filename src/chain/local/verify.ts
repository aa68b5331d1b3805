import { SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { decodeRecord, recordId } from '../record.ts'
import { ChainState } from '../validation/state.ts'
import type { ValidationOptions } from '../validation/validate.ts'
import { type ChainReport, ChainValidator, isGenesis } from '../validation/validate-chain.ts'
import { historyRootAt } from './history-nodes.ts'
import type { LocalChain } from './local-chain.ts'
import { groupOf, type LocalBlock, recordsOf } from './lookup.ts'
import { prunedTo } from './prune.ts'
import { decodeHead, KEYS } from './store.ts'
import { isPrunedAt, prunedHead, verifyAhead } from './verify-ahead.ts'
import { isDamage, readBlock, verifyContents } from './verify-kept.ts'

export interface VerifyOptions extends Omit<ValidationOptions, 'expectedHash'> {
  /** Compare what is kept of each record with its commitment too. @default false */
  contents?: boolean
  /** Called after each block; what it returns is waited for, so that a caller can let others go on. */
  onProgress?: (height: number, of: number) => void | Promise<void>
  /**
   * Threads that check the blocks of a long chain. Not at PARANOID and not with rules of the application: what these need is in this one.
   * @default 0
   */
  threads?: number
  signal?: AbortSignal
}

/** Checks the whole chain as it is on disk, from the genesis block to the last record. It ends with the first block that is wrong. */
export async function verifyLocal(local: LocalChain, options: VerifyOptions = {}): Promise<ChainReport> {
  const { chain, store } = local
  const rootAt = (size: number) => store.transact(transaction => historyRootAt(transaction, size))
  const { tip, pruned, head } = await store.transact(async transaction => {
    return {
      tip: local.tip,
      pruned: await prunedTo(transaction),
      head: decodeHead((await transaction.get(KEYS.head))!)
    }
  })
  const validator = new ChainValidator(chain, options, undefined, new ChainState(chain, undefined, rootAt))
  const genesis = await local.block(0)
  if (genesis === undefined || !isGenesis(chain, genesis.bytes)) {
    validator.reject('NETWORK_MISMATCH', 'block 0 is not the genesis block of this chain', 0)
  }
  const ahead = validator.valid
    ? await verifyAhead(local, validator, { height: tip.height, pruned, stream: head.stream }, options)
    : 0
  for (let height = ahead + 1; height <= tip.height && validator.valid; height++) {
    options.signal?.throwIfAborted()
    const isPruned = isPrunedAt(pruned, height)
    const block = await readBlock(local, validator, height, isPruned)
    if (block === undefined) break
    if (isPruned) await validator.header(block.bytes.subarray(0, SIGNED_HEADER_LENGTH))
    else {
      const { valid } = await validator.block(block.bytes)
      if (!valid) findCulprit(validator, block)
    }
    if (pruned?.height === height) validator.state.setHead(prunedHead(local, head.stream, pruned))
    if (options.contents === true && validator.valid) await verifyContents(local, validator, block)
    await options.onProgress?.(height, tip.height)
  }
  if (validator.valid && !equalBytes(validator.state.previousHash, tip.hash)) {
    validator.reject('HASH_MISMATCH', 'the last block is not the one that the chain ends with', tip.height)
  }
  if (validator.valid) await verifyPending(local, validator, tip.sequence, head.sequence)
  return validator.end()
}

/** Says which record of a block that is not valid was changed: the one that its successor does not continue. */
function findCulprit(validator: ChainValidator, block: LocalBlock): void {
  let before: { sequence: number; id: Uint8Array } | undefined
  for (const bytes of readable(block)) {
    const record = decodeRecord(bytes)
    if (before !== undefined && !(record.sequence === before.sequence + 1 && equalBytes(record.previous, before.id))) {
      const text = `record ${before.sequence} is not the one that was there when record ${before.sequence + 1} was made`
      validator.reject('EQUIVOCATION', text, block.height)
      return
    }
    before = { sequence: record.sequence, id: recordId(bytes) }
  }
}

/** None when the body cannot be read: that was reported. */
function readable(block: LocalBlock): Uint8Array[] {
  try {
    const records = recordsOf(block)
    for (const record of records) decodeRecord(record)
    return records
  } catch (error) {
    if (!isDamage(error)) throw error
    return []
  }
}

/** Records without a block are all there. */
async function verifyPending(local: LocalChain, validator: ChainValidator, from: number, to: number): Promise<void> {
  for (let sequence = from + 1; sequence <= to; sequence++) {
    const found = await local.store.transact(transaction => groupOf(transaction, sequence))
    if (found?.first !== sequence) return validator.reject('SEQUENCE_GAP', `record ${sequence} is missing`)
    sequence += found.items.length - 1
  }
}
