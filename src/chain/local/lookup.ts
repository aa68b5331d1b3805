import { TalosError } from '../../errors.ts'
import { blockHash, decodeBody, decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { concatBytes, equalBytes } from '../bytes.ts'
import { decodeGroup, type Item } from './group.ts'
import { type ChainTransaction, decodeNumber, KEYS } from './store.ts'

export interface LocalBlock {
  height: number
  hash: Uint8Array
  /** Number of its first record. */
  first: number
  /** Header, signature, body; of a block that was pruned: header and signature. */
  bytes: Uint8Array
}

/** What is kept of records, in any order: those that were written together are read once if they are asked for one after the other. */
export class ItemReader {
  readonly #transaction: ChainTransaction
  #first = 0
  #items: Item[] = []

  constructor(transaction: ChainTransaction) {
    this.#transaction = transaction
  }

  /** Undefined when it was pruned, or was never there. */
  async at(sequence: number): Promise<Item | undefined> {
    const isRead = sequence >= this.#first && sequence < this.#first + this.#items.length
    if (!isRead) {
      const found = await groupOf(this.#transaction, sequence)
      if (found === undefined) return undefined
      this.#first = found.first
      this.#items = found.items
    }
    return this.#items[sequence - this.#first]
  }
}

/** The group that a record is in, if it is kept. */
export async function groupOf(
  transaction: ChainTransaction,
  sequence: number
): Promise<{ first: number; items: Item[] } | undefined> {
  const range = { before: KEYS.group(sequence + 1), reverse: true, limit: 1 }
  const [key] = await transaction.keys(KEYS.groups, range)
  if (key === undefined) return undefined
  return { first: firstOf(key), items: decodeGroup((await transaction.get(key))!) }
}

export const firstOf = (groupKey: string): number => Number.parseInt(groupKey.slice(KEYS.groups.length), 16)

/** The records of a block as they are in it; none when it was pruned. */
export function recordsOf({ bytes }: LocalBlock): Uint8Array[] {
  if (bytes.length === SIGNED_HEADER_LENGTH) return []
  return decodeBody(bytes.subarray(SIGNED_HEADER_LENGTH), decodeHeader(bytes)).map(({ record }) => record)
}

/** What belongs to a record besides its fields. */
export async function contentOf(
  transaction: ChainTransaction,
  sequence: number,
  { content }: Item
): Promise<Uint8Array | undefined> {
  return content === 'elsewhere' ? transaction.get(KEYS.content(sequence)) : content
}

/** The height of the block with record `sequence`; undefined while it is in none. */
export async function heightOf(transaction: ChainTransaction, sequence: number): Promise<number | undefined> {
  const [key] = await transaction.keys(KEYS.lasts, { after: KEYS.last(sequence - 1), limit: 1 })
  return key === undefined ? undefined : decodeNumber((await transaction.get(key))!)
}

/** A block by its height or hash. Undefined when there is none. */
export async function blockAt(
  transaction: ChainTransaction,
  which: number | Uint8Array
): Promise<LocalBlock | undefined> {
  if (typeof which !== 'number') {
    const found = await transaction.get(KEYS.hash(which))
    const block = found && (await blockAt(transaction, decodeNumber(found)))
    return block && equalBytes(block.hash, which) ? block : undefined
  }
  const stored = await transaction.get(KEYS.block(which))
  if (stored === undefined) return undefined
  const signedHeader = stored.subarray(0, SIGNED_HEADER_LENGTH)
  const first = decodeNumber(stored.subarray(SIGNED_HEADER_LENGTH))
  const body = await transaction.get(KEYS.body(first))
  const bytes = body === undefined ? signedHeader : concatBytes(signedHeader, body)
  return { height: which, hash: blockHash(signedHeader), first, bytes }
}

export function damaged(what: string): TalosError {
  return new TalosError('CHAIN_STORE_DAMAGED', `the audit chain is damaged: ${what} is missing`, {
    hint: 'Restore it from an archive.'
  })
}
