import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noble } from '../../../src/crypto/noble.ts'
import { openssl } from '../../../src/crypto/openssl.ts'
import { RATCHET_LIMITS, STREAM_REKEY, StreamSession } from '../../../src/protocols/ratchet/index.ts'
import { codeOf, text, untext } from '../../support/session-party.ts'

const context = text('alice, bob, stream 1')
const ratchetKeyOf = (message: Uint8Array) => Buffer.from(message.subarray(1, 33)).toString('hex')

function pair(a = openssl, b = openssl) {
  const time = { now: 0 }
  const clock = () => time.now
  const secret = openssl.randomBytes(32)
  const key = b.x25519.generate()
  const initiator = StreamSession.initiator({ crypto: a, clock, context, secret: secret.slice() }, key.publicKey)
  const responder = StreamSession.responder({ crypto: b, clock, context, secret: secret.slice() }, key)
  const send = (from: StreamSession, to: StreamSession, body: string) => {
    const message = from.seal(text(body))
    expect(untext(to.open(message))).toBe(body)
    return ratchetKeyOf(message)
  }
  return { time, initiator, responder, send }
}

describe('a stream session', () => {
  it('lets either side speak first', () => {
    for (const [a, b] of [
      [openssl, noble],
      [noble, openssl]
    ] as const) {
      const { initiator, responder, send } = pair(a, b)
      send(responder, initiator, 'responder first')
      send(initiator, responder, 'then the initiator')
      send(responder, initiator, 'and back')
    }
    const { initiator, responder, send } = pair()
    send(initiator, responder, 'initiator first')
    send(responder, initiator, 'then the responder')
  })

  it('is the same with and without what was prepared, in any order, with forged and lost messages between', () => {
    const step = fc.record({
      from: fc.constantFrom('initiator', 'responder'),
      prepared: fc.subarray(['initiator', 'responder'] as const),
      fate: fc.constantFrom('arrives', 'arrives', 'is lost', 'is forged first', 'comes twice'),
      wait: fc.constantFrom(0, 0, 0, STREAM_REKEY.interval)
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const sides = pair()
        for (const [i, { from, prepared, fate, wait }] of steps.entries()) {
          sides.time.now += wait
          for (const side of prepared) sides[side].prepare()
          const [sender, receiver] =
            from === 'initiator' ? [sides.initiator, sides.responder] : [sides.responder, sides.initiator]
          const message = sender.seal(text(`message ${i}`))
          if (fate === 'is lost') continue
          if (fate === 'is forged first') {
            const forged = message.slice()
            forged[forged.length - 1]! ^= 1
            expect(codeOf(() => receiver.open(forged))).toBe('SESSION_FORGED')
          }
          expect(untext(receiver.open(message))).toBe(`message ${i}`)
          if (fate === 'comes twice') expect(codeOf(() => receiver.open(message))).toBe('SESSION_DUPLICATE')
        }
      })
    )
  })

  it('prepares nothing once it is closed', () => {
    const { initiator } = pair()
    initiator.prepare()
    initiator.close()
    initiator.prepare()
    expect(codeOf(() => initiator.seal(text('late')))).toBe('SESSION_CLOSED')
  })

  it('wipes what it prepared when it is used, and when the stream is closed', () => {
    const derived: Uint8Array[] = []
    const kept = <T extends Uint8Array>(bytes: T): T => {
      derived.push(bytes)
      return bytes
    }
    const watched = {
      ...openssl,
      hmacSha256: (key: Uint8Array, data: Uint8Array) => kept(openssl.hmacSha256(key, data)),
      hmacSha512: (key: Uint8Array, data: Uint8Array) => kept(openssl.hmacSha512(key, data))
    }
    const { initiator, responder, send } = pair(watched)
    send(initiator, responder, 'one')
    send(responder, initiator, 'two')
    for (let i = 0; i < 3; i++) {
      initiator.prepare()
      send(initiator, responder, 'three')
      send(responder, initiator, 'four')
    }
    initiator.prepare()
    initiator.close()
    expect(derived.length).toBeGreaterThan(20)
    expect(derived.filter(bytes => bytes.some(byte => byte !== 0))).toEqual([])
  })

  it('steps its keys once per interval and side, not at each change of direction', () => {
    const { time, initiator, responder, send } = pair()
    const used = new Set<string>()
    for (let i = 0; i < 100; i++) {
      used.add(send(initiator, responder, `request ${i}`))
      used.add(send(responder, initiator, `answer ${i}`))
    }
    expect(used.size).toBe(2)
    for (let second = 1; second <= 10; second++) {
      time.now = second * STREAM_REKEY.interval
      for (let i = 0; i < 5; i++) {
        used.add(send(initiator, responder, 'request'))
        used.add(send(responder, initiator, 'answer'))
      }
    }
    // each interval the responder steps, then the initiator in the next (it must first see the new key)
    expect(used.size).toBeGreaterThan(2 + 10)
    expect(used.size).toBeLessThanOrEqual(2 + 20)
  })

  it('steps after 1,000 messages without waiting for the clock', () => {
    const { initiator, responder, send } = pair()
    const used = new Set<string>()
    send(initiator, responder, 'x')
    for (let i = 0; i <= STREAM_REKEY.messages; i++) used.add(send(responder, initiator, `${i}`))
    expect(used.size).toBe(2)
  })

  it('delivers any interleaving, with its steps, in order or out of it', () => {
    const action = fc.record({ toResponder: fc.boolean(), wait: fc.nat(700), late: fc.nat(6) })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), actions => {
        const { time, initiator, responder } = pair()
        const pending: Array<{ due: number; to: StreamSession; message: Uint8Array; body: string }> = []
        const deliver = (now: number) => {
          for (const item of pending.filter(({ due }) => due <= now)) {
            pending.splice(pending.indexOf(item), 1)
            expect(untext(item.to.open(item.message))).toBe(item.body)
          }
        }
        actions.forEach(({ toResponder, wait, late }, i) => {
          time.now += wait
          const [from, to] = toResponder ? [initiator, responder] : [responder, initiator]
          pending.push({ due: i + late, to, message: from.seal(text(`${i}`)), body: `${i}` })
          deliver(i)
        })
        deliver(Number.POSITIVE_INFINITY)
      }),
      { numRuns: 100 }
    )
  })

  it('is unchanged by what does not open, and refuses what came before', () => {
    const { initiator, responder } = pair()
    const message = initiator.seal(text('genuine'))
    for (let bit = 0; bit < message.length * 8; bit++) {
      const copy = message.slice()
      copy[bit >> 3]! ^= 1 << (bit & 7)
      expect(codeOf(() => responder.open(copy))).toMatch(/^SESSION_(FORGED|SKIP_LIMIT|MALFORMED)$/)
    }
    expect(untext(responder.open(message))).toBe('genuine')
    expect(codeOf(() => responder.open(message))).toBe('SESSION_DUPLICATE')
    for (let i = 0; i <= RATCHET_LIMITS.maxSkip; i++) initiator.seal(text('lost'))
    expect(codeOf(() => responder.open(initiator.seal(text('too far'))))).toBe('SESSION_SKIP_LIMIT')
  })

  it('opens nothing of another stream with the same secret', () => {
    const secret = openssl.randomBytes(32)
    const key = openssl.x25519.generate()
    const options = { crypto: openssl, clock: () => 0 }
    const one = StreamSession.initiator({ ...options, context, secret: secret.slice() }, key.publicKey)
    const other = StreamSession.responder({ ...options, context: text('stream 2'), secret: secret.slice() }, key)
    expect(codeOf(() => other.open(one.seal(text('x'))))).toBe('SESSION_FORGED')
  })

  it('wipes the secret it was given, and works no more once closed', () => {
    const secret = openssl.randomBytes(32)
    const key = openssl.x25519.generate()
    const stream = StreamSession.responder({ crypto: openssl, clock: () => 0, context, secret }, key)
    expect(secret).toEqual(new Uint8Array(32))
    stream.close()
    stream.close()
    expect(codeOf(() => stream.seal(text('x')))).toBe('SESSION_CLOSED')
    expect(codeOf(() => stream.open(new Uint8Array(200)))).toBe('SESSION_CLOSED')
  })
})
