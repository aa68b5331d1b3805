import { crypto } from '../crypto/index.ts'
import { concatBytes, equalBytes, readUint64, viewOf, writeUint64 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { sha256 } from './hash.ts'
import { MerkleTree, merkleRoot, rootFromInclusion } from './tree.ts'

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
const SALTS = encoder.encode('talos/record-salts/v1')
const NO_SALT = new Uint8Array()

/** A value as it is hashed: its type (1 byte), then UTF-8, eight bytes big-endian, or the bytes. */
export function encodeValue(value: FieldValue): Uint8Array {
  if (typeof value === 'string') {
    const bytes = new Uint8Array(1 + Buffer.byteLength(value))
    bytes[0] = TYPE.text
    encoder.encodeInto(value, bytes.subarray(1))
    return bytes
  }
  if (typeof value !== 'number') return concatBytes(Uint8Array.of(TYPE.bytes), value)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new FormatError('MESSAGE_FORMAT_INVALID', 'a field has a number that is no integer from 0 to 2^53 - 1')
  }
  const bytes = new Uint8Array(9)
  bytes[0] = TYPE.integer
  writeUint64(viewOf(bytes), 1, value)
  return bytes
}

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

function leafOf(salt: Uint8Array, name: string, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + SALT_LENGTH + name.length + value.length)
  bytes.set(salt, 1)
  bytes[1 + SALT_LENGTH] = name.length
  encoder.encodeInto(name, bytes.subarray(2 + SALT_LENGTH))
  bytes.set(value, 2 + SALT_LENGTH + name.length)
  return sha256(bytes)
}

/** One salt a field, from the secret: whoever learns one learns no other. */
function saltsOf({ secret, fields }: Payload): Uint8Array[] {
  const salts = crypto.hkdf(secret, NO_SALT, SALTS, fields.length * SALT_LENGTH)
  return fields.map((_, i) => salts.subarray(i * SALT_LENGTH, (i + 1) * SALT_LENGTH))
}

function leavesOf(payload: Payload, salts: readonly Uint8Array[]): Uint8Array[] {
  return payload.fields.map(({ name, value }, i) => leafOf(salts[i]!, name, encodeValue(value)))
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
  return merkleRoot(leavesOf(payload, saltsOf(payload)))
}

/** Opens the field called `name`; undefined when there is none. */
export function openField(payload: Payload, name: string): OpenedField | undefined {
  const index = payload.fields.findIndex(field => field.name === name)
  const field = payload.fields[index]
  if (field === undefined) return undefined
  const salts = saltsOf(payload)
  const tree = new MerkleTree(leavesOf(payload, salts))
  return { ...field, salt: salts[index]!, index, count: payload.fields.length, path: tree.inclusionPath(index) }
}

/** Whether `opened` is a field of what was committed to. */
export function verifyOpening(commitment: Uint8Array, opened: OpenedField): boolean {
  // a name is ASCII: one byte a character
  if (opened.salt.length !== SALT_LENGTH || !NAME.test(opened.name) || opened.count > MAX_FIELDS) return false
  const leaf = leafOf(opened.salt, opened.name, encodeValue(opened.value))
  const root = rootFromInclusion(leaf, opened.index, opened.count, opened.path)
  return root !== undefined && equalBytes(root, commitment)
}

/** The payload as it is kept: secret (32) ‖ count (1) ‖ for each field: name length (1) ‖ name ‖ value length (4) ‖ value. */
export function encodePayload({ secret, fields }: Payload): Uint8Array {
  const values = fields.map(({ value }) => encodeValue(value))
  let length = SECRET_LENGTH + 1
  for (let i = 0; i < fields.length; i++) length += 5 + fields[i]!.name.length + values[i]!.length
  if (length > MAX_PAYLOAD) {
    throw new FormatError('SIZE_EXCEEDED', `the fields of a record have at most ${MAX_PAYLOAD} bytes`)
  }
  const bytes = new Uint8Array(length)
  const view = viewOf(bytes)
  bytes.set(secret)
  bytes[SECRET_LENGTH] = fields.length
  let at = SECRET_LENGTH + 1
  for (let i = 0; i < fields.length; i++) {
    const [{ name }, value] = [fields[i]!, values[i]!]
    bytes[at] = name.length
    encoder.encodeInto(name, bytes.subarray(at + 1))
    at += 1 + name.length
    view.setUint32(at, value.length)
    bytes.set(value, at + 4)
    at += 4 + value.length
  }
  return bytes
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
