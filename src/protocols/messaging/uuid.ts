import { TalosError } from '../../errors.ts'

export { isUuidV7, UuidSource, uuidText } from '../../crypto/uuid.ts'

/** Throws MESSAGE_UNKNOWN for what is no id: there is no such message. */
export function uuidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) {
    throw new TalosError('MESSAGE_UNKNOWN', 'that is not the id of a message')
  }
  return new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'))
}
