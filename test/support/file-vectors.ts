import { hash } from 'node:crypto'
import { shake128 } from '@noble/hashes/sha3.js'
import { noble } from '../../src/crypto/noble.ts'
import { peerIdOf } from '../../src/crypto/peer-key.ts'
import { ANSWER, CHUNK_LENGTH, FRAME, REFUSAL } from '../../src/protocols/files/constants.ts'
import { FileDigests } from '../../src/protocols/files/digests.ts'
import { encodeCounts, encodeEntry, encodeEntryEnd, encodeStop, KIND } from '../../src/protocols/files/messages.ts'
import { safeName } from '../../src/protocols/files/names.ts'
import { FileAnswer, FileOffer, FileRefuse } from '../../src/protocols/files/pb/file.ts'
import { deriveStreamKeys, StreamSealer } from '../../src/protocols/files/stream.ts'
import { encodeFrame, encodeVarint } from '../../src/protocols/framing/index.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes as Uint8Array<ArrayBuffer>, 'buffer')

/** Byte i of a file is i times 7 plus the number of its block of 251, modulo 256: no two chunks are alike. */
export function contentOfVector(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i * 7 + Math.floor(i / 251))
}

/**
 * Every form of docs/spec/file.md with fixed contents: what test/vectors/file.json holds. Everything random comes from SHAKE128 of the
 * ASCII bytes "talos/file-vectors", in the order of use.
 */
export function makeFileVectors(): Record<string, unknown> {
  const source = shake128.create({}).update(Buffer.from('talos/file-vectors'))
  const draw = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(source.xof(length))
  const person = () => peerIdOf(noble.ed25519.fromSeed(draw(32)).publicKey)
  const [sender, receiver] = [person(), person()]
  const transferId = draw(16)
  const [offerSecret, answerSecret] = [draw(32), draw(32)]

  const offer = {
    transferId,
    secret: offerSecret,
    name: 'report.pdf',
    directory: false,
    size: 600_000,
    entries: 1,
    mediaType: 'application/pdf',
    cancelled: false,
    aes: false
  }
  const accepted = { transferId, answer: ANSWER.accepted, reason: '', secret: answerSecret, entries: 0, chunks: 0 }
  const answer = { ...accepted, aes: false }
  const none = new Uint8Array()
  const bodies = {
    offer: FileOffer.encode(offer),
    offerOfDirectory: FileOffer.encode({ ...offer, directory: true, entries: 5_000, mediaType: 'inode/directory' }),
    offerCancelled: FileOffer.encode({ ...offer, cancelled: true }),
    offerWithAes: FileOffer.encode({ ...offer, aes: true }),
    answer: FileAnswer.encode(answer),
    answerWithAes: FileAnswer.encode({ ...answer, aes: true }),
    answerWithSome: FileAnswer.encode({ ...answer, entries: 300, chunks: 2 }),
    answerDeclined: FileAnswer.encode({ ...answer, answer: ANSWER.declined, reason: 'not now', secret: none })
  }
  const refusals = Object.entries(REFUSAL).map(([name, reason]) => [
    name,
    framed(FRAME.refuse, FileRefuse.encode({ reason, notice: none, withoutOneTime: reason === REFUSAL.noSession }))
  ])

  const keysWith = (aes: boolean) =>
    deriveStreamKeys(
      noble,
      { offer: offerSecret.slice(), answer: answerSecret.slice() },
      { sender, receiver, transferId, aes }
    )
  const [keys, withAes] = [keysWith(false), keysWith(true)]
  // key and nonce prefix, as the specification has them
  const shown = (key: Uint8Array): string => hex(key.subarray(1))
  const streamKeys = { content: shown(keys.content), control: shown(keys.control) }
  const streamKeysWithAes = { content: shown(withAes.content), control: shown(withAes.control) }
  const direction = (key: Uint8Array, messages: Uint8Array[]) => {
    const sealer = new StreamSealer(key)
    return messages.map((message, at) => {
      const last = at === messages.length - 1
      const onTheWire = framed(last ? FRAME.last : FRAME.message, sealer.seal(message, last))
      return { message: hex(message), onTheWire }
    })
  }
  const small = contentOfVector(10)
  const digests = digestsOf(small)
  const chunk = Buffer.concat([Uint8Array.of(KIND.chunk), small])
  const empty = digestsOf(none).root()

  return {
    about: 'Known answers for docs/spec/file.md. Byte strings are hex; onTheWire is with the length in front.',
    chunkLength: CHUNK_LENGTH,
    sender,
    receiver,
    // sealed by the main session before they travel; docs/spec/session.md has vectors for that
    sealedBodies: Object.fromEntries(Object.entries(bodies).map(([name, bytes]) => [name, hex(bytes)])),
    refusals: Object.fromEntries(refusals),
    wait: framed(FRAME.wait, none),
    streamKeys,
    streamKeysWithAes,
    fromSenderWithAes: direction(withAes.content, [chunk, encodeStop('FILE_CANCELLED')]),
    fromSender: direction(keys.content, [
      encodeEntry({ path: 'a/ü', directory: false, size: small.length, from: 0, root: empty }),
      chunk,
      encodeEntryEnd({ sha256: sha256(small), root: digests.root() }),
      Uint8Array.of(KIND.ping),
      encodeEntry({ path: 'b', directory: true, size: 0, from: 0, root: empty }),
      encodeCounts(KIND.end, { entries: 2, bytes: 10 })
    ]),
    fromReceiver: direction(keys.control, [
      encodeCounts(KIND.progress, { entries: 1, bytes: 10 }),
      encodeStop('FILE_CANCELLED')
    ]),
    // byte i of a file is (7 i + floor(i / 251)) mod 256
    files: [0, 1, 65_507, CHUNK_LENGTH, CHUNK_LENGTH + 1, 3 * CHUNK_LENGTH, 5 * CHUNK_LENGTH + 7].map(size => {
      const bytes = contentOfVector(size)
      return { size, sha256: hex(sha256(bytes)), root: hex(digestsOf(bytes).root()) }
    }),
    names: ['report.pdf', 'a/b', 'nul.txt', '..', 'x ', 'x\u202etxt.exe', 'x'.repeat(300)].map(name => ({
      name,
      safe: safeName(name)
    }))
  }
}

/** Of a whole file. */
export function digestsOf(content: Uint8Array): FileDigests {
  const digests = new FileDigests()
  for (let at = 0; at < content.length; at += CHUNK_LENGTH) digests.append(content.subarray(at, at + CHUNK_LENGTH))
  return digests
}

function framed(type: number, body: Uint8Array): string {
  const frame = encodeFrame(type, body).subarray()
  return hex(Buffer.concat([encodeVarint(frame.byteLength), frame]))
}
