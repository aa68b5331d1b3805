import { SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { commit } from '../commitment.ts'
import { continues } from '../record.ts'
import { ChainState } from '../validation/state.ts'
import type { ValidationOptions } from '../validation/validate.ts'
import { type ChainReport, ChainValidator, isGenesis } from '../validation/validate-chain.ts'
import { historyRootAt } from './history-nodes.ts'
import type { LocalChain } from './local-chain.ts'
import { type LocalBlock, recordAt } from './lookup.ts'
import { prunedTo } from './prune.ts'
import { decodeHead, KEYS } from './store.ts'

export interface VerifyOptions extends Omit<ValidationOptions, 'expectedHash'> {
  /** Compare what is kept of each record with its commitment too. @default false */
  contents?: boolean
  onProgress?: (height: number, of: number) => void
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
    const block = await local.block(height)
    if (block === undefined) {
      validator.reject('MISSING_FIELD', `block ${height} is missing`, height)
      break
    }
    if (pruned !== undefined && height <= pruned.height)
      await validator.header(block.bytes.subarray(0, SIGNED_HEADER_LENGTH))
    else await validator.block(block.bytes)
    if (pruned?.height === height)
      validator.state.setHead({ author: local.owner.publicKey, stream: head.stream, ...pruned })
    if (options.contents === true && validator.valid) await verifyContents(local, validator, block)
    options.onProgress?.(height, tip.height)
  }
  if (validator.valid && !equalBytes(validator.state.previousHash, tip.hash)) {
    validator.reject('HASH_MISMATCH', 'the last block is not the one that the chain ends with', tip.height)
  }
  if (validator.valid) await verifyPending(local, validator, tip.sequence, head.sequence)
  return validator.end()
}

async function verifyContents(local: LocalChain, validator: ChainValidator, block: LocalBlock): Promise<void> {
  const count = new DataView(block.bytes.buffer, block.bytes.byteOffset).getUint32(144)
  for (let sequence = block.first; sequence < block.first + count; sequence++) {
    const found = await local.recordAt(sequence)
    if (found?.payload === undefined) continue
    validator.count({ commitments: 1 })
    if (!equalBytes(commit(found.payload), found.record.commitment)) {
      validator.reject(
        'COMMITMENT_INVALID',
        `what is kept of record ${sequence} is not what was recorded`,
        block.height
      )
    }
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
