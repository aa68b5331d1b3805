import { describe, expect, it } from 'vitest'
import { noble } from '../../../src/crypto/noble.ts'
import { openssl } from '../../../src/crypto/openssl.ts'
import {
  abandonSession,
  NO_SESSION_SIZE,
  namedSession,
  noSessionNotice,
  verifyNoSessionNotice
} from '../../../src/protocols/ratchet/index.ts'
import { codeOf, connected, Party } from '../../support/session-party.ts'

describe('a session', () => {
  for (const [name, a, b] of [
    ['openssl', openssl, openssl],
    ['openssl to noble', openssl, noble],
    ['noble to openssl', noble, openssl]
  ] as const) {
    it(`carries messages both ways (${name}), through a restart of both sides after each`, () => {
      const alice = new Party(a, true)
      const bob = new Party(b, true)
      alice.begin(bob)
      const first = bob.openWhole(alice, alice.seal(bob, 'one'))
      expect(first.oneTime).toBe(true)
      expect(first.confirmed).toBe(false)
      expect(bob.open(alice, alice.seal(bob, 'two'))).toBe('two')
      expect(alice.open(bob, bob.seal(alice, 'three'))).toBe('three')
      expect(alice.active(bob)!.confirmed).toBe(true)
      const third = bob.openWhole(alice, alice.seal(bob, 'four'))
      expect(third.confirmed).toBe(true)
      for (let i = 0; i < 5; i++) {
        expect(bob.open(alice, alice.seal(bob, `a${i}`))).toBe(`a${i}`)
        expect(alice.open(bob, bob.seal(alice, `b${i}`))).toBe(`b${i}`)
      }
    })
  }

  it('stops carrying the handshake once the peer has answered', () => {
    const [alice, bob] = [new Party(), new Party()]
    alice.begin(bob)
    const first = alice.seal(bob, 'x')
    bob.open(alice, first)
    alice.open(bob, bob.seal(alice, 'y'))
    expect(first.length - alice.seal(bob, 'x').length).toBeGreaterThan(1200)
  })

  it('names a lost one-time prekey, and begins without it', () => {
    const [alice, bob] = [new Party(), new Party()]
    alice.begin(bob)
    const message = alice.seal(bob, 'hello')
    const kept = bob.prekeys
    bob.prekeys = { ...kept, oneTime: kept.oneTime.filter(key => key.issuedAt === undefined) }
    const before = bob.snapshot(alice)
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_ONE_TIME_PREKEY_GONE')
    expect(bob.snapshot(alice)).toBe(before)
    alice.begin(bob, { useOneTime: false })
    const opened = bob.openWhole(alice, alice.seal(bob, 'again'))
    expect(opened.oneTime).toBe(false)
    expect(opened.confirmed).toBe(false)
  })

  it('converges after both sides opened at once, and still reads the late messages of the other session', () => {
    for (const skew of [0, 1, -1]) {
      const [alice, bob] = [new Party(), new Party()]
      bob.now += skew
      alice.begin(bob)
      bob.begin(alice)
      const fromAlice = [alice.seal(bob, 'a1'), alice.seal(bob, 'a2'), alice.seal(bob, 'late a')]
      const fromBob = [bob.seal(alice, 'b1'), bob.seal(alice, 'b2'), bob.seal(alice, 'late b')]
      expect(bob.open(alice, fromAlice[0]!)).toBe('a1')
      expect(alice.open(bob, fromBob[0]!)).toBe('b1')
      expect(bob.open(alice, fromAlice[1]!)).toBe('a2')
      expect(alice.open(bob, fromBob[1]!)).toBe('b2')
      expect(alice.active(bob)!.sid).toEqual(bob.active(alice)!.sid)
      for (let i = 0; i < 3; i++) {
        expect(bob.open(alice, alice.seal(bob, `${i}`))).toBe(`${i}`)
        expect(alice.open(bob, bob.seal(alice, `${i}`))).toBe(`${i}`)
      }
      expect(bob.open(alice, fromAlice[2]!)).toBe('late a')
      expect(alice.open(bob, fromBob[2]!)).toBe('late b')
      expect(alice.active(bob)!.sid).toEqual(bob.active(alice)!.sid)
      expect(alice.active(bob)!.confirmed).toBe(true)
      expect(bob.active(alice)!.confirmed).toBe(true)
    }
  })

  it('heals when the peer lost its sessions: a signed notice, a new handshake, an event', () => {
    const [alice, bob] = connected()
    bob.books.clear()
    const message = alice.seal(bob, 'lost')
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_UNKNOWN')
    const sid = namedSession(message)!
    const notice = noSessionNotice(bob.identity, alice.identity.publicKey, sid)
    expect(notice).toHaveLength(NO_SESSION_SIZE)
    expect(verifyNoSessionNotice(alice.crypto, alice.book(bob), notice)).toEqual(sid)
    const abandoned = abandonSession(alice.book(bob), sid)
    for (let at = 0; at < notice.length; at++) {
      const forged = notice.slice()
      forged[at]! ^= 1
      expect(codeOf(() => verifyNoSessionNotice(alice.crypto, alice.book(bob), forged))).toMatch(/^SESSION_/)
    }
    expect(abandoned.events).toEqual([{ type: 'abandoned', sid }])
    alice.keep(bob, abandoned.book)
    expect(codeOf(() => alice.seal(bob, 'nothing to send it in'))).toBe('SESSION_NONE')
    expect(abandonSession(alice.book(bob), sid).events).toEqual([])
    alice.begin(bob)
    expect(bob.open(alice, alice.seal(bob, 'back'))).toBe('back')
  })
})
