import { encodeValue, type Field, type FieldValue } from '../../chain/index.ts'
import type { CryptoProvider } from '../../crypto/index.ts'
import { DIGEST_LENGTH } from './constants.ts'

/** What both sides of an operation know: these fields are compared, and of no other is anything told. */
const COMPARED = new Set([
  'event',
  'type',
  'size',
  'name',
  'content',
  'hash',
  'root',
  'entries',
  'service',
  'method',
  'tool',
  'resource',
  'prompt',
  'request',
  'result',
  'opened-by',
  'handshake',
  'one-time'
])

/** What the other side calls the same event. */
const COUNTERPARTS: Readonly<Record<string, string>> = {
  sent: 'received',
  received: 'sent',
  agreed: 'accepted',
  accepted: 'agreed',
  asked: 'served',
  served: 'asked',
  answered: 'confirmed',
  confirmed: 'answered'
}

export const comparedFields = (fields: readonly Field[]): Field[] => fields.filter(({ name }) => COMPARED.has(name))

/** What the other side's field must have for ours to be true. */
export function mirrored({ name, value }: Field): FieldValue {
  return name === 'event' && typeof value === 'string' ? (COUNTERPARTS[value] ?? value) : value
}

/** A field for who can make the same: HMAC-SHA-256 with the asker's nonce of name ‖ 0x00 ‖ type and value, 16 bytes. */
export function digestOf(crypto: CryptoProvider, nonce: Uint8Array, { name, value }: Field): Uint8Array {
  const head = new TextEncoder().encode(`${name}\0`)
  const body = encodeValue(value)
  const input = new Uint8Array(head.length + body.length)
  input.set(head)
  input.set(body, head.length)
  return crypto.hmacSha256(nonce, input).slice(0, DIGEST_LENGTH)
}
