import { isTalosError } from '../../errors.ts'
import { decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { commit } from '../commitment.ts'
import { continues } from '../record.ts'
import { ChainState } from '../validation/state.ts'
import type { ValidationOptions } from '../validation/validate.ts'
import { type ChainReport, ChainValidator, isGenesis } from '../validation/validate-chain.ts'
import { historyRootAt } from './history-nodes.ts'
import type { LocalChain } from './local-chain.ts'
import { type LocalBlock, type NumberedRecord, recordAt } from './lookup.ts'
import { prunedTo } from './prune.ts'
import { decodeHead, KEYS } from './store.ts'

export interface VerifyOptions extends Omit<ValidationOptions, 'expectedHash'> {
  /** Compare what is kept of each record with its commitment too. @default false */
  contents?: boolean
  /** Called after each block; what it returns is waited for, so that a caller can let others go on. */
  onProgress?: (height: number, of: number) => void | Promise<void>
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
  for (let height = 1; height <= tip.height && validator.valid; height++) {
    options.signal?.throwIfAborted()
    const isPruned = pruned !== undefined && height <= pruned.height
    const block = await readBlock(local, validator, height, isPruned)
    if (block === undefined) break
    if (isPruned) await validator.header(block.bytes.subarray(0, SIGNED_HEADER_LENGTH))
    else {
      const { valid } = await validator.block(block.bytes)
      if (!valid) await findCulprit(local, validator, block)
    }
    if (pruned?.height === height)
      validator.state.setHead({ author: local.owner.publicKey, stream: head.stream, ...pruned })
    if (options.contents === true && validator.valid) await verifyContents(local, validator, block)
    await options.onProgress?.(height, tip.height)
  }
  if (validator.valid && !equalBytes(validator.state.previousHash, tip.hash)) {
    validator.reject('HASH_MISMATCH', 'the last block is not the one that the chain ends with', tip.height)
  }
  if (validator.valid) await verifyPending(local, validator, tip.sequence, head.sequence)
  return validator.end()
}

/** What the database has at a height; undefined, and reported, when that cannot be read. */
async function readBlock(
  local: LocalChain,
  validator: ChainValidator,
  height: number,
  isPruned: boolean
): Promise<LocalBlock | undefined> {
  try {
    const block = await local.block(height)
    if (block === undefined) {
      validator.reject('MISSING_FIELD', `block ${height} is missing`, height)
      return undefined
    }
    if (isPruned || block.bytes.length > SIGNED_HEADER_LENGTH) return block
    for (const sequence of recordsOf(block)) {
      if ((await local.recordAt(sequence)) !== undefined) continue
      validator.reject('MISSING_FIELD', `record ${sequence} is missing`, height)
      return undefined
    }
    return block
  } catch (error) {
    if (!isDamage(error)) throw error
    validator.reject('MALFORMED_BLOCK', `block ${height} cannot be read: ${error.message}`, height)
    return undefined
  }
}

/** What the database makes of bytes that are not those which were written. */
function isDamage(error: unknown): error is Error {
  const codes = ['STORAGE_CORRUPT', 'CHAIN_STORE_DAMAGED', 'CHAIN_FORMAT']
  return codes.some(code => isTalosError(error, code)) || error instanceof RangeError
}

/** Says which record of a block that is not valid was changed: the one that its successor does not continue. */
async function findCulprit(local: LocalChain, validator: ChainValidator, block: LocalBlock): Promise<void> {
  for (const sequence of recordsOf(block)) {
    const found = await readRecord(local, sequence)
    if (found === 'unreadable')
      return validator.reject('MALFORMED_BLOCK', `record ${sequence} cannot be read`, block.height)
    const next = await readRecord(local, sequence + 1)
    if (next === 'unreadable') continue
    if (found === undefined || next === undefined || continues(next.record, { sequence, id: found.id })) continue
    return validator.reject(
      'EQUIVOCATION',
      `record ${sequence} is not the one that was there when record ${sequence + 1} was made`,
      block.height
    )
  }
}

async function readRecord(local: LocalChain, sequence: number): Promise<NumberedRecord | undefined | 'unreadable'> {
  try {
    return await local.recordAt(sequence)
  } catch (error) {
    if (!isDamage(error)) throw error
    return 'unreadable'
  }
}

function* recordsOf(block: LocalBlock): Generator<number> {
  const { recordCount } = decodeHeader(block.bytes)
  for (let sequence = block.first; sequence < block.first + recordCount; sequence++) yield sequence
}

async function verifyContents(local: LocalChain, validator: ChainValidator, block: LocalBlock): Promise<void> {
  for (const sequence of recordsOf(block)) {
    const found = await readRecord(local, sequence)
    if (found !== 'unreadable') {
      if (found?.payload === undefined) continue
      validator.count({ commitments: 1 })
      if (equalBytes(commit(found.payload), found.record.commitment)) continue
    }
    validator.reject('COMMITMENT_INVALID', `what is kept of record ${sequence} is not what was recorded`, block.height)
  }
}

/** Records without a block continue the last one that has one. */
async function verifyPending(local: LocalChain, validator: ChainValidator, from: number, to: number): Promise<void> {
  for (let sequence = from + 1; sequence <= to; sequence++) {
    const [before, found] = await local.store.transact(async transaction => [
      await recordAt(transaction, sequence - 1),
      await recordAt(transaction, sequence)
    ])
    if (found === undefined) return validator.reject('SEQUENCE_GAP', `record ${sequence} is missing`)
    if (before !== undefined && !continues(found.record, { sequence: sequence - 1, id: before.id })) {
      return validator.reject('EQUIVOCATION', `record ${sequence} does not continue the one before it`)
    }
  }
}
