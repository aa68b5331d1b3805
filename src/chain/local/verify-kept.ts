import { isTalosError } from '../../errors.ts'
import { SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { commit } from '../commitment.ts'
import type { ChainValidator } from '../validation/validate-chain.ts'
import type { LocalChain } from './local-chain.ts'
import { type LocalBlock, recordsOf } from './lookup.ts'
import type { RecordReader } from './reader.ts'
import { isContent } from './stored-record.ts'

/** Where what is wrong is told, and what was compared. */
export type Findings = Pick<ChainValidator, 'reject' | 'count'>

/** What the database has at a height; undefined, and reported, when that cannot be read. */
export async function readBlock(
  local: LocalChain,
  findings: Findings,
  height: number,
  isPruned: boolean
): Promise<LocalBlock | undefined> {
  try {
    const block = await local.block(height)
    if (block === undefined) {
      findings.reject('MISSING_FIELD', `block ${height} is missing`, height)
      return undefined
    }
    if (isPruned || block.bytes.length > SIGNED_HEADER_LENGTH) return block
    findings.reject('MISSING_FIELD', `the records of block ${height} are missing`, height)
    return undefined
  } catch (error) {
    if (!isDamage(error)) throw error
    findings.reject('MALFORMED_BLOCK', `block ${height} cannot be read: ${error.message}`, height)
    return undefined
  }
}

/** What the database makes of bytes that are not those which were written. */
export function isDamage(error: unknown): error is Error {
  const codes = ['STORAGE_CORRUPT', 'CHAIN_STORE_DAMAGED', 'CHAIN_FORMAT']
  return codes.some(code => isTalosError(error, code)) || error instanceof RangeError
}

/** Whether what is kept of the records of a block is what they commit to. */
export async function verifyContents(local: LocalChain, findings: Findings, block: LocalBlock): Promise<void> {
  await local.store.transact(async transaction => {
    const reader = local.reader(transaction)
    const { length } = recordsOf(block)
    for (let i = 0; i < length; i++) {
      const sequence = block.first + i
      const wrong = await wrongContents(reader, findings, sequence)
      if (wrong !== undefined) findings.reject('COMMITMENT_INVALID', wrong, block.height)
    }
  })
}

async function wrongContents(reader: RecordReader, findings: Findings, sequence: number): Promise<string | undefined> {
  const wrong = `what is kept of record ${sequence} is not what was recorded`
  try {
    const found = await reader.at(sequence)
    if (found?.payload === undefined) return undefined
    findings.count({ commitments: 1 })
    if (!equalBytes(commit(found.payload), found.record.commitment)) return wrong
    return isContent(found.payload, await reader.contentAt(sequence)) ? undefined : wrong
  } catch (error) {
    if (!isDamage(error)) throw error
    return `what is kept of record ${sequence} cannot be read`
  }
}
