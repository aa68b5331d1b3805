import { TalosError } from '../../errors.ts'
import { blockHash } from '../block.ts'
import { toHex } from '../bytes.ts'
import { decodeKept } from './kept.ts'
import type { LocalChain } from './local-chain.ts'
import { type ChainTransaction, decodeNumber, KEYS } from './store.ts'
import type { StoredRecord } from './stored-record.ts'

/** The first digits of an id by which something is found: four would fit by chance too often in a reference to something else. */
const MIN_DIGITS = 4
/** Digits of an id that are part of a key. */
const KEY_DIGITS = 32

export interface FoundRecord extends StoredRecord {
  /** Height of its block; undefined while it is in none. */
  height: number | undefined
  /** The rest of its block was pruned. */
  isKept: boolean
}

/**
 * The record with this number, with this id, the one whose id begins with these digits, or the one of this operation.
 *
 * @throws CHAIN_RECORD_UNKNOWN, CHAIN_RECORD_AMBIGUOUS
 */
export function findRecord(local: LocalChain, reference: string): Promise<FoundRecord> {
  return local.store.transact(async transaction => {
    const numbered = await byNumber(local, transaction, reference)
    if (numbered !== undefined) return numbered
    const digits = digitsOf(reference)
    const found = digits === undefined ? [] : await byDigits(local, transaction, digits)
    if (found.length > 1) throw ambiguous(reference, found)
    if (found[0] !== undefined) return found[0]
    const sequence = await local.sequenceOf(transaction, reference)
    const named = sequence === undefined ? undefined : await local.reader(transaction).at(sequence)
    if (named === undefined) throw new TalosError('CHAIN_RECORD_UNKNOWN', 'there is no such record in the audit chain')
    return { ...named, isKept: false }
  })
}

/** As with heights: a number that there is comes before an id that begins so. */
async function byNumber(
  local: LocalChain,
  transaction: ChainTransaction,
  reference: string
): Promise<FoundRecord | undefined> {
  if (!/^[1-9][0-9]{0,9}$/.test(reference)) return undefined
  const found = await local.reader(transaction).at(Number(reference))
  return found && { ...found, isKept: false }
}

/**
 * The height of the block with this height, this hash, or a hash that begins with these digits; undefined when there is none.
 *
 * @throws CHAIN_BLOCK_AMBIGUOUS
 */
export function findHeight({ store, tip }: LocalChain, reference: string): Promise<number | undefined> {
  return store.transact(async transaction => {
    if (/^(0|[1-9][0-9]{0,9})$/.test(reference) && Number(reference) <= tip.height) return Number(reference)
    const digits = digitsOf(reference)
    if (digits === undefined) return undefined
    const fitting: number[] = []
    for (const key of await keysWith(transaction, KEYS.hashes, digits)) {
      const height = decodeNumber((await transaction.get(key))!)
      const stored = await transaction.get(KEYS.block(height))
      if (stored !== undefined && toHex(blockHash(stored)).startsWith(digits)) fitting.push(height)
    }
    if (fitting.length > 1) {
      throw new TalosError('CHAIN_BLOCK_AMBIGUOUS', `several blocks begin with ${digits}`, {
        hint: 'Give more digits.'
      })
    }
    return fitting[0]
  })
}

function digitsOf(reference: string): string | undefined {
  const digits = reference.toLowerCase()
  return digits.length >= MIN_DIGITS && /^[0-9a-f]{1,64}$/.test(digits) ? digits : undefined
}

/** At most a few: enough to see that several fit. */
function keysWith(transaction: ChainTransaction, prefix: string, digits: string): Promise<string[]> {
  return transaction.keys(prefix + digits.slice(0, KEY_DIGITS), { limit: 4 })
}

async function byDigits(local: LocalChain, transaction: ChainTransaction, digits: string): Promise<FoundRecord[]> {
  const here = await local.reader(transaction).like(digits)
  const found: FoundRecord[] = here.map(record => ({ ...record, isKept: false }))
  for (const key of await keysWith(transaction, KEYS.keeps, digits)) {
    found.push({ ...decodeKept((await transaction.get(key))!), isKept: true })
  }
  return found.filter(({ id }) => toHex(id).startsWith(digits))
}

function ambiguous(reference: string, found: readonly FoundRecord[]): TalosError {
  const ids = found.map(({ id }) => toHex(id)).join(', ')
  return new TalosError('CHAIN_RECORD_AMBIGUOUS', `several records begin with ${reference}: ${ids}`, {
    hint: 'Give more digits.'
  })
}
