import { signStatement } from '../../src/crypto/index.ts'
import { createNoble } from '../../src/crypto/noble.ts'
import { UuidSource } from '../../src/crypto/uuid.ts'
import { signBroadcast } from '../../src/protocols/broadcast/envelope.ts'
import { Broadcast, SignedBroadcast } from '../../src/protocols/broadcast/pb/broadcast.ts'
import { topicPath } from '../../src/protocols/broadcast/topics.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const SEED = new Uint8Array(32).fill(1)
export const BROADCAST_NOW = Date.UTC(2026, 0, 1)

export interface BroadcastCase {
  name: string
  verdict: 'accept' | 'ignore' | 'reject'
  envelope: Uint8Array
}

/** Every verdict of docs/spec/broadcast.md, to be judged in this order by one receiver at BROADCAST_NOW. */
export function broadcastCases(): BroadcastCase[] {
  const crypto = createNoble(length => new Uint8Array(length))
  const signer = crypto.ed25519.fromSeed(SEED)
  let count = 0
  const ids = new UuidSource(
    () => BROADCAST_NOW,
    length => new Uint8Array(length).fill(++count)
  )
  const id = (): Uint8Array => ids.next()
  const content = Buffer.from('rain at noon')
  const fields = () => ({ id: id(), topic: 'weather', timestamp: BROADCAST_NOW, contentType: 'text/plain', content })
  const sign = (changes: object = {}) => signBroadcast({ ...fields(), ...changes }, signer)
  const flip = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = bytes.slice()
    copy[at < 0 ? copy.length + at : at]! ^= 1
    return copy
  }

  const good = sign()
  const { broadcast, signature } = SignedBroadcast.decode(good)
  const rewrapped = SignedBroadcast.encode({ broadcast, signature })
  const v4 = id()
  v4[6] = 0x4f
  const longer = Broadcast.encode({
    ...Broadcast.decode(broadcast),
    id: Uint8Array.from(id()),
    content: new Uint8Array(64 * 1024 + 1)
  })
  const wrongLabel = signStatement(signer, 'talos/registration/v1', broadcast)
  return [
    { name: 'genuine', verdict: 'accept', envelope: good },
    { name: 'the same again', verdict: 'ignore', envelope: good },
    {
      name: 'the same with an unknown field around it',
      verdict: 'ignore',
      envelope: Buffer.concat([rewrapped, Uint8Array.of(0x18, 1)])
    },
    { name: 'empty content', verdict: 'accept', envelope: sign({ content: new Uint8Array() }) },
    { name: 'longest content', verdict: 'accept', envelope: sign({ content: new Uint8Array(64 * 1024) }) },
    { name: 'at the old end of the window', verdict: 'accept', envelope: sign({ timestamp: BROADCAST_NOW - 300_000 }) },
    { name: 'at the new end of the window', verdict: 'accept', envelope: sign({ timestamp: BROADCAST_NOW + 300_000 }) },
    { name: 'too old', verdict: 'ignore', envelope: sign({ timestamp: BROADCAST_NOW - 300_001 }) },
    { name: 'too far ahead', verdict: 'ignore', envelope: sign({ timestamp: BROADCAST_NOW + 300_001 }) },
    { name: 'another topic', verdict: 'reject', envelope: sign({ topic: 'traffic' }) },
    { name: 'no UUIDv7', verdict: 'reject', envelope: sign({ id: v4 }) },
    { name: 'a short id', verdict: 'reject', envelope: sign({ id: id().subarray(1) }) },
    { name: 'no content type', verdict: 'reject', envelope: sign({ contentType: '' }) },
    { name: 'a control character in the type', verdict: 'reject', envelope: sign({ contentType: 'a\u001b[2J' }) },
    { name: 'a long content type', verdict: 'reject', envelope: sign({ contentType: 'a'.repeat(128) }) },
    { name: 'changed content', verdict: 'reject', envelope: flip(sign(), 110) },
    { name: 'changed signature', verdict: 'reject', envelope: flip(sign(), -1) },
    {
      name: 'signed under another label',
      verdict: 'reject',
      envelope: SignedBroadcast.encode({
        broadcast: Broadcast.encode({ ...Broadcast.decode(broadcast), id: Uint8Array.from(id()) }),
        signature: Uint8Array.from(wrongLabel)
      })
    },
    {
      name: 'no signature',
      verdict: 'reject',
      envelope: SignedBroadcast.encode({ broadcast: longer.slice(0, 0), signature })
    },
    {
      name: 'content one byte too long',
      verdict: 'reject',
      envelope: SignedBroadcast.encode({
        broadcast: longer,
        signature: Uint8Array.from(signStatement(signer, 'talos/broadcast/v1', longer))
      })
    },
    { name: 'cut off', verdict: 'reject', envelope: good.subarray(0, -1) },
    { name: 'empty', verdict: 'reject', envelope: new Uint8Array() }
  ]
}

/** What test/vectors/broadcast.json holds. */
export function makeBroadcastVectors(): Record<string, unknown> {
  const crypto = createNoble(length => new Uint8Array(length))
  const cases = broadcastCases()
  const { broadcast, signature } = SignedBroadcast.decode(cases[0]!.envelope)
  return {
    about: 'docs/spec/broadcast.md. The cases are judged in this order by one receiver at the time `now`.',
    now: BROADCAST_NOW,
    topic: 'weather',
    gossipsubTopic: topicPath('weather'),
    seed: hex(SEED),
    sender: hex(crypto.ed25519.fromSeed(SEED).publicKey),
    broadcast: hex(broadcast),
    signature: hex(signature),
    cases: cases.map(({ name, verdict, envelope }) => ({
      name,
      verdict,
      messageId: hex(crypto.sha256(envelope)),
      // the contents of the long ones are zeros
      ...(envelope.length > 1024 ? { length: envelope.length } : { envelope: hex(envelope) })
    }))
  }
}
