/**
 * The 18 defects found in the first Talos, each with a test that fails if we had it. Numbers 8, 16 and 17 also have a part
 * that belongs to whoever stores and sends: test/protocol/defects.test.ts. Here is the part that the pure layer decides.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { crypto } from '../../../src/crypto/index.ts'
import {
  acceptAgreementKey,
  beginSession,
  certifyAgreementKey,
  createBook,
  decodeBook,
  decodePrekeys,
  encodeBook,
  encodePrekeys,
  maintainPrekeys,
  offeredAgreementKey,
  openMessage,
  PREKEY_POLICY,
  sealMessage,
  verifyBundle,
  verifyNoSessionNotice
} from '../../../src/protocols/ratchet/index.ts'
import { codeOf, connected, Party, START, text, untext } from '../../support/session-party.ts'

const DH_AT = 17 + 1
const ratchetKeyOf = (message: Uint8Array) => Buffer.from(message.slice(DH_AT, DH_AT + 32)).toString('hex')
const flipped = (message: Uint8Array, at: number) => {
  const copy = message.slice()
  copy[at]! ^= 1
  return copy
}

/** An attacker's copy of a party's state with a peer, as stolen from disk. */
function stolen(victim: Party, peer: Party) {
  const book = decodeBook(crypto, encodeBook(victim.book(peer)))
  const prekeys = decodePrekeys(crypto, encodePrekeys(victim.prekeys))
  return (message: Uint8Array) =>
    untext(openMessage(book, message, victim.identity, prekeys, { crypto, now: victim.now }).plaintext)
}

describe('defects of the first Talos that this one does not have', () => {
  it('1: the responder can send, each reply brings a new ratchet key, and a stolen state heals', () => {
    const [alice, bob] = connected()
    const keys = new Set<string>()
    const thief = stolen(bob, alice)
    const next = alice.seal(bob, 'read by the thief')
    expect(thief(next)).toBe('read by the thief')
    bob.open(alice, next)
    for (let i = 0; i < 5; i++) {
      const reply = bob.seal(alice, 'reply')
      keys.add(ratchetKeyOf(reply))
      alice.open(bob, reply)
      const message = alice.seal(bob, 'after')
      keys.add(ratchetKeyOf(message))
      expect(codeOf(() => thief(message))).toBe('SESSION_FORGED')
      expect(bob.open(alice, message)).toBe('after')
    }
    expect(keys.size).toBe(10)
  })

  it('2: nobody can begin a session in another’s name', () => {
    const [alice, bob, mallory] = [new Party(), new Party(), new Party()]
    const bundle = verifyBundle(crypto, bob.bundle(), bob.identity.publicKey, START)
    const attempt = (identity: typeof alice.identity) => {
      const fresh = createBook(identity.publicKey, bob.identity.publicKey)
      const begun = beginSession(fresh, identity, bundle, { crypto, now: START })
      return sealMessage(begun.book, text('I am Alice'), { crypto, now: START }).message
    }
    const before = bob.snapshot(alice)
    // under her own name
    expect(codeOf(() => bob.open(alice, attempt(mallory.identity)))).toBe('SESSION_PEER_MISMATCH')
    // Alice's identity with an agreement key of hers, certified by herself
    const { agreement } = mallory.identity
    const forgedCertificate = certifyAgreementKey(
      { publicKey: alice.identity.publicKey, sign: mallory.identity.sign },
      agreement.publicKey
    )
    const named = { ...mallory.identity, publicKey: alice.identity.publicKey, agreementCertificate: forgedCertificate }
    expect(codeOf(() => bob.open(alice, attempt(named)))).toBe('SESSION_IDENTITY_INVALID')
    // Alice's real agreement key and certificate, without its secret
    const { agreement: real, agreementCertificate, publicKey } = alice.identity
    const borrowed = { agree: agreement.agree.bind(agreement), exportSecret: () => new Uint8Array(32) }
    const posing = {
      publicKey,
      sign: mallory.identity.sign,
      agreementCertificate,
      agreement: { publicKey: real.publicKey, ...borrowed }
    }
    expect(codeOf(() => bob.open(alice, attempt(posing)))).toBe('SESSION_FORGED')
    expect(bob.snapshot(alice)).toBe(before)
    expect(bob.open(alice, attempt(alice.identity))).toBe('I am Alice')
  })

  it('3: a forged copy, or one with a random ratchet key, does not harm the genuine message', () => {
    const [alice, bob] = connected()
    const message = alice.seal(bob, 'genuine')
    const before = bob.snapshot(alice)
    const foreign = message.slice()
    foreign.set(crypto.x25519.generate().publicKey, DH_AT)
    for (const forged of [foreign, flipped(message, message.length - 1), flipped(message, DH_AT)]) {
      expect(codeOf(() => bob.open(alice, forged))).toBe('SESSION_FORGED')
    }
    expect(bob.snapshot(alice)).toBe(before)
    expect(bob.open(alice, message)).toBe('genuine')
  })

  it('4: a replayed message burns no later key', () => {
    const [alice, bob] = connected()
    const first = alice.seal(bob, 'm0')
    const second = alice.seal(bob, 'm1')
    bob.open(alice, first)
    const before = bob.snapshot(alice)
    for (let i = 0; i < 3; i++) expect(codeOf(() => bob.open(alice, first))).toBe('SESSION_DUPLICATE')
    expect(bob.snapshot(alice)).toBe(before)
    expect(bob.open(alice, second)).toBe('m1')
    alice.open(bob, bob.seal(alice, 'r'))
    bob.open(alice, alice.seal(bob, 'm2'))
    expect(codeOf(() => bob.open(alice, second))).toBe('SESSION_DUPLICATE') // of an earlier chain
  })

  it('5: a forged copy of a late message does not take its stored key away', () => {
    const [alice, bob] = connected()
    const late = alice.seal(bob, 'late')
    bob.open(alice, alice.seal(bob, 'next'))
    expect(codeOf(() => bob.open(alice, flipped(late, late.length - 1)))).toBe('SESSION_FORGED')
    expect(bob.open(alice, late)).toBe('late')
    expect(codeOf(() => bob.open(alice, late))).toBe('SESSION_DUPLICATE')
  })

  it('6: forged packets store no keys, however many', () => {
    const [alice, bob] = connected()
    const message = alice.seal(bob, 'x')
    for (let i = 0; i < 30; i++) {
      const forged = flipped(message, message.length - 1)
      new DataView(forged.buffer).setUint32(17 + 37, 500)
      expect(codeOf(() => bob.open(alice, forged))).toBe('SESSION_FORGED')
    }
    expect(bob.active(alice)!.ratchet.skipped).toEqual([])
  })

  it('7: signed prekeys rotate and are deleted: a later leak opens no recorded handshake', () => {
    const [alice, bob] = [new Party(), new Party()]
    alice.begin(bob, { oneTime: false })
    const recorded = alice.seal(bob, 'recorded')
    bob.now += PREKEY_POLICY.rotateAfter
    bob.prekeys = maintainPrekeys(crypto, bob.prekeys, bob.now)
    expect(bob.prekeys.signed).toHaveLength(2)
    expect(bob.prekeys.lastResortKem).toHaveLength(2)
    bob.now = START + PREKEY_POLICY.deleteAfter
    bob.prekeys = maintainPrekeys(crypto, bob.prekeys, bob.now)
    expect(bob.prekeys.signed.every(key => bob.now - key.createdAt < PREKEY_POLICY.deleteAfter)).toBe(true)
    expect(codeOf(() => stolen(bob, alice)(recorded))).toBe('SESSION_SIGNED_PREKEY_GONE')
  })

  it('8: what is stored is one sized, versioned encoding that is read back whole or refused', () => {
    const [alice, bob] = connected()
    alice.seal(bob, 'lost')
    bob.open(alice, alice.seal(bob, 'x'))
    for (const [encoded, decode] of [
      [encodeBook(bob.book(alice)), (bytes: Uint8Array) => encodeBook(decodeBook(crypto, bytes))],
      [encodePrekeys(bob.prekeys), (bytes: Uint8Array) => encodePrekeys(decodePrekeys(crypto, bytes))]
    ] as const) {
      expect(decode(encoded)).toEqual(encoded)
      const lengths = [...Array(300).keys(), encoded.length - 1].filter(length => length < encoded.length)
      for (const length of lengths) {
        expect(codeOf(() => decode(encoded.subarray(0, length)))).toBe('STORAGE_SESSION_CORRUPT')
      }
      expect(codeOf(() => decode(new Uint8Array([...encoded, 0])))).toBe('STORAGE_SESSION_CORRUPT')
      expect(codeOf(() => decode(flipped(encoded, 0)))).toBe('STORAGE_SESSION_CORRUPT')
    }
  })

  it('9: one-time prekeys are given out once each, used, and gone afterwards', () => {
    const [alice, bob] = [new Party(), new Party()]
    const bundles = [bob.bundle(), bob.bundle()].map(b => verifyBundle(crypto, b, bob.identity.publicKey, START))
    expect(bundles[0]!.oneTime!.id).not.toBe(bundles[1]!.oneTime!.id)
    expect(bundles[0]!.oneTimeKem!.id).not.toBe(bundles[1]!.oneTimeKem!.id)
    alice.begin(bob)
    const message = alice.seal(bob, 'hello')
    const before = bob.prekeys
    const { spent } = bob.openWhole(alice, message)
    expect(before.oneTime.some(key => key.id === spent.oneTime)).toBe(true)
    expect(bob.prekeys.oneTime.some(key => key.id === spent.oneTime)).toBe(false)
    expect(bob.prekeys.oneTimeKem.some(key => key.id === spent.oneTimeKem)).toBe(false)
    bob.books.clear() // even without any memory of the session
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_ONE_TIME_PREKEY_GONE')
  })

  it('10: the bundle’s signature covers every byte, and the bundle must be the dialled peer’s', () => {
    const [bob, mallory] = [new Party(), new Party()]
    const bundle = bob.bundle()
    const verify = (bytes: Uint8Array, peer = bob, now = START) =>
      verifyBundle(crypto, bytes, peer.identity.publicKey, now)
    verify(bundle)
    for (let at = 0; at < bundle.length; at += 5) {
      expect(codeOf(() => verify(flipped(bundle, at)))).toMatch(/^SESSION_/)
    }
    for (let length = 0; length < bundle.length; length += 11) {
      expect(codeOf(() => verify(bundle.subarray(0, length)))).toBe('SESSION_MALFORMED')
    }
    expect(codeOf(() => verify(mallory.bundle()))).toBe('SESSION_BUNDLE_PEER')
    expect(codeOf(() => verify(bundle, bob, START + PREKEY_POLICY.bundleLifetime))).toBe('SESSION_BUNDLE_EXPIRED')
    expect(codeOf(() => verify(flipped(bundle, bundle.length - 1)))).toBe('SESSION_BUNDLE_SIGNATURE')
    expect(codeOf(() => verify(new Uint8Array(10_000)))).toBe('SESSION_MALFORMED')
  })

  it('11: the first ratchet key is fresh, not the ephemeral key of the handshake', () => {
    const [alice, bob] = [new Party(), new Party()]
    alice.begin(bob)
    const message = alice.seal(bob, 'x')
    const at = 1 + 2 + 8 + 32 + 32 + 64
    const ephemeral = message.slice(at, at + 32)
    const ratchetKey = message.slice(1 + 1270 + 1, 1 + 1270 + 33)
    expect(ratchetKey).not.toEqual(ephemeral)
    expect(alice.active(bob)!.ratchet.own.publicKey).toEqual(ratchetKey)
  })

  it('12: identities and session id are bound into every message', () => {
    const [alice, bob] = connected()
    const message = alice.seal(bob, 'x')
    const book = bob.book(alice)
    const [session] = book.sessions
    for (const at of [0, 32, 64]) {
      const other = { ...book, sessions: [{ ...session!, ad: flipped(session!.ad, at) }] }
      const run = () => openMessage(other, message, bob.identity, bob.prekeys, bob)
      expect(codeOf(run)).toBe('SESSION_FORGED')
    }
    expect(bob.open(alice, message)).toBe('x')
  })

  it('13: the chains are those of the specification, recomputed here with node:crypto alone', () => {
    const [alice, bob] = connected()
    alice.open(bob, bob.seal(alice, 'reply'))
    const { rootKey, remote } = alice.active(bob)!.ratchet
    const root = Buffer.from(rootKey)
    alice.seal(bob, 'step')
    const stepped = alice.active(bob)!.ratchet
    expect(stepped.remote).toEqual(remote)
    const shared = stepped.own.agree(remote!)
    const both = Buffer.from(hkdfSync('sha256', shared, root, 'talos/ratchet-root/v1', 64))
    expect(Buffer.from(stepped.rootKey)).toEqual(both.subarray(0, 32))
    const chain = createHmac('sha256', both.subarray(32))
      .update(new Uint8Array([2]))
      .digest()
    expect(Buffer.from(stepped.sendChain!)).toEqual(chain)
  })

  it('14: no input makes anything but a typed error', () => {
    const [alice, bob] = connected()
    const noise = (length: number, kind: number) => {
      const bytes = crypto.randomBytes(length)
      if (length > 0) bytes[0] = kind
      return bytes
    }
    for (const length of [0, 1, 2, 16, 17, 18, 58, 121, 122, 123, 1270, 1271, 1272, 1400, 3000]) {
      for (const kind of [0, 1, 2, 3, 255]) {
        const bytes = noise(length, kind)
        expect(codeOf(() => bob.open(alice, bytes))).toMatch(/^SESSION_/)
        expect(codeOf(() => verifyBundle(crypto, bytes, bob.identity.publicKey, START))).toMatch(/^SESSION_/)
        expect(codeOf(() => verifyNoSessionNotice(crypto, bob.book(alice), bytes))).toMatch(/^SESSION_/)
        expect(codeOf(() => decodeBook(crypto, bytes))).toBe('STORAGE_SESSION_CORRUPT')
        expect(codeOf(() => decodePrekeys(crypto, bytes))).toBe('STORAGE_SESSION_CORRUPT')
      }
    }
  })

  it('15: a second handshake replaces nothing: the session before is kept and still reads', () => {
    const [alice, bob] = connected()
    const [first] = bob.book(alice).sessions
    const late = alice.seal(bob, 'late')
    alice.begin(bob)
    bob.open(alice, alice.seal(bob, 'renewed'))
    const { sid } = alice.active(bob)!
    expect(bob.active(alice)!.sid).toEqual(sid)
    expect(bob.events.at(-1)).toEqual({ type: 'replaced', sid: first!.sid, by: sid })
    expect(bob.book(alice).sessions).toHaveLength(2)
    expect(bob.open(alice, late)).toBe('late')
    expect(bob.active(alice)!.sid).toEqual(sid)
  })

  it('16: the sealed bytes carry the message, of any size', () => {
    const [alice, bob] = connected()
    for (const size of [0, 1, 255, 1024, 65_536, 1_048_576]) {
      const body = 'x'.repeat(size)
      expect(bob.open(alice, alice.seal(bob, body))).toBe(body)
    }
  })

  it('17: forward secrecy: a state stolen later opens nothing that was read before', () => {
    const [alice, bob] = connected()
    const recorded = [alice.seal(bob, 'a'), alice.seal(bob, 'b')]
    for (const message of recorded) bob.open(alice, message)
    const thief = stolen(bob, alice)
    for (const message of recorded) expect(codeOf(() => thief(message))).toBe('SESSION_DUPLICATE')
    const { receiveChain } = bob.active(alice)!.ratchet
    bob.open(alice, alice.seal(bob, 'c'))
    expect(receiveChain).toEqual(new Uint8Array(32)) // wiped, not only forgotten
  })

  it('18: reply, reordering, loss and forgery, all in one conversation', () => {
    const [alice, bob] = [new Party(crypto, true), new Party(crypto, true)]
    alice.begin(bob)
    const [one, , three] = [alice.seal(bob, '1'), alice.seal(bob, 'lost'), alice.seal(bob, '3')]
    expect(bob.open(alice, three!)).toBe('3')
    expect(codeOf(() => bob.open(alice, flipped(one!, one!.length - 1)))).toBe('SESSION_FORGED')
    expect(alice.open(bob, bob.seal(alice, 'reply'))).toBe('reply')
    expect(bob.open(alice, alice.seal(bob, '4'))).toBe('4')
    expect(bob.open(alice, one!)).toBe('1')
    expect(codeOf(() => bob.open(alice, one!))).toBe('SESSION_DUPLICATE')
  })
})

describe('an identity', () => {
  it('whose agreement key changed is refused until it is accepted', () => {
    const [alice, bob] = connected()
    const agreement = crypto.x25519.generate()
    // the same Ed25519 key as before, as after restoring a wallet
    const changed = {
      ...alice.identity,
      agreement,
      agreementCertificate: certifyAgreementKey(alice.identity, agreement.publicKey)
    }
    alice.identity = changed
    alice.books.clear()
    alice.begin(bob)
    const message = alice.seal(bob, 'it is me')
    const before = bob.snapshot(alice)
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_IDENTITY_CHANGED')
    const bundle = verifyBundle(crypto, alice.bundle(), changed.publicKey, START)
    expect(codeOf(() => beginSession(bob.book(alice), bob.identity, bundle, bob))).toBe('SESSION_IDENTITY_CHANGED')
    expect(bob.snapshot(alice)).toBe(before)
    const uncertified = flipped(message, 1 + 2 + 8 + 32 + 32)
    expect(codeOf(() => bob.open(alice, uncertified))).toBe('SESSION_IDENTITY_INVALID')
    expect(codeOf(() => offeredAgreementKey(crypto, bob.book(alice), uncertified))).toBe('SESSION_IDENTITY_INVALID')
    const other = createBook(bob.identity.publicKey, bob.identity.publicKey)
    expect(codeOf(() => offeredAgreementKey(crypto, other, message))).toBe('SESSION_PEER_MISMATCH')
    const offered = offeredAgreementKey(crypto, bob.book(alice), message)
    expect(offered).toEqual(agreement.publicKey)
    bob.keep(alice, acceptAgreementKey(bob.book(alice), offered))
    expect(bob.book(alice).sessions).toEqual([])
    expect(bob.open(alice, message)).toBe('it is me')
  })

  it('cannot open a session with itself, or with a bundle of another', () => {
    const [alice, bob] = [new Party(), new Party()]
    const own = verifyBundle(crypto, alice.bundle(), alice.identity.publicKey, START)
    expect(codeOf(() => beginSession(alice.book(alice), alice.identity, own, alice))).toBe('SESSION_SELF')
    expect(codeOf(() => beginSession(alice.book(bob), alice.identity, own, alice))).toBe('SESSION_BUNDLE_PEER')
  })
})

describe('a handshake', () => {
  it('without a one-time prekey is unconfirmed until a round trip, and its replay is refused even after the session is gone', () => {
    const [alice, bob] = [new Party(), new Party()]
    alice.begin(bob, { oneTime: false })
    const first = alice.seal(bob, 'pay')
    const opened = bob.openWhole(alice, first)
    expect([opened.oneTime, opened.confirmed]).toEqual([false, false])
    expect(codeOf(() => bob.open(alice, first))).toBe('SESSION_DUPLICATE')
    expect(bob.openWhole(alice, alice.seal(bob, 'again')).confirmed).toBe(false)
    bob.books.set(alice, { ...bob.book(alice), sessions: [] })
    expect(codeOf(() => bob.open(alice, first))).toBe('SESSION_REPLAY')
  })

  it('dated in the far future, or naming a prekey that was never handed out, is refused', () => {
    const [alice, bob] = [new Party(), new Party()]
    alice.now += 2 * 24 * 60 * 60 * 1000
    alice.begin(bob)
    const message = alice.seal(bob, 'from the future')
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_CLOCK')
    bob.now = alice.now
    const oneTime = bob.prekeys.oneTime.map(key => ({ ...key, issuedAt: undefined }))
    bob.prekeys = { ...bob.prekeys, oneTime }
    expect(codeOf(() => bob.open(alice, message))).toBe('SESSION_ONE_TIME_PREKEY_GONE')
  })
})
