import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crypto } from '../../../src/crypto/index.ts'
import {
  BOOK_LIMITS,
  INITIATION_SIZE,
  MAX_BUNDLE_SIZE,
  openMessage,
  RATCHET_LIMITS,
  RATCHET_OVERHEAD,
  SID_SIZE,
  sealMessage
} from '../../../src/protocols/ratchet/index.ts'
import { countingProvider } from '../../support/counting-provider.ts'
import { codeOf, connected, Party, text } from '../../support/session-party.ts'

/** Offsets in a session message: kind, session id, then the ratchet message. */
const RATCHET = 17
const KEY_AT = RATCHET + 1
const N_AT = RATCHET + 37

function withNumber(message: Uint8Array, at: number, value: number): Uint8Array {
  const copy = message.slice()
  new DataView(copy.buffer).setUint32(at, value)
  return copy
}

describe('whatever is done to a message', () => {
  /** Bob, the message of Alice that is changed, and the messages that must open after it is delivered. */
  type Scene = () => { alice: Party; bob: Party; message: Uint8Array }
  const SCENES: Record<string, Scene> = {
    'the one with the handshake': () => {
      const [alice, bob] = [new Party(), new Party()]
      alice.begin(bob)
      // all prekeys are looked at after each change: those that Alice has not got are left out
      const { oneTime, oneTimeKem } = bob.prekeys
      const given = <Key extends { issuedAt?: number | undefined }>(key: Key) => key.issuedAt !== undefined
      bob.prekeys = { ...bob.prekeys, oneTime: oneTime.filter(given), oneTimeKem: oneTimeKem.filter(given) }
      return { alice, bob, message: alice.seal(bob, 'genuine') }
    },
    'the next in its chain': () => {
      const [alice, bob] = connected()
      return { alice, bob, message: alice.seal(bob, 'genuine') }
    },
    'one that brings a ratchet step': () => {
      const [alice, bob] = connected()
      alice.open(bob, bob.seal(alice, 'turn'))
      return { alice, bob, message: alice.seal(bob, 'genuine') }
    },
    'a late one, of which the key is kept': () => {
      const [alice, bob] = connected()
      const message = alice.seal(bob, 'genuine')
      bob.open(alice, alice.seal(bob, 'overtook it'))
      expect(bob.active(alice)!.ratchet.skipped).toHaveLength(1)
      return { alice, bob, message }
    }
  }
  const SHARDS = 4
  const cases = Object.entries(SCENES).flatMap(([name, scene]): Array<[name: string, scene: Scene, shard?: number]> => {
    if (!name.includes('handshake')) return [[name, scene]]
    return Array.from({ length: SHARDS }, (_, shard) => [`${name}, part ${shard + 1} of ${SHARDS}`, scene, shard])
  })

  it.each(cases)(
    'every single flipped bit and every truncation leaves the state as it was, and the genuine one opens: %s',
    (_, scene, shard) => {
      const { alice, bob, message } = scene()
      const size = shard === undefined ? message.length : Math.ceil(message.length / SHARDS)
      const from = (shard ?? 0) * size
      const before = bob.snapshot(alice)
      const refused = (copy: Uint8Array) => {
        expect(codeOf(() => bob.open(alice, copy))).toMatch(/^SESSION_/)
        if (bob.snapshot(alice) !== before) expect(bob.snapshot(alice)).toBe(before)
      }
      for (let at = from; at < Math.min(from + size, message.length); at++) {
        for (let bit = 0; bit < 8; bit++) {
          const copy = message.slice()
          copy[at]! ^= 1 << bit
          refused(copy)
        }
        refused(message.subarray(0, at))
      }
      refused(new Uint8Array([...message, 0]))
      expect(bob.open(alice, message)).toBe('genuine')
    },
    60_000
  )

  it('random bytes and random splices of genuine messages change nothing', () => {
    const [alice, bob] = connected()
    const messages = [alice.seal(bob, 'one'), alice.seal(bob, 'two')]
    const before = bob.snapshot(alice)
    const genuine = new Set(messages.map(String))
    const spliced = fc
      .tuple(fc.nat(messages[0]!.length), fc.uint8Array({ maxLength: 200 }), fc.boolean())
      .map(([at, noise, tail]) =>
        Uint8Array.from([...messages[0]!.slice(0, at), ...noise, ...(tail ? messages[1]!.slice(at) : [])])
      )
    fc.assert(
      fc.property(spliced, message => {
        fc.pre(!genuine.has(String(message)))
        codeOf(() => bob.open(alice, message))
        expect(bob.snapshot(alice)).toBe(before)
      }),
      { numRuns: 300 }
    )
    expect(bob.open(alice, messages[1]!)).toBe('two')
    expect(bob.open(alice, messages[0]!)).toBe('one')
  })

  it('any order, loss and repetition delivers each message at most once and unchanged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ toBob: fc.boolean(), late: fc.nat(12), lost: fc.boolean(), twice: fc.boolean() }), {
          maxLength: 60
        }),
        schedule => {
          const [alice, bob] = connected()
          const pending: Array<{ due: number; toBob: boolean; message: Uint8Array; body: string }> = []
          const delivered = new Set<string>()
          const deliver = (now: number) => {
            for (const item of pending.filter(({ due }) => due <= now)) {
              pending.splice(pending.indexOf(item), 1)
              const [to, from] = item.toBob ? [bob, alice] : [alice, bob]
              if (delivered.has(item.body)) {
                expect(codeOf(() => to.open(from, item.message))).toBe('SESSION_DUPLICATE')
              } else {
                expect(to.open(from, item.message)).toBe(item.body)
                delivered.add(item.body)
              }
            }
          }
          schedule.forEach(({ toBob, late, lost, twice }, i) => {
            const [from, to] = toBob ? [alice, bob] : [bob, alice]
            const body = `${toBob} ${i}`
            const message = from.seal(to, body)
            if (!lost) pending.push({ due: i + late, toBob, message, body })
            if (twice) pending.push({ due: i + late + 3, toBob, message, body })
            deliver(i)
          })
          deliver(Number.POSITIVE_INFINITY)
        }
      ),
      { numRuns: 60 }
    )
  })
})

describe('an attacker who wants work or memory', () => {
  it('a jump of 1,000,000 or 2^32 - 1 messages costs no work at all', () => {
    const [alice, bob] = connected()
    const message = alice.seal(bob, 'x')
    const { crypto: counted, counts } = countingProvider()
    for (const n of [1_000_000, 0xffffffff, RATCHET_LIMITS.maxSkip + 2]) {
      const jump = withNumber(message, N_AT, n)
      const run = () => openMessage(bob.book(alice), jump, bob.identity, bob.prekeys, { crypto: counted, now: bob.now })
      expect(codeOf(run)).toBe('SESSION_SKIP_LIMIT')
    }
    expect(counts).toEqual({ hmac: 0, agree: 0, open: 0 })
    expect(bob.open(alice, message)).toBe('x')
  })

  it('a forged jump within the limit costs at most 1,000 chain steps, with a random ratchet key or without', () => {
    const [alice, bob] = connected()
    const message = alice.seal(bob, 'x')
    const forgeries = [
      withNumber(message, N_AT, RATCHET_LIMITS.maxSkip),
      (() => {
        const copy = withNumber(withNumber(message, N_AT, RATCHET_LIMITS.maxSkip), RATCHET + 33, 1000)
        copy.set(crypto.x25519.generate().publicKey, KEY_AT)
        return copy
      })()
    ]
    const before = bob.snapshot(alice)
    for (const forged of forgeries) {
      const { crypto: counted, counts } = countingProvider()
      const run = () =>
        openMessage(bob.book(alice), forged, bob.identity, bob.prekeys, { crypto: counted, now: bob.now })
      expect(codeOf(run)).toBe('SESSION_FORGED')
      expect(counts.hmac).toBeLessThanOrEqual(RATCHET_LIMITS.maxSkip + 2)
      expect(counts.open).toBe(0) // the commitment refuses it before the cipher is asked
    }
    expect(bob.snapshot(alice)).toBe(before)
  })

  it('a genuine peer cannot make the store grow above 2,000 keys: the oldest go first', () => {
    const [alice, bob] = connected()
    const late: Uint8Array[] = []
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < RATCHET_LIMITS.maxSkip; i++) {
        const message = alice.seal(bob, `${round}-${i}`)
        if (i === 0) late.push(message)
      }
      bob.open(alice, alice.seal(bob, 'jump'))
    }
    const stored = bob.active(alice)!.ratchet.skipped
    expect(stored.length).toBe(RATCHET_LIMITS.maxStored)
    expect(codeOf(() => bob.open(alice, late[0]!))).toBe('SESSION_DUPLICATE')
    expect(codeOf(() => bob.open(alice, late[1]!))).toBe('SESSION_DUPLICATE')
    expect(bob.open(alice, late[2]!)).toBe('2-0')
    expect(bob.open(alice, late[3]!)).toBe('3-0')
    expect(bob.snapshot(alice).length / 2).toBeLessThan(110_000)
  })

  it('a message opens however many ratchet steps have overtaken it; chains without missing ones are forgotten after five', () => {
    const [alice, bob] = connected()
    const talk = (rounds: number): void => {
      for (let i = 0; i < rounds; i++) {
        bob.open(alice, alice.seal(bob, 'x'))
        alice.open(bob, bob.seal(alice, 'y'))
      }
    }
    const ratchet = () => bob.active(alice)!.ratchet
    const old = alice.seal(bob, 'old')
    const opened = alice.seal(bob, 'opened')
    bob.open(alice, opened)
    talk(4)
    expect(codeOf(() => bob.open(alice, opened))).toBe('SESSION_DUPLICATE')
    talk(500)
    expect(ratchet().oldChains).toHaveLength(RATCHET_LIMITS.recentChains + 1)
    expect(ratchet().skipped).toHaveLength(1)
    expect(bob.open(alice, old)).toBe('old')
    talk(1)
    expect(ratchet().oldChains).toHaveLength(RATCHET_LIMITS.recentChains)
    expect(ratchet().skipped).toEqual([])
    expect(codeOf(() => bob.open(alice, old))).toBe('SESSION_FORGED')
    expect(codeOf(() => bob.open(alice, opened))).toBe('SESSION_FORGED')
  })

  it('skipped keys are kept of 200 earlier chains, the oldest goes first, and until their age', () => {
    const [alice, bob] = connected(new Party(), new Party(crypto, true))
    const late = Array.from({ length: RATCHET_LIMITS.maxOldChains + 10 }, (_, i) => {
      const message = alice.seal(bob, `${i}`)
      bob.open(alice, alice.seal(bob, 'x'))
      alice.open(bob, bob.seal(alice, 'y'))
      return message
    })
    const { oldChains, skipped } = bob.active(alice)!.ratchet
    expect(oldChains).toHaveLength(RATCHET_LIMITS.maxOldChains)
    // and the current one
    expect(skipped).toHaveLength(RATCHET_LIMITS.maxOldChains + 1)
    expect(codeOf(() => bob.open(alice, late[8]!))).toBe('SESSION_FORGED')
    for (const [i, message] of late.entries()) if (i > 8) expect(bob.open(alice, message)).toBe(`${i}`)
    expect(bob.active(alice)!.ratchet.skipped).toEqual([])

    const lost = alice.seal(bob, 'lost')
    bob.open(alice, alice.seal(bob, 'x'))
    expect(bob.active(alice)!.ratchet.skipped).toHaveLength(1)
    bob.now += RATCHET_LIMITS.maxAge + 1
    bob.open(alice, alice.seal(bob, 'x'))
    expect(bob.active(alice)!.ratchet.skipped).toEqual([])
    expect(codeOf(() => bob.open(alice, lost))).toBe('SESSION_DUPLICATE')
  })

  it('a peer that begins session after session is held to six, and its flood is refused in the end', () => {
    const [alice, bob] = [new Party(), new Party()]
    for (let i = 0; i < 20; i++) {
      alice.now++
      alice.begin(bob, { oneTime: false })
      bob.open(alice, alice.seal(bob, `${i}`))
    }
    expect(bob.book(alice).sessions).toHaveLength(1 + BOOK_LIMITS.maxArchived)
    const full = bob.book(alice)
    const replayIds = Array.from({ length: BOOK_LIMITS.maxReplayIds }, () => ({
      sid: crypto.randomBytes(16),
      until: bob.now + 1
    }))
    bob.books.set(alice, { ...full, replayIds })
    alice.begin(bob, { oneTime: false })
    const message = alice.seal(bob, 'one more')
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_BUSY')
    bob.now += 2
    expect(bob.open(alice, message)).toBe('one more')
    expect(bob.book(alice).replayIds).toHaveLength(1)
  })
})

describe('a message', () => {
  it('has exactly the documented overhead', () => {
    const [alice, bob] = connected()
    const { message } = sealMessage(alice.book(bob), text('12345'), alice)
    expect(message.length).toBe(1 + SID_SIZE + RATCHET_OVERHEAD + 5)
    alice.begin(bob)
    expect(alice.seal(bob, '').length).toBe(1 + INITIATION_SIZE + RATCHET_OVERHEAD)
    expect(bob.bundle()).toHaveLength(MAX_BUNDLE_SIZE)
    expect(RATCHET_OVERHEAD).toBe(41 + 16 + 32 + 16)
  })
})
