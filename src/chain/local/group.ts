import { readUint64, viewOf } from '../bytes.ts'
import { decodePayload, type Payload, payloadLength, writePayload } from '../commitment.ts'
import { FormatError } from '../format-error.ts'
import { decodeExtensions, type Extension, encodeExtensions } from '../record.ts'

/**
 * What an owner keeps of a record besides the block that it is in: all of which the record is made, when a block is made of it, and what is
 * private of it for as long as it is kept.
 */
export interface Item {
  kind: number
  /** Milliseconds since 1970. */
  time: number
  extensions: readonly Extension[]
  /** What is committed to; after it was erased, the commitment alone. */
  contents: Payload | Uint8Array
  /** What belongs to the record and is kept beside it: it is elsewhere when it is long. */
  content?: Uint8Array | 'elsewhere'
}

const FLAG = { erased: 1, content: 2, elsewhere: 4 } as const
const HEAD = 16
const LENGTH_FIELD = 4

export const payloadOf = ({ contents }: Item): Payload | undefined =>
  contents instanceof Uint8Array ? undefined : contents

/** What an item takes in a group. */
export function itemLength({ extensions, contents, content }: Item): number {
  const kept = contents instanceof Uint8Array ? contents.length : payloadLength(contents)
  const beside = content instanceof Uint8Array ? content.length : 0
  return LENGTH_FIELD + HEAD + encodeExtensions(extensions).length + kept + beside
}

/**
 * Records that follow each other, as one entry of the store: for each its length (4) ‖ kind (1) ‖ flags (1) ‖ time (8) ‖ length of the
 * extensions (2) ‖ length of payload or commitment (4) ‖ extensions ‖ payload or commitment ‖ content.
 */
export function encodeGroup(items: readonly Item[]): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(items.reduce((sum, item) => sum + itemLength(item), 0))
  let at = 0
  for (const item of items) at = writeItem(bytes, at, item)
  return bytes
}

function writeItem(to: Buffer, from: number, { kind, time, extensions, contents, content }: Item): number {
  const isErased = contents instanceof Uint8Array
  const beside = content instanceof Uint8Array ? FLAG.content : content === 'elsewhere' ? FLAG.elsewhere : 0
  to[from + 4] = kind
  to[from + 5] = (isErased ? FLAG.erased : 0) | beside
  to.writeUInt32BE(Math.floor(time / 2 ** 32), from + 6)
  to.writeUInt32BE(time % 2 ** 32, from + 10)
  const tlv = encodeExtensions(extensions)
  to.writeUInt16BE(tlv.length, from + 14)
  to.set(tlv, from + LENGTH_FIELD + HEAD)
  const start = from + LENGTH_FIELD + HEAD + tlv.length
  let at = start
  if (isErased) {
    to.set(contents, at)
    at += contents.length
  } else at = writePayload(to, at, contents)
  to.writeUInt32BE(at - start, from + 16)
  if (content instanceof Uint8Array) {
    to.set(content, at)
    at += content.length
  }
  to.writeUInt32BE(at - from - LENGTH_FIELD, from)
  return at
}

/** @throws CHAIN_FORMAT */
export function decodeGroup(bytes: Uint8Array): Item[] {
  const view = viewOf(bytes)
  const items: Item[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_FIELD + view.getUint32(at)
    if (end > bytes.length) throw new FormatError('MALFORMED_BLOCK', 'a group of records is cut off')
    items.push(decodeItem(bytes.subarray(at + LENGTH_FIELD, end)))
    at = end
  }
  return items
}

function decodeItem(bytes: Uint8Array): Item {
  const view = viewOf(bytes)
  const flags = bytes[1]!
  const start = HEAD + view.getUint16(10)
  const end = start + view.getUint32(12)
  const contents = bytes.subarray(start, end)
  const item: Item = {
    kind: bytes[0]!,
    time: readUint64(view, 2),
    extensions: start === HEAD ? [] : decodeExtensions(bytes.subarray(HEAD, start)),
    contents: (flags & FLAG.erased) === 0 ? decodePayload(contents) : contents
  }
  if ((flags & FLAG.content) !== 0) item.content = bytes.subarray(end)
  else if ((flags & FLAG.elsewhere) !== 0) item.content = 'elsewhere'
  return item
}
