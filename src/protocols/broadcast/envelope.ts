import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type CryptoProvider, signStatement, verifyStatement } from '../../crypto/index.ts'
import { peerIdOf } from '../../crypto/peer-key.ts'
import { isUuidV7, uuidText } from '../../crypto/uuid.ts'
import { BROADCAST_LABEL, MAX_CONTENT_LENGTH, MAX_CONTENT_TYPE_LENGTH, MAX_ENVELOPE_LENGTH } from './constants.ts'
import { Broadcast as BroadcastPb, SignedBroadcast } from './pb/broadcast.ts'

/** What was said to everybody on a topic. NOT encrypted: whoever listens, forwards or overhears it can read it. */
export interface Broadcast {
  /** UUIDv7. */
  id: string
  /** The topic's name, lower case. */
  topic: string
  /** Proved by the signature; who handed it to us is another matter. */
  sender: PeerId
  /** By the sender's clock, within 5 minutes of ours. Milliseconds since the epoch. */
  sentAt: number
  contentType: string
  /** At most 65,536 bytes. */
  content: Uint8Array
  /** A broadcast never is. */
  encrypted: false
}

/** A broadcast that was read; its signature has not been checked. */
export interface ReadBroadcast {
  broadcast: Broadcast
  /** Sender and id: equal for the same broadcast, however it is wrapped. */
  key: string
  verify(crypto: CryptoProvider): boolean
}

export interface BroadcastSigner {
  /** 32 bytes, Ed25519. */
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

export interface BroadcastFields {
  /** 16 bytes, UUIDv7. */
  id: Uint8Array
  /** Lower case. */
  topic: string
  /** Milliseconds since the epoch. */
  timestamp: number
  contentType: string
  content: Uint8Array
}

/** The envelope as it travels. The caller has checked the lengths. */
export function signBroadcast(fields: BroadcastFields, signer: BroadcastSigner): Uint8Array {
  const broadcast = BroadcastPb.encode({
    id: Uint8Array.from(fields.id),
    topic: fields.topic,
    sender: Uint8Array.from(signer.publicKey),
    timestamp: fields.timestamp,
    contentType: fields.contentType,
    content: fields.content as Uint8Array<ArrayBuffer>
  })
  return SignedBroadcast.encode({
    broadcast,
    signature: Uint8Array.from(signStatement(signer, BROADCAST_LABEL, broadcast))
  })
}

/** The broadcast in an envelope for `topic`, or undefined when it does not have the form that docs/spec/broadcast.md gives it. */
export function readBroadcast(envelope: Uint8Array, topic: string): ReadBroadcast | undefined {
  if (envelope.byteLength > MAX_ENVELOPE_LENGTH) return undefined
  let signed: SignedBroadcast
  let fields: BroadcastPb
  try {
    signed = SignedBroadcast.decode(envelope)
    fields = BroadcastPb.decode(signed.broadcast)
  } catch {
    return undefined
  }
  const wellFormed =
    isUuidV7(fields.id) &&
    fields.topic === topic &&
    fields.sender.byteLength === 32 &&
    Number.isSafeInteger(fields.timestamp) &&
    isContentType(fields.contentType) &&
    fields.content.byteLength <= MAX_CONTENT_LENGTH
  if (!wellFormed) return undefined
  const sender = peerIdOf(fields.sender)
  const id = uuidText(fields.id)
  return {
    broadcast: {
      id,
      topic,
      sender: peerIdFromString(sender),
      sentAt: fields.timestamp,
      contentType: fields.contentType,
      content: fields.content,
      encrypted: false
    },
    key: `${sender} ${id}`,
    verify: crypto => verifyStatement(crypto, fields.sender, BROADCAST_LABEL, signed.broadcast, signed.signature)
  }
}

/** 1 to 127 printable ASCII characters: strangers choose it, and it is shown. */
export function isContentType(text: string): boolean {
  return text.length <= MAX_CONTENT_TYPE_LENGTH && /^[\x21-\x7e][\x20-\x7e]*$/.test(text)
}
