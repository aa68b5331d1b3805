import { generateKeyPair, publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { expect, test } from 'vitest'
import { didKeyOf, hexOf, peerIdOf, publicKeyOf } from '../../src/crypto/peer-key.ts'

const publicKeys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map(seed => Uint8Array.from(ed25519.getPublicKey(seed)))
const hex = (digits: string) => Uint8Array.from(Buffer.from(digits, 'hex'))

test('every spelling of a key reads back as the key', () => {
  fc.assert(
    fc.property(publicKeys, key => {
      const cid = peerIdFromPublicKey(publicKeyFromRaw(key)).toCID()
      const spellings = [
        peerIdOf(key),
        didKeyOf(key),
        hexOf(key),
        hexOf(key).toUpperCase(),
        cid.toString(base32),
        cid.toString(base36),
        cid.toString(base58btc)
      ]
      for (const spelling of spellings) expect(publicKeyOf(spelling)).toEqual(key)
    }),
    { numRuns: 30 }
  )
})

test('the PeerId is the one that libp2p computes', async () => {
  for (let round = 0; round < 20; round++) {
    const { publicKey } = await generateKeyPair('Ed25519')
    expect(peerIdOf(publicKey.raw)).toBe(peerIdFromPublicKey(publicKey).toString())
  }
})

test('the did:key is the one of the did:key specification for the RFC 8032 test key', () => {
  const key = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
  expect(didKeyOf(key)).toBe('did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw')
  expect(publicKeyOf('did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw')).toEqual(key)
})

test('arbitrary text is no key and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('12D3Koo'.repeat(1000))), text => {
      expect(publicKeyOf(text)).toBeUndefined()
    })
  )
})

test('a spelling with one character changed, missing or added is never the same key', () => {
  fc.assert(
    fc.property(
      publicKeys.chain(key =>
        fc.tuple(fc.constant(key), fc.constantFrom(peerIdOf(key), didKeyOf(key), hexOf(key)), fc.nat(), fc.nat())
      ),
      fc.constantFrom('1', 'z', '2', ' ', '\n', 'é', '0', ''),
      ([key, spelling, where], replacement) => {
        const at = where % spelling.length
        const changed = spelling.slice(0, at) + replacement + spelling.slice(at + 1)
        const added = spelling.slice(0, at) + replacement + spelling.slice(at)
        for (const other of [changed, added]) {
          if (other !== spelling) expect(publicKeyOf(other)).not.toEqual(key)
        }
      }
    )
  )
})

test('padding that a decoder would overlook makes another spelling, which is refused', () => {
  const key = Uint8Array.from(ed25519.getPublicKey(new Uint8Array(32)))
  const cid = peerIdFromPublicKey(publicKeyFromRaw(key)).toCID().toString(base32)
  expect(publicKeyOf(cid)).toEqual(key)
  for (const other of [`${cid}=`, cid.toUpperCase(), `${cid}a`]) expect(publicKeyOf(other)).toBeUndefined()
})

test('keys of other kinds are refused', async () => {
  const secp = await generateKeyPair('secp256k1')
  expect(publicKeyOf(peerIdFromPublicKey(secp.publicKey).toString())).toBeUndefined()
  expect(publicKeyOf('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N')).toBeUndefined()
  // did:key of an X25519 key
  expect(publicKeyOf('did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc')).toBeUndefined()
})

test('small-order, non-canonical and off-curve points are refused in every spelling', () => {
  const bad = [
    '0100000000000000000000000000000000000000000000000000000000000000', // the neutral element
    '0000000000000000000000000000000000000000000000000000000000000000', // order 4
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
    '0200000000000000000000000000000000000000000000000000000000000000', // no such point
    'f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // y = p + 3
    '0100000000000000000000000000000000000000000000000000000000000080' // x = 0 with its sign set
  ].map(hex)
  for (const key of bad) {
    for (const spelling of [peerIdOf(key), didKeyOf(key), hexOf(key)]) expect(publicKeyOf(spelling)).toBeUndefined()
  }
})

test('a key of another length has no spelling', () => {
  for (const length of [0, 31, 33, 64]) {
    for (const spell of [peerIdOf, didKeyOf, hexOf]) {
      expect(() => spell(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'CRYPTO_KEY_INVALID' }))
    }
  }
})

test('a point is a point exactly when @noble/curves says so', () => {
  const isPoint = (key: Uint8Array): boolean => {
    try {
      return !ed25519.Point.fromBytes(key).isSmallOrder()
    } catch {
      return false
    }
  }
  const edges = fc.tuple(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.constantFrom(0, 0xff), fc.nat(255))
  const nearTheEdges = edges.map(([top, middle, low]) =>
    Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? low : i === 31 ? top : middle))
  )
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), nearTheEdges), bytes => {
      const key = Uint8Array.from(bytes)
      expect(publicKeyOf(hexOf(key)) !== undefined).toBe(isPoint(key))
    }),
    { numRuns: 500 }
  )
})
