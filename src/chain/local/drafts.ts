import { TalosError } from '../../errors.ts'
import { type Field, SECRET_LENGTH } from '../commitment.ts'
import { sha256 } from '../hash.ts'
import type { Chain } from '../params.ts'
import { type Extension, encodeExtensions, KIND, type KindName, RECORD_LENGTH } from '../record.ts'
import { bodyLength } from './assemble.ts'
import { encodeGroup, type Item, itemLength } from './group.ts'
import { type ChainTransaction, KEYS } from './store.ts'
import { CONTENT, OPERATION } from './stored-record.ts'

/** What happened, to be recorded. */
export interface Entry {
  kind: KindName
  /** 1 to 30, kept private, committed to one by one. The one called `peer` can be searched for. */
  fields: readonly Field[]
  /**
   * What the application calls it, 1 to 255 visible ASCII characters: a second entry of the same name is the first one again. It becomes
   * a field of that name.
   */
  operation?: string
  /** The caller knows that there is no record of this operation: it is not looked for. @default false */
  isFresh?: boolean
  /** Kept beside the record, at most 1.5 MB: a field called `content`, its SHA-256, stands for it. */
  content?: Uint8Array
  extensions?: readonly Extension[]
}

/** Longest content. Bytes. */
const MAX_CONTENT = 1_500_000
/** Content longer than this is not kept in the group of its record: whoever reads others there need not read it. Bytes. */
const LONG_CONTENT = 16 * 1024
/** What is written as one entry of the store, at most: more records than that become several. Bytes; records; bytes in a block. */
const GROUP = { length: 64 * 1024, records: 256, body: 128 * 1024 } as const

/** An entry as it is kept. @throws CHAIN_FORMAT, CHAIN_OPERATION_INVALID, CHAIN_RECORD_TOO_LONG when it breaks a limit */
export function itemOf(entry: Entry, time: number, chain: Chain, randomBytes: (length: number) => Uint8Array): Item {
  const { kind, operation, content, extensions = [] } = entry
  const fields = entry.fields.slice()
  if (fields.some(({ name }) => name === OPERATION || name === CONTENT)) {
    throw new TalosError('CHAIN_OPERATION_INVALID', "the fields 'operation' and 'content' are made by the chain")
  }
  if (operation !== undefined) fields.push({ name: OPERATION, value: checkedOperation(operation) })
  if (content !== undefined) fields.push({ name: CONTENT, value: sha256(content) })
  const { maxRecordLength } = chain.params
  if (RECORD_LENGTH + encodeExtensions(extensions).length > maxRecordLength) {
    throw new TalosError('CHAIN_RECORD_TOO_LONG', `a record has at most ${maxRecordLength} bytes`)
  }
  if (content !== undefined && content.length > MAX_CONTENT) {
    throw new TalosError('CHAIN_RECORD_TOO_LONG', `the content of a record has at most ${MAX_CONTENT} bytes`)
  }
  const item = { kind: KIND[kind], time, extensions, contents: { secret: randomBytes(SECRET_LENGTH), fields } }
  return content === undefined ? item : { ...item, content }
}

export function checkedOperation(operation: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(operation)) return operation
  throw new TalosError('CHAIN_OPERATION_INVALID', 'an operation is called by 1 to 255 visible ASCII characters')
}

/** Writes items from number `first` on, in groups. */
export function putItems(
  transaction: ChainTransaction,
  first: number,
  items: readonly Item[]
): Array<{ first: number; items: Item[] }> {
  const groups: Array<{ first: number; items: Item[] }> = []
  let group: Item[] = []
  let [length, body] = [0, 0]
  const end = (): void => {
    if (group.length === 0) return
    const at = groups.at(-1)
    const start = at === undefined ? first : at.first + at.items.length
    transaction.put(KEYS.group(start), encodeGroup(group))
    groups.push({ first: start, items: group })
    group = []
    length = body = 0
  }
  for (const [i, whole] of items.entries()) {
    const item = isLong(whole) ? { ...whole, content: 'elsewhere' as const } : whole
    if (isLong(whole)) transaction.put(KEYS.content(first + i), new Uint8Array(whole.content as Uint8Array))
    const own = itemLength(item)
    const isFull = length + own > GROUP.length || body + bodyLength(item) > GROUP.body
    if (isFull || group.length === GROUP.records) end()
    length += own
    body += bodyLength(item)
    group.push(item)
  }
  end()
  return groups
}

const isLong = ({ content }: Item): boolean => content instanceof Uint8Array && content.length > LONG_CONTENT
