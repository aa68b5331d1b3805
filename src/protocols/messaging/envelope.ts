import { type CryptoProvider, signStatement, verifyStatement } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { ENVELOPE_LABEL, EPOCH_LENGTH, MAX_AGE, MAX_CLOCK_SKEW, MAX_ENVELOPE, REFUSAL, TYPE } from './constants.ts'
import { EnvelopeContent, Envelope as EnvelopePb } from './pb/message.ts'
import { isUuidV7 } from './uuid.ts'

/** What an envelope says: docs/spec/message.md §2. */
export interface Envelope {
  /** 16 bytes, UUIDv7. */
  id: Uint8Array
  type: number
  /** 32 bytes each, Ed25519. */
  sender: Uint8Array
  recipient: Uint8Array
  /** When it was sealed, milliseconds since the epoch. */
  timestamp: number
  /** TEXT and SKIP; otherwise empty and 0. */
  epoch: Uint8Array
  sequence: number
  floor: number
  confirm: boolean
  body: Uint8Array
}

export interface EnvelopeSigner {
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** An envelope that is refused, with what its sender is told. */
export class EnvelopeError extends TalosError {
  readonly refusal: number
  /** Of the refused envelope, as far as it could be read. */
  readonly id: Uint8Array | undefined

  constructor(refusal: number, message: string, id?: Uint8Array, cause?: unknown) {
    super('MESSAGE_MALFORMED', message, { cause })
    this.refusal = refusal
    this.id = id
  }
}

/** Protons wants views of plain buffers; ours never share memory. */
export const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>

export function signEnvelope(
  signer: EnvelopeSigner,
  envelope: Pick<Envelope, 'id' | 'type' | 'recipient' | 'timestamp' | 'body'> & Partial<Envelope>
): Uint8Array {
  const content = EnvelopeContent.encode({ ...envelope, sender: signer.publicKey } as Partial<EnvelopeContent>)
  return EnvelopePb.encode({ content, signature: plain(signStatement(signer, ENVELOPE_LABEL, content)) })
}

/**
 * Reads an envelope, and checks its form, its signature, that it is for `self` and its time: all that can be known without a
 * session. Throws EnvelopeError.
 */
export function openEnvelope(crypto: CryptoProvider, bytes: Uint8Array, self: Uint8Array, now: number): Envelope {
  if (bytes.byteLength > MAX_ENVELOPE) throw malformed('it is too long')
  const { content, signature } = decoded(() => EnvelopePb.decode(bytes))
  const envelope: Envelope = decoded(() => EnvelopeContent.decode(content))
  const { id } = envelope
  if (!isUuidV7(id)) throw malformed('its id is not a UUIDv7')
  if (!isKey(envelope.sender) || !isKey(envelope.recipient)) throw malformed('a key does not have 32 bytes', id)
  for (const number of [envelope.timestamp, envelope.sequence, envelope.floor]) {
    if (!Number.isSafeInteger(number)) throw malformed('a number is too large', id)
  }
  if (Buffer.compare(envelope.recipient, self) !== 0) throw malformed('it is for somebody else', id)
  if (!verifyStatement(crypto, envelope.sender, ENVELOPE_LABEL, content, signature)) {
    throw malformed('its signature is not by its sender', id)
  }
  if (envelope.timestamp > now + MAX_CLOCK_SKEW || envelope.timestamp < now - MAX_AGE) {
    throw new EnvelopeError(REFUSAL.clock, `a message is dated ${isoTime(envelope.timestamp)}`, id)
  }
  checkNumbers(envelope)
  return envelope
}

function checkNumbers({ id, type, epoch, sequence, floor }: Envelope): void {
  if (type === TYPE.text || type === TYPE.skip) {
    if (epoch.length !== EPOCH_LENGTH || !isUuidV7(epoch)) throw malformed('its epoch is not a UUIDv7', id)
    if (sequence < 1 || floor < 1 || floor > sequence) throw malformed('its sequence is out of range', id)
  } else if (type !== TYPE.ack && type !== TYPE.refusal) {
    throw new EnvelopeError(REFUSAL.unsupported, `envelopes of type ${type} are not known`, id)
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (isTalosError(cause)) throw cause
    throw malformed('it cannot be decoded', undefined, cause)
  }
}

const isKey = (bytes: Uint8Array): boolean => bytes.length === 32

function malformed(why: string, id?: Uint8Array, cause?: unknown): EnvelopeError {
  return new EnvelopeError(REFUSAL.malformed, `a message is malformed: ${why}`, id, cause)
}

function isoTime(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString()
}
