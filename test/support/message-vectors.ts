import { shake128 } from '@noble/hashes/sha3.js'
import { crypto } from '../../src/crypto/index.ts'
import { FRAME, REFUSAL, TYPE } from '../../src/protocols/messaging/constants.ts'
import { type Envelope, signEnvelope } from '../../src/protocols/messaging/envelope.ts'
import { AckBody, MessageFrame, Refusal, TextBody } from '../../src/protocols/messaging/pb/message.ts'
import { UuidSource } from '../../src/protocols/messaging/uuid.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/**
 * Every form of docs/spec/message.md with fixed contents: what test/vectors/message.json holds. Everything random comes from
 * SHAKE128 of the ASCII bytes "talos/message-vectors", in the order of use. Bodies that a session seals are random bytes.
 */
export function makeMessageVectors() {
  const source = shake128.create({}).update(Buffer.from('talos/message-vectors'))
  const draw = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(source.xof(length))
  const seeds = { alice: draw(32), bob: draw(32) }
  const alice = crypto.ed25519.fromSeed(seeds.alice)
  const bob = crypto.ed25519.fromSeed(seeds.bob)
  const now = 1_790_000_000_000
  const uuids = new UuidSource(() => now, draw)
  const epoch = uuids.next()
  const plain = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>

  const bodies = {
    text: TextBody.encode({
      contentType: 'text/plain; charset=utf-8',
      content: plain(new TextEncoder().encode('hello')),
      sentAt: now
    }),
    ack: AckBody.encode({ delivered: [{ epoch: plain(epoch), ranges: [1, 5, 7, 7] }], read: [plain(uuids.next())] }),
    answer: TextBody.encode({
      contentType: 'text/plain; charset=utf-8',
      content: plain(new TextEncoder().encode('hello yourself')),
      sentAt: now,
      delivered: [{ epoch: plain(epoch), ranges: [1, 5] }]
    }),
    refusal: Refusal.encode({ reason: REFUSAL.unreadable, ids: [plain(uuids.next())], withoutOneTime: true })
  }
  const seal = (name: string, fields: Partial<Envelope> & Pick<Envelope, 'type' | 'body'>) => {
    const id = uuids.next()
    const envelope = signEnvelope(alice, { id, recipient: bob.publicKey, timestamp: now, ...fields })
    return { name, id: hex(id), body: hex(fields.body), envelope: hex(envelope) }
  }
  const envelopes = [
    seal('TEXT', { type: TYPE.text, epoch, sequence: 7, floor: 5, body: draw(64) }),
    seal('ACK', { type: TYPE.ack, confirm: true, body: draw(48) }),
    seal('REFUSAL', { type: TYPE.refusal, body: bodies.refusal }),
    seal('SKIP', { type: TYPE.skip, epoch, sequence: 300, floor: 300, body: new Uint8Array() })
  ]
  const frames = {
    envelopes: MessageFrame.encode({
      type: FRAME.envelopes,
      envelopes: envelopes.slice(0, 2).map(({ envelope }) => new Uint8Array(Buffer.from(envelope, 'hex')))
    }),
    refuse: MessageFrame.encode({ type: FRAME.refuse, refusal: bodies.refusal }),
    done: MessageFrame.encode({ type: FRAME.done, ids: [new Uint8Array(Buffer.from(envelopes[1]!.id, 'hex'))] }),
    room: MessageFrame.encode({ type: FRAME.room })
  }
  const allHex = (values: Record<string, Uint8Array>) =>
    Object.fromEntries(Object.entries(values).map(([name, bytes]) => [name, hex(bytes)]))
  return {
    about: 'Known answers for docs/spec/message.md. Byte strings are hex; frames are without the length in front.',
    now,
    sender: { seed: hex(seeds.alice), publicKey: hex(alice.publicKey) },
    recipient: { seed: hex(seeds.bob), publicKey: hex(bob.publicKey) },
    epoch: hex(epoch),
    bodies: allHex(bodies),
    envelopes,
    frames: allHex(frames)
  }
}
