import { randomBytes } from 'node:crypto'
import type { Connection, PeerId } from '@libp2p/interface'
import { type CryptoProvider, isAesQuicker } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { encodeFrame, type FrameStream } from '../framing/index.ts'
import type { MainSessions } from '../sessions/index.ts'
import {
  ANSWER,
  FRAME,
  MAX_NAME_LENGTH,
  MAX_OFFER_LENGTH,
  REFUSAL,
  SECRET_LENGTH,
  TRANSFER_ID_LENGTH
} from './constants.ts'
import { watch } from './content.ts'
import { decodeFrame } from './frames.ts'
import { FileAnswer, FileOffer, FileRefuse } from './pb/file.ts'
import { deriveStreamKeys, type StreamKeys } from './stream.ts'

/** Who we are and with what: the same for every transfer. */
export interface Party {
  self: PeerId
  sessions: MainSessions
  crypto: CryptoProvider
}

/** An offer without what belongs to its stream. */
export type OfferedTransfer = Omit<FileOffer, 'secret' | 'aes'>

/**
 * The sender's side: offers, and waits for the answer as long as the receiver says that it is deciding. `keys` are there when
 * it accepts. Throws FILE_NO_SESSION (healed: offer again), FILE_BUSY, FILE_PROTOCOL, FILE_SILENT, NETWORK_*, SESSION_*.
 */
export async function makeOffer(
  frames: FrameStream,
  connection: Connection,
  offered: OfferedTransfer,
  { self, sessions, crypto }: Party,
  signal: AbortSignal
): Promise<{ answer: FileAnswer; keys: StreamKeys | undefined }> {
  const receiver = connection.remotePeer
  const secret = randomBytes(SECRET_LENGTH)
  const sealed = await sessions.seal(connection, FileOffer.encode({ ...offered, secret, aes: isAesQuicker() }), signal)
  await frames.write(encodeFrame(FRAME.offer, sealed), signal)
  const { type, body } = await afterWaiting(frames, signal)
  if (type === FRAME.refuse) throw await refused(decode(FileRefuse, body), receiver, sessions)
  if (type !== FRAME.answer) throw violation(`the receiver answered with frame type ${type}`)
  const answer = decode(FileAnswer, (await sessions.open(receiver, body)).plaintext)
  if (Buffer.compare(answer.transferId, offered.transferId) !== 0) throw violation('an answer to another offer')
  if (answer.answer !== ANSWER.accepted) return { answer, keys: undefined }
  if (answer.secret.byteLength !== SECRET_LENGTH) throw violation('an answer without a secret')
  const { aes } = answer
  if (aes && !isAesQuicker()) throw violation('an answer with a cipher that was not offered')
  const context = { sender: self.toString(), receiver: receiver.toString(), transferId: offered.transferId, aes }
  return { answer, keys: deriveStreamKeys(crypto, { offer: secret, answer: answer.secret }, context) }
}

async function afterWaiting(frames: FrameStream, signal: AbortSignal): Promise<{ type: number; body: Uint8Array }> {
  const silence = watch(frames)
  try {
    for (;;) {
      const frame = decodeFrame(await frames.read(signal))
      if (frame.type !== FRAME.wait) return frame
      silence.heard()
    }
  } finally {
    silence.stop()
  }
}

/** The receiver's side: reads an offer. Throws FILE_PROTOCOL, and SESSION_* when it cannot be read, having said so. */
export async function readOffer(
  frames: FrameStream,
  peer: PeerId,
  sessions: MainSessions,
  signal: AbortSignal
): Promise<FileOffer> {
  const { type, body } = decodeFrame(await frames.read(signal))
  if (type !== FRAME.offer) throw violation(`a transfer began with frame type ${type}`)
  if (body.byteLength > MAX_OFFER_LENGTH) throw violation('an offer is too long')
  const plaintext = await sessions.open(peer, body).then(
    opened => opened.plaintext,
    async error => {
      if (isTalosError(error) && error.code.startsWith('SESSION_')) {
        const { notice, withoutOneTime } = sessions.explain(peer, body, error)
        await refuse(frames, REFUSAL.noSession, signal, { notice: notice ?? new Uint8Array(), withoutOneTime })
      }
      throw error
    }
  )
  const offer = decode(FileOffer, plaintext)
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
  if (
    offer.transferId.byteLength !== TRANSFER_ID_LENGTH ||
    offer.secret.byteLength !== SECRET_LENGTH ||
    !isCount(offer.size) ||
    !isCount(offer.entries) ||
    (!offer.directory && offer.entries !== 1)
  ) {
    throw violation('an offer has fields that cannot be')
  }
  if (Buffer.byteLength(offer.name) > MAX_NAME_LENGTH || !/^[\w.+/-]{0,100}$/.test(offer.mediaType)) {
    throw violation('an offer has a name or type that cannot be')
  }
  return offer
}

/** Answers an offer; with keys when it is accepted. */
export async function giveAnswer(
  frames: FrameStream,
  connection: Connection,
  offer: FileOffer,
  answer: Partial<FileAnswer>,
  { self, sessions, crypto }: Party,
  signal: AbortSignal
): Promise<StreamKeys> {
  const secret = randomBytes(SECRET_LENGTH)
  const accepts = (answer.answer ?? ANSWER.accepted) === ANSWER.accepted
  const { transferId } = offer
  const aes = accepts && offer.aes && isAesQuicker()
  const plaintext = FileAnswer.encode({ ...answer, transferId, ...(accepts ? { secret, aes } : {}) })
  const sealed = await sessions.seal(connection, plaintext, signal)
  const context = { sender: connection.remotePeer.toString(), receiver: self.toString(), transferId, aes }
  const keys = deriveStreamKeys(crypto, { offer: offer.secret, answer: secret }, context)
  await frames.write(encodeFrame(FRAME.answer, sealed), signal)
  return keys
}

/** Says no to what was not read, and closes. */
export async function refuse(
  frames: FrameStream,
  reason: number,
  signal: AbortSignal,
  details: { notice?: Uint8Array; withoutOneTime?: boolean } = {}
): Promise<void> {
  const body = FileRefuse.encode({ reason, ...(details as Partial<FileRefuse>) })
  await frames.write(encodeFrame(FRAME.refuse, body), signal)
  await frames.finish(signal)
}

async function refused(
  { reason, notice, withoutOneTime }: FileRefuse,
  peer: PeerId,
  sessions: MainSessions
): Promise<TalosError> {
  switch (reason) {
    case REFUSAL.noSession:
      await sessions.heal(peer, { notice: notice.byteLength === 0 ? undefined : notice, withoutOneTime })
      return new TalosError('FILE_NO_SESSION', 'the receiver could not read the offer')
    case REFUSAL.busy:
      return new TalosError('FILE_BUSY', 'the receiver has as many transfers as it can hold')
    default:
      return violation(`the receiver refused for reason ${reason}`)
  }
}

function decode<T>(codec: { decode(bytes: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw new TalosError('FILE_PROTOCOL', 'the other side sent something that cannot be decoded', { cause })
  }
}

function violation(what: string): TalosError {
  return new TalosError('FILE_PROTOCOL', `the other side does not follow the protocol of files: ${what}`, {
    hint: 'It may run another version of Talos. Compare `talos version` on both machines.'
  })
}
