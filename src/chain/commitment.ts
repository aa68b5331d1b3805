import { equalBytes, readUint64, viewOf } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { fromText, sha256Text, sha512Text, toText, writeText, writeUtf8 } from './hash.ts'
import { MerkleTree, rootFromInclusion, rootOfTexts } from './tree.ts'

/** A fact about what happened: text, an integer of 0 to 2^53 - 1, or bytes. */
export type FieldValue = string | number | Uint8Array
export interface Field {
  /** 1 to 64 of `a-z 0-9 . _ -`. */
  name: string
  value: FieldValue
}

/** What the owner keeps of a record beside it. Without the secret nothing tells what the commitment is to. */
export interface Payload {
  /** 32 random bytes. */
  secret: Uint8Array
  fields: readonly Field[]
}

/** A field that was opened: whoever has it can check it against the record's commitment, and learns nothing of the others. */
export interface OpenedField extends Field {
  /** 16 bytes. */
  salt: Uint8Array
  index: number
  count: number
  path: readonly Uint8Array[]
}

const TYPE = { bytes: 0, text: 1, integer: 2 } as const
const SALT_LENGTH = 16
export const SECRET_LENGTH = 32
export const MAX_FIELDS = 32
/** Bytes of all fields of a record together. */
export const MAX_PAYLOAD = 100_000
const NAME = /^[a-z0-9._-]{1,64}$/
const encoder = new TextEncoder()
/** What salts are derived from: label ‖ 0x00 ‖ secret (32) ‖ number (1). */
const SALTS_LABEL = encoder.encode('talos/record-salts/v1\0')
const SALTS_A_HASH = 4
const saltsInput = new Uint8Array(SALTS_LABEL.length + 32 + 1)
saltsInput.set(SALTS_LABEL)

/** Writes a value as it is hashed, its type (1 byte), then UTF-8, eight bytes big-endian, or the bytes: where it ends. */
function writeValue(to: Buffer, at: number, value: FieldValue): number {
  if (typeof value === 'string') {
    to[at] = TYPE.text
    return at + 1 + writeUtf8(to, value, at + 1)
  }
  if (typeof value !== 'number') {
    to[at] = TYPE.bytes
    to.set(value, at + 1)
    return at + 1 + value.length
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new FormatError('MESSAGE_FORMAT_INVALID', 'a field has a number that is no integer from 0 to 2^53 - 1')
  }
  to[at] = TYPE.integer
  to.writeUInt32BE(Math.floor(value / 2 ** 32), at + 1)
  to.writeUInt32BE(value % 2 ** 32, at + 5)
  return at + 9
}

/** A value as it is hashed. @throws CHAIN_FORMAT */
export function encodeValue(value: FieldValue): Uint8Array {
  const bytes = Buffer.alloc(valueLength(value))
  writeValue(bytes, 0, value)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

const valueLength = (value: FieldValue): number =>
  1 + (typeof value === 'string' ? Buffer.byteLength(value) : typeof value === 'number' ? 8 : value.length)

/** @throws CHAIN_FORMAT */
export function decodeValue(bytes: Uint8Array): FieldValue {
  const content = bytes.subarray(1)
  if (bytes[0] === TYPE.bytes) return content.slice()
  if (bytes[0] === TYPE.text) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
    } catch {
      throw new FormatError('MESSAGE_FORMAT_INVALID', 'a field has text that is not UTF-8')
    }
  }
  const value = bytes[0] === TYPE.integer && content.length === 8 ? readUint64(viewOf(content), 0) : Number.NaN
  if (Number.isNaN(value)) throw new FormatError('MESSAGE_FORMAT_INVALID', 'a field has a value that cannot be')
  return value
}

/** What most leaves fit into. */
const leafInput = Buffer.alloc(1_024)

/** SHA-256(0x00 ‖ salt ‖ length of name (1) ‖ name ‖ value), of and as text with a character for each byte. */
function leafOf(salt: string, { name, value }: Field): string {
  const start = 2 + SALT_LENGTH + name.length
  const most = start + 9 + (typeof value === 'string' ? 3 * value.length : typeof value === 'number' ? 0 : value.length)
  const input = most <= leafInput.length ? leafInput : Buffer.alloc(most)
  writeText(input, salt, 1)
  input[1 + SALT_LENGTH] = name.length
  writeText(input, name, 2 + SALT_LENGTH)
  return sha256Text(input.subarray(0, writeValue(input, start, value)))
}

/** One salt a field after the other, from the secret: whoever learns one learns no other. */
function saltsOf({ secret, fields }: Payload): string {
  saltsInput.set(secret, SALTS_LABEL.length)
  let salts = ''
  for (let i = 0; i < fields.length; i += SALTS_A_HASH) {
    saltsInput[saltsInput.length - 1] = i / SALTS_A_HASH
    salts += sha512Text(saltsInput)
  }
  saltsInput.fill(0, SALTS_LABEL.length)
  return salts
}

const saltAt = (salts: string, index: number): string => salts.slice(index * SALT_LENGTH, (index + 1) * SALT_LENGTH)

function leavesOf({ fields }: Payload, salts: string): string[] {
  return fields.map((field, i) => leafOf(saltAt(salts, i), field))
}

/** The commitment to a payload: 32 bytes. @throws CHAIN_FORMAT when the payload breaks a limit */
export function commit(payload: Payload): Uint8Array {
  const { fields } = payload
  if (fields.length < 1 || fields.length > MAX_FIELDS) {
    throw new FormatError('MESSAGE_FORMAT_INVALID', `a record has 1 to ${MAX_FIELDS} fields`)
  }
  for (let i = 0; i < fields.length; i++) {
    const { name } = fields[i]!
    if (!NAME.test(name)) throw new FormatError('MESSAGE_FORMAT_INVALID', 'a field has a name that cannot be')
    for (let j = 0; j < i; j++) {
      if (fields[j]!.name === name) {
        throw new FormatError('MESSAGE_FORMAT_INVALID', 'two fields of a record have the same name')
      }
    }
  }
  return fromText(rootOfTexts(leavesOf(payload, saltsOf(payload))))
}

/** Opens the field called `name`; undefined when there is none. */
export function openField(payload: Payload, name: string): OpenedField | undefined {
  const index = payload.fields.findIndex(field => field.name === name)
  const field = payload.fields[index]
  if (field === undefined) return undefined
  const salts = saltsOf(payload)
  const tree = new MerkleTree(leavesOf(payload, salts).map(fromText))
  return {
    ...field,
    salt: fromText(saltAt(salts, index)),
    index,
    count: payload.fields.length,
    path: tree.inclusionPath(index)
  }
}

/** Whether `opened` is a field of what was committed to. */
export function verifyOpening(commitment: Uint8Array, opened: OpenedField): boolean {
  // a name is ASCII: one byte a character
  if (opened.salt.length !== SALT_LENGTH || !NAME.test(opened.name) || opened.count > MAX_FIELDS) return false
  const leaf = leafOf(toText(opened.salt), opened)
  const root = rootFromInclusion(fromText(leaf), opened.index, opened.count, opened.path)
  return root !== undefined && equalBytes(root, commitment)
}

/** The payload as it is kept: secret (32) ‖ count (1) ‖ for each field: name length (1) ‖ name ‖ value length (4) ‖ value. */
export function encodePayload(payload: Payload): Uint8Array {
  const bytes = Buffer.alloc(payloadLength(payload))
  writePayload(bytes, 0, payload)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** What {@link encodePayload} gives has so many bytes. @throws CHAIN_FORMAT when that is too much */
export function payloadLength({ fields }: Payload): number {
  let length = SECRET_LENGTH + 1
  for (const { name, value } of fields) length += 5 + name.length + valueLength(value)
  if (length <= MAX_PAYLOAD) return length
  throw new FormatError('SIZE_EXCEEDED', `the fields of a record have at most ${MAX_PAYLOAD} bytes`)
}

/** Writes what {@link encodePayload} gives: where it ends. */
export function writePayload(to: Buffer, from: number, { secret, fields }: Payload): number {
  to.set(secret, from)
  to[from + SECRET_LENGTH] = fields.length
  let at = from + SECRET_LENGTH + 1
  for (const { name, value } of fields) {
    to[at] = name.length
    const start = at + 1 + writeText(to, name, at + 1) + 4
    at = writeValue(to, start, value)
    to.writeUInt32BE(at - start, start - 4)
  }
  return at
}

/** @throws CHAIN_FORMAT */
export function decodePayload(bytes: Uint8Array): Payload {
  const cutOff = () => new FormatError('MESSAGE_FORMAT_INVALID', 'a payload is cut off, or goes on after its end')
  const count = bytes[SECRET_LENGTH]
  if (count === undefined) throw cutOff()
  const view = viewOf(bytes)
  const fields: Field[] = []
  let at = SECRET_LENGTH + 1
  for (let i = 0; i < count; i++) {
    const nameEnd = at + 1 + (bytes[at] ?? 0)
    if (nameEnd + 4 > bytes.length) throw cutOff()
    const end = nameEnd + 4 + view.getUint32(nameEnd)
    if (end > bytes.length) throw cutOff()
    const name = new TextDecoder().decode(bytes.subarray(at + 1, nameEnd))
    fields.push({ name, value: decodeValue(bytes.subarray(nameEnd + 4, end)) })
    at = end
  }
  if (at !== bytes.length) throw cutOff()
  return { secret: bytes.slice(0, SECRET_LENGTH), fields }
}
