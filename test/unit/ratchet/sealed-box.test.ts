import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CryptoProvider } from '../../../src/crypto/index.ts'
import { noble } from '../../../src/crypto/noble.ts'
import { openssl } from '../../../src/crypto/openssl.ts'
import {
  BOX_CAPACITIES,
  BOX_OVERHEAD,
  boxClassOf,
  decodePrekeys,
  issueBundle,
  type LocalIdentity,
  NO_PREKEYS,
  openBox,
  type Prekeys,
  sealBox,
  verifyBundle
} from '../../../src/protocols/ratchet/index.ts'
import { countingBytes, makeBoxVectors } from '../../support/mailbox-vectors.ts'
import { codeOf, makeIdentity, START } from '../../support/session-party.ts'

const frozen = JSON.parse(readFileSync(new URL('../../vectors/mailbox.json', import.meta.url), 'utf8'))
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (some: Uint8Array) => Buffer.from(some).toString('hex')

interface Owner {
  identity: LocalIdentity
  prekeys: Prekeys
  bundle: ReturnType<typeof verifyBundle>
}

function owner(crypto: CryptoProvider = openssl): Owner {
  const identity = makeIdentity(crypto)
  const issued = issueBundle(crypto, NO_PREKEYS, identity, START, { oneTime: false })
  return {
    identity,
    prekeys: issued.prekeys,
    bundle: verifyBundle(crypto, issued.bundle, identity.publicKey, START)
  }
}

const opened = ({ identity, prekeys }: Owner, box: Uint8Array) => openBox(openssl, identity, prekeys, box)

describe('the frozen vectors', () => {
  test('are made again, byte for byte, from their secrets', () => {
    expect(makeBoxVectors()).toEqual(frozen.sealedBoxes)
  })

  test.each([openssl, noble])('are opened by $name', crypto => {
    const { recipient, boxes } = frozen.sealedBoxes
    const identity = {
      publicKey: bytes(recipient.publicKey),
      agreement: crypto.x25519.fromSecret(bytes(recipient.x25519Secret))
    }
    const prekeys = decodePrekeys(crypto, bytes(recipient.storedPrekeys))
    for (const { box, length } of boxes.filter((one: { box?: string }) => one.box !== undefined)) {
      expect(openBox(crypto, identity, prekeys, bytes(box))).toEqual(countingBytes(length))
    }
  })
})

test('both providers seal and open alike, at every edge of every class', () => {
  const bob = owner(noble)
  const stored = { ...bob, prekeys: bob.prekeys }
  for (const capacity of [0, ...BOX_CAPACITIES.slice(0, 4)]) {
    for (const length of [capacity - 1, capacity, capacity + 1].filter(one => one >= 0)) {
      const contents = openssl.randomBytes(length)
      for (const [sealing, opening] of [
        [openssl, noble],
        [noble, openssl]
      ] as const) {
        const box = sealBox(sealing, stored.bundle, contents)
        expect(boxClassOf(box.length)).toBe(BOX_CAPACITIES.findIndex(one => length <= one))
        expect(hex(openBox(opening, bob.identity, bob.prekeys, box))).toBe(hex(contents))
      }
    }
  }
})

test('the length of a box tells its class and nothing more', () => {
  const { bundle } = owner()
  const sizes = [0, 1, 17, 1000, 1024].map(length => sealBox(openssl, bundle, new Uint8Array(length)).length)
  expect(new Set(sizes)).toEqual(new Set([1024 + BOX_OVERHEAD]))
  const largest = BOX_CAPACITIES.at(-1)!
  expect(sealBox(openssl, bundle, new Uint8Array(largest)).length).toBe(largest + BOX_OVERHEAD)
  expect(codeOf(() => sealBox(openssl, bundle, new Uint8Array(largest + 1)))).toBe('MAILBOX_TOO_LARGE')
})

test('holds no key of anybody, and two boxes have nothing in common but version, class and prekey ids', () => {
  const bob = owner()
  const [one, other] = [
    sealBox(openssl, bob.bundle, new Uint8Array(9)),
    sealBox(openssl, bob.bundle, new Uint8Array(9))
  ]
  for (const key of [bob.identity.publicKey, bob.identity.agreement.publicKey, bob.bundle.signed.publicKey]) {
    expect(hex(one)).not.toContain(hex(key))
  }
  expect(hex(one.subarray(0, 10))).toBe(hex(other.subarray(0, 10)))
  for (let at = 10; at + 8 <= one.length; at += 8) {
    expect(hex(one.subarray(at, at + 8))).not.toBe(hex(other.subarray(at, at + 8)))
  }
})

test('opens for its recipient only', () => {
  const [bob, eve] = [owner(), owner()]
  const box = sealBox(openssl, bob.bundle, countingBytes(100))
  expect(codeOf(() => opened(eve, box))).toBe('SESSION_FORGED')
  // also not for one who has all but one of the keys
  expect(codeOf(() => opened({ ...bob, identity: { ...bob.identity, publicKey: eve.identity.publicKey } }, box))).toBe(
    'SESSION_FORGED'
  )
  expect(codeOf(() => opened({ ...bob, identity: { ...bob.identity, agreement: eve.identity.agreement } }, box))).toBe(
    'SESSION_FORGED'
  )
  for (const kind of ['signed', 'lastResortKem'] as const) {
    const mixed = { ...bob, prekeys: { ...bob.prekeys, [kind]: eve.prekeys[kind] } }
    expect(codeOf(() => opened(mixed, box))).toBe('SESSION_FORGED')
    const without = { ...bob, prekeys: { ...bob.prekeys, [kind]: [] } }
    expect(codeOf(() => opened(without, box))).toBe('SESSION_SIGNED_PREKEY_GONE')
  }
  expect(opened(bob, box)).toEqual(countingBytes(100))
})

describe('whatever is changed, it does not open', () => {
  const bob = owner()
  const contents = countingBytes(333)
  const box = sealBox(openssl, bob.bundle, contents)
  const refusals = ['SESSION_FORGED', 'SESSION_MALFORMED', 'SESSION_SIGNED_PREKEY_GONE']

  test('any bit of the header', () => {
    for (let at = 0; at < BOX_OVERHEAD - 20; at++) {
      const changed = box.slice()
      changed[at]! ^= 1 << (at % 8)
      expect(refusals, `byte ${at}`).toContain(codeOf(() => opened(bob, changed)))
    }
  })

  test('any bit at all', () => {
    fc.assert(
      fc.property(fc.nat(box.length - 1), fc.nat(7), (at, bit) => {
        const changed = box.slice()
        changed[at]! ^= 1 << bit
        expect(refusals).toContain(codeOf(() => opened(bob, changed)))
      }),
      { numRuns: 1_000 }
    )
  })

  test('any truncation or addition', () => {
    fc.assert(
      fc.property(fc.nat(box.length - 1), length => {
        expect(codeOf(() => opened(bob, box.slice(0, length)))).toBe('SESSION_MALFORMED')
      })
    )
    expect(codeOf(() => opened(bob, Buffer.concat([box, Buffer.alloc(1)])))).toBe('SESSION_MALFORMED')
  })

  test('any garbage', () => {
    const size = 1024 + BOX_OVERHEAD
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ minLength: size, maxLength: size })),
        input => {
          expect(refusals).toContain(codeOf(() => opened(bob, input)))
        }
      )
    )
  })

  test('keys that contribute nothing', () => {
    const changed = box.slice()
    changed.fill(0, 10, 42)
    expect(codeOf(() => opened(bob, changed))).toBe('SESSION_FORGED')
  })

  test('and what is whole still opens', () => {
    expect(opened(bob, box)).toEqual(contents)
  })
})

test('what it holds comes back, whatever it is', () => {
  const bob = owner()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6_000 }), contents => {
      expect(hex(opened(bob, sealBox(openssl, bob.bundle, contents)))).toBe(hex(contents))
    }),
    { numRuns: 100 }
  )
})

test('a box with padding that is not zero is refused, so that nothing is carried in it unseen', () => {
  const bob = owner()
  // a sender of ill will: the padding is part of what it seals
  const dishonest: CryptoProvider = {
    ...openssl,
    seal: (key, nonce, plaintext, ad, headroom) => {
      plaintext[plaintext.length - 1] = 1
      return openssl.seal(key, nonce, plaintext, ad, headroom)
    }
  }
  expect(codeOf(() => opened(bob, sealBox(dishonest, bob.bundle, countingBytes(10))))).toBe('SESSION_MALFORMED')
  const lying: CryptoProvider = {
    ...openssl,
    seal: (key, nonce, plaintext, ad, headroom) => {
      new DataView(plaintext.buffer, plaintext.byteOffset).setUint32(0, 1025)
      return openssl.seal(key, nonce, plaintext, ad, headroom)
    }
  }
  expect(codeOf(() => opened(bob, sealBox(lying, bob.bundle, countingBytes(10))))).toBe('SESSION_MALFORMED')
})
