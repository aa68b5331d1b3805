import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { shake128 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requireContribution } from '../../../src/crypto/checks.ts'
import { signStatement, statement, verifyStatement } from '../../../src/crypto/index.ts'
import { createNoble, noble } from '../../../src/crypto/noble.ts'
import { openssl } from '../../../src/crypto/openssl.ts'
import { codeOf } from '../../support/session-party.ts'

const vectors = JSON.parse(readFileSync(new URL('../../vectors/rfc.json', import.meta.url), 'utf8'))
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const any = (constraints?: fc.IntArrayConstraints) => fc.uint8Array(constraints)
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe.each([openssl, noble])('$name against the RFCs', crypto => {
  it('Ed25519 (RFC 8032 §7.1)', () => {
    for (const v of vectors.ed25519) {
      const key = crypto.ed25519.fromSeed(bytes(v.seed))
      expect(hex(key.publicKey)).toBe(v.publicKey)
      expect(hex(key.sign(bytes(v.message)))).toBe(v.signature)
      expect(crypto.ed25519.verify(bytes(v.publicKey), bytes(v.message), bytes(v.signature))).toBe(true)
    }
  })

  it('X25519 (RFC 7748 §5.2, §6.1), and a thousand iterations of it', () => {
    for (const v of vectors.x25519) {
      expect(hex(crypto.x25519.fromSecret(bytes(v.secret)).agree(bytes(v.publicKey)))).toBe(v.shared)
    }
    let k = bytes(`09${'00'.repeat(31)}`)
    let u = k
    const rounds = crypto.name === 'openssl' ? 1000 : 1
    for (let i = 0; i < rounds; i++) [k, u] = [new Uint8Array(crypto.x25519.fromSecret(k).agree(u)), k]
    expect(hex(k)).toBe(
      rounds === 1000
        ? '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51'
        : '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079'
    )
  })

  it('HKDF (RFC 5869), HMAC (RFC 4231), ChaCha20-Poly1305 (RFC 8439)', () => {
    for (const v of vectors.hkdf) {
      expect(hex(crypto.hkdf(bytes(v.ikm), bytes(v.salt), bytes(v.info), v.length))).toBe(v.okm)
    }
    for (const v of vectors.hmacSha256) expect(hex(crypto.hmacSha256(bytes(v.key), bytes(v.message)))).toBe(v.mac)
    for (const v of vectors.hmacSha512) expect(hex(crypto.hmacSha512(bytes(v.key), bytes(v.message)))).toBe(v.mac)
    for (const v of vectors.chacha20poly1305) {
      const [key, nonce, ad] = [bytes(v.key), bytes(v.nonce), bytes(v.ad)]
      expect(hex(crypto.seal(key, nonce, bytes(v.plaintext), ad))).toBe(v.sealed)
      expect(hex(crypto.open(key, nonce, bytes(v.sealed), ad)!)).toBe(v.plaintext)
    }
  })

  // The accumulated vectors of C2SP/CCTV for ML-KEM-768, first 100: every key, ciphertext and secret, and an implicit
  // rejection of a random ciphertext, in one hash.
  it('ML-KEM-768 (FIPS 203): the accumulated known answers of CCTV', () => {
    const input = shake128.create({})
    const output = shake128.create({ dkLen: 32 })
    for (let i = 0; i < 100; i++) {
      const key = crypto.mlKem768.fromSeed(input.xof(64))
      const coins = input.xof(32)
      const { ciphertext, sharedSecret } = createNoble(() => coins).mlKem768.encapsulate(key.publicKey)
      output.update(key.publicKey).update(ciphertext).update(sharedSecret)
      expect(hex(key.decapsulate(ciphertext))).toBe(hex(sharedSecret))
      output.update(key.decapsulate(input.xof(1088)))
    }
    expect(hex(output.digest())).toBe('1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415')
  })
})

describe('both providers', () => {
  it('give the same bytes', () => {
    fc.assert(
      fc.property(exactly(32), exactly(32), any({ maxLength: 300 }), any({ maxLength: 200 }), (a, b, data, ad) => {
        for (const name of ['hmacSha256', 'hmacSha512'] as const) {
          expect(hex(openssl[name](data, ad))).toBe(hex(noble[name](data, ad)))
        }
        expect(hex(openssl.sha256(data))).toBe(hex(noble.sha256(data)))
        expect(hex(openssl.hkdf(a, ad, data, 96))).toBe(hex(noble.hkdf(a, ad, data, 96)))
        const nonce = b.slice(0, 12)
        const sealed = openssl.seal(a, nonce, data, ad, 7)
        expect(hex(sealed)).toBe(hex(noble.seal(a, nonce, data, ad, 7)))
        expect(hex(sealed.subarray(0, 7))).toBe('00'.repeat(7))
        expect(hex(noble.open(a, nonce, sealed.subarray(7), ad)!)).toBe(hex(data))
        expect(hex(openssl.open(a, nonce, sealed.subarray(7), ad)!)).toBe(hex(data))
        for (const provider of [openssl, noble]) {
          // a copy of the key: the caller may wipe its own
          const key = a.slice()
          const aead = provider.aead(key)
          key.fill(0)
          expect(hex(aead.seal(nonce, data, ad, 7))).toBe(hex(sealed))
          expect(hex(aead.open(nonce, sealed.subarray(7), ad)!)).toBe(hex(data))
          expect(aead.open(nonce, sealed.subarray(8), ad)).toBeUndefined()
        }
      }),
      { numRuns: 200 }
    )
  })

  it('agree and sign alike, and keep what they export', () => {
    fc.assert(
      fc.property(exactly(32), exactly(32), any({ maxLength: 100 }), (a, b, message) => {
        const [x, y] = [openssl.x25519.fromSecret(a), noble.x25519.fromSecret(b)]
        expect(hex(x.publicKey)).toBe(hex(noble.x25519.fromSecret(a).publicKey))
        expect(hex(x.agree(y.publicKey))).toBe(hex(y.agree(x.publicKey)))
        expect(hex(x.exportSecret())).toBe(hex(a))
        const [s, t] = [openssl.ed25519.fromSeed(a), noble.ed25519.fromSeed(a)]
        expect(hex(s.publicKey)).toBe(hex(t.publicKey))
        expect(hex(s.sign(message))).toBe(hex(t.sign(message)))
        expect(noble.ed25519.verify(s.publicKey, message, s.sign(message))).toBe(true)
      }),
      { numRuns: 20 }
    )
  })

  it('encapsulate for each other', () => {
    for (const [sender, receiver] of [
      [openssl, noble],
      [noble, openssl]
    ] as const) {
      const key = receiver.mlKem768.generate()
      const { ciphertext, sharedSecret } = sender.mlKem768.encapsulate(key.publicKey)
      expect(hex(sender.mlKem768.fromSeed(key.exportSeed()).decapsulate(ciphertext))).toBe(hex(sharedSecret))
      expect(hex(key.decapsulate(ciphertext))).toBe(hex(sharedSecret))
      expect(codeOf(() => sender.mlKem768.encapsulate(new Uint8Array(1184).fill(0xff)))).toBe('CRYPTO_BAD_KEY')
      expect(codeOf(() => key.decapsulate(ciphertext.subarray(1)))).toBe('CRYPTO_BAD_KEY')
    }
  })

  it('refuse X25519 points of small order: the shared secret would be zero', () => {
    const orders = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      `ec${'ff'.repeat(30)}7f`,
      `ed${'ff'.repeat(30)}7f`,
      `ee${'ff'.repeat(30)}7f`
    ]
    for (const crypto of [openssl, noble]) {
      const key = crypto.x25519.generate()
      for (const point of orders) expect(codeOf(() => key.agree(bytes(point)))).toBe('CRYPTO_BAD_KEY')
      expect(codeOf(() => key.agree(new Uint8Array(31)))).toBe('CRYPTO_BAD_KEY')
    }
  })

  it('refuse a zero secret themselves, whatever the library below does', () => {
    expect(codeOf(() => requireContribution(new Uint8Array(32)))).toBe('CRYPTO_BAD_KEY')
    const one = new Uint8Array(32).fill(1, 31)
    expect(requireContribution(one)).toBe(one)
  })

  it('verify Ed25519 by one strict rule', () => {
    const key = openssl.ed25519.fromSeed(bytes(vectors.ed25519[0].seed))
    const message = bytes('00')
    const signature = key.sign(message)
    const order = ed25519.Point.Fn.ORDER
    const s = (value: bigint) => bytes(value.toString(16).padStart(64, '0')).reverse()
    const little = (value: Uint8Array) => BigInt(`0x${hex(value.slice().reverse())}`)
    const torsion = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')

    // a key of mixed order: the cofactored equation holds for this signature, the strict one does not
    const scalar = 12345n
    const mixed = ed25519.Point.BASE.multiply(scalar).add(torsion).toBytes()
    const r = ed25519.Point.BASE.multiply(777n).toBytes()
    const challenge = (a: Uint8Array) => little(sha512(Buffer.concat([r, a, message]))) % order
    const forged = Buffer.concat([r, s((777n + challenge(mixed) * scalar) % order)])
    expect(challenge(mixed) % 8n).not.toBe(0n)
    expect(ed25519.verify(forged, message, mixed, { zip215: true })).toBe(true)

    const identity = bytes(`01${'00'.repeat(31)}`)
    const cases: Record<string, [Uint8Array, Uint8Array, boolean]> = {
      genuine: [key.publicKey, signature, true],
      'trailing byte': [key.publicKey, new Uint8Array([...signature, 0]), false],
      'S above the order': [
        key.publicKey,
        new Uint8Array([...signature.slice(0, 32), ...s(little(signature.slice(32)) + order)]),
        false
      ],
      'identity key, S = 0': [identity, new Uint8Array([...identity, ...new Uint8Array(32)]), false],
      'identity key spelled with the sign bit': [
        bytes(`01${'00'.repeat(30)}80`),
        new Uint8Array([...identity, ...new Uint8Array(32)]),
        false
      ],
      'key of order 8': [torsion.toBytes(), signature, false],
      'key not below p': [bytes(`ee${'ff'.repeat(30)}7f`), new Uint8Array([...identity, ...new Uint8Array(32)]), false],
      'mixed order, cofactored only': [mixed, new Uint8Array(forged), false],
      'short key': [key.publicKey.slice(1), signature, false],
      'no point': [bytes(`02${'00'.repeat(31)}`), signature, false]
    }
    for (const [name, [publicKey, sig, expected]] of Object.entries(cases)) {
      expect([name, openssl.ed25519.verify(publicKey, message, sig)]).toEqual([name, expected])
      expect([name, noble.ed25519.verify(publicKey, message, sig)]).toEqual([name, expected])
    }
  })

  it('open nothing that was changed', () => {
    for (const crypto of [openssl, noble]) {
      const [key, nonce, ad] = [crypto.randomBytes(32), crypto.randomBytes(12), crypto.randomBytes(5)]
      const sealed = crypto.seal(key, nonce, bytes('0102'), ad)
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const copy = sealed.slice()
        copy[bit >> 3]! ^= 1 << (bit & 7)
        expect(crypto.open(key, nonce, copy, ad)).toBeUndefined()
      }
      for (let length = 0; length < sealed.length; length++) {
        expect(crypto.open(key, nonce, sealed.subarray(0, length), ad)).toBeUndefined()
      }
      expect(crypto.timingSafeEqual(ad, ad.slice())).toBe(true)
      expect(crypto.timingSafeEqual(ad, ad.slice(1))).toBe(false)
    }
  })

  it('never give the same random bytes twice, whatever the size asked for', () => {
    for (const crypto of [openssl, noble]) {
      const seen = new Set<string>()
      for (let i = 0; i < 2000; i++) seen.add(hex(crypto.randomBytes(16 + (i % 300))))
      expect(seen.size).toBe(2000)
    }
  })
})

describe('a signed statement', () => {
  it('verifies for its own label only', () => {
    const key = openssl.ed25519.generate()
    const signature = signStatement(key, 'talos/test/v1', bytes('01'))
    expect(verifyStatement(openssl, key.publicKey, 'talos/test/v1', bytes('01'), signature)).toBe(true)
    expect(verifyStatement(openssl, key.publicKey, 'talos/test/v2', bytes('01'), signature)).toBe(false)
    expect(verifyStatement(openssl, key.publicKey, 'talos/test/v1', bytes('02'), signature)).toBe(false)
    expect(hex(statement('talos/a/v1', bytes('ff')))).toBe(`${hex(new TextEncoder().encode('talos/a/v1'))}00ff`)
    expect(codeOf(() => statement('a label', bytes('')))).toBe('CRYPTO_BAD_LABEL')
  })
})
