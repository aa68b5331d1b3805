import { peerIdFromString } from '@libp2p/peer-id'
import { shake128 } from '@noble/hashes/sha3.js'
import { createNoble } from '../../src/crypto/noble.ts'
import { peerIdOf } from '../../src/crypto/peer-key.ts'
import { encodeFrame, encodeVarint } from '../../src/protocols/framing/index.ts'
import { StreamSession } from '../../src/protocols/ratchet/index.ts'
import { DEFAULT_WINDOW, FRAME, REFUSAL } from '../../src/protocols/streams/constants.ts'
import { contextOf, streamSecret } from '../../src/protocols/streams/handshake.ts'
import {
  StreamAccept,
  StreamChunk,
  StreamCredit,
  StreamEnd,
  StreamRefuse,
  StreamStart
} from '../../src/protocols/streams/pb/stream.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** 64 times "talos ", as a zstd frame: what an encoder makes may differ between versions, so it is given. */
export const ZSTD_SAMPLE = { block: 'talos '.repeat(64), encoded: '28b52ffd6080006d00003074616c6f7320010077514b11' }

/**
 * Every form of docs/spec/stream.md with fixed contents: what test/vectors/stream.json holds. Everything random comes from
 * SHAKE128 of the ASCII bytes "talos/stream-vectors", in the order of use.
 */
export function makeStreamVectors(): Record<string, unknown> {
  const source = shake128.create({}).update(Buffer.from('talos/stream-vectors'))
  const draw = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(source.xof(length))
  let draws: Uint8Array[] = []
  const crypto = createNoble(length => {
    const bytes = draw(length)
    draws.push(bytes.slice())
    return bytes
  })
  const drawn = (): string[] => {
    const taken = draws.map(hex)
    draws = []
    return taken
  }

  const [writerKey, readerKey] = [crypto.ed25519.generate(), crypto.ed25519.generate()]
  drawn()
  const writer = peerIdFromString(peerIdOf(writerKey.publicKey))
  const reader = peerIdFromString(peerIdOf(readerKey.publicKey))
  const [streamId, writerHalf, readerHalf] = [draw(16), draw(32), draw(32)]
  const ratchet = crypto.x25519.generate()
  const [readerRatchetSecret] = drawn()
  const ratchetKey = Uint8Array.from(ratchet.publicKey)

  const start = { streamId, secret: writerHalf }
  const bodies = {
    start: StreamStart.encode({ ...start, codec: 'zstd', priority: 3, label: 'build log, äöü' }),
    startLeast: StreamStart.encode({ ...start, codec: 'identity', priority: 1, label: '' }),
    accept: StreamAccept.encode({ streamId, secret: readerHalf, ratchetKey, window: DEFAULT_WINDOW })
  }
  const refusals = Object.fromEntries(
    Object.entries(REFUSAL).map(([name, reason]) => {
      const details = reason === REFUSAL.noSession ? { withoutOneTime: true } : {}
      return [name, framed(FRAME.refuse, StreamRefuse.encode({ reason, ...details }))]
    })
  )

  const secret = Uint8Array.from(streamSecret(writerHalf.slice(), readerHalf.slice()))
  const context = contextOf(writer, reader, streamId)
  let time = 0
  const options = () => ({ crypto, clock: () => time, secret: secret.slice(), context })
  const initiator = StreamSession.initiator(options(), ratchetKey)
  const [writerFirstRatchetSecret] = drawn()
  const responder = StreamSession.responder(options(), ratchet)
  const conversation: unknown[] = []
  const say = (
    from: 'writer' | 'reader',
    type: 'chunk' | 'end' | 'credit',
    message: object,
    body: Uint8Array
  ): void => {
    const [sender, receiver] = from === 'writer' ? [initiator, responder] : [responder, initiator]
    const plaintext = Buffer.concat([Uint8Array.of(FRAME[type]), body])
    const sealed = sender.seal(plaintext)
    const secrets = drawn()
    receiver.open(sealed)
    conversation.push({
      from,
      type,
      atMilliseconds: time,
      message,
      plaintext: hex(plaintext),
      newRatchetSecret: secrets.length === 2 ? secrets[0] : null,
      salt: secrets.at(-1),
      onTheWire: framed(FRAME[type], sealed)
    })
  }
  const chunk = (number: number, block: Uint8Array<ArrayBuffer>): void =>
    say('writer', 'chunk', { number, block: hex(block) }, StreamChunk.encode({ number, block }))
  const credit = (taken: number): void => say('reader', 'credit', { taken }, StreamCredit.encode({ taken }))
  const end = (from: 'writer' | 'reader', message: { code: string; message: string; chunks: number }): void =>
    say(from, 'end', message, StreamEnd.encode(message))

  chunk(1, Uint8Array.from(Buffer.from('one')))
  chunk(2, Uint8Array.from(Buffer.from('two')))
  credit(134)
  time = 2_000
  chunk(3, Uint8Array.from(Buffer.from('three')))
  credit(203)
  end('writer', { code: '', message: '', chunks: 3 })
  end('reader', { code: '', message: '', chunks: 3 })
  end('writer', { code: 'STREAM_ABORTED', message: 'no more', chunks: 3 })

  return {
    about: 'Known answers for docs/spec/stream.md. Byte strings are hex; onTheWire is with the length in front.',
    writer: { publicKey: hex(writerKey.publicKey), peerId: writer.toString() },
    reader: { publicKey: hex(readerKey.publicKey), peerId: reader.toString() },
    streamId: hex(streamId),
    writerSecret: hex(writerHalf),
    readerSecret: hex(readerHalf),
    readerRatchetSecret,
    readerRatchetKey: hex(ratchetKey),
    // sealed by the main session before they travel; docs/spec/session.md has vectors for that
    sealedBodies: Object.fromEntries(Object.entries(bodies).map(([name, bytes]) => [name, hex(bytes)])),
    refusals,
    joinedSecret: hex(secret),
    context: hex(context),
    writerFirstRatchetSecret,
    conversation,
    zstd: ZSTD_SAMPLE
  }
}

function framed(type: number, body: Uint8Array): string {
  const frame = encodeFrame(type, body).subarray()
  return hex(Buffer.concat([encodeVarint(frame.byteLength), frame]))
}
