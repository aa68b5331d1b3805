import nodeCrypto, { diffieHellman, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createKeyObjects, keyObjects } from '../../../src/crypto/key-objects.ts'

const der = createKeyObjects(false)
const withKem = typeof nodeCrypto.encapsulate === 'function'

describe('keys by way of DER, for a Node that has no raw formats, and as this Node does it', () => {
  it.each(['x25519', 'ed25519', ...(withKem ? ['ml-kem-768' as const] : [])] as const)('are the same %s keys', kind => {
    const secret = new Uint8Array(kind === 'ml-kem-768' ? 64 : 32).map((_, i) => i * 3 + 1)
    const [one, other] = [keyObjects, der].map(way => {
      const key = way.importPrivate(kind, secret)
      return { key, publicKey: way.exportPublic(kind, key) }
    })
    expect(one!.key.equals(other!.key)).toBe(true)
    expect(one!.publicKey).toEqual(other!.publicKey)
    expect(one!.publicKey).toHaveLength(kind === 'ml-kem-768' ? 1184 : 32)
    if (kind !== 'ml-kem-768') {
      for (const way of [keyObjects, der]) expect(way.exportPrivate(kind, one!.key)).toEqual(secret)
    }
    const publics = [keyObjects, der].map(way => way.importPublic(kind, one!.publicKey))
    expect(publics[0]!.equals(publics[1]!)).toBe(true)
  })

  it('generate pairs whose halves belong together', () => {
    for (const way of [keyObjects, der]) {
      const [a, b] = [way.generatePair('x25519'), way.generatePair('x25519')]
      const agree = (mine: typeof a, theirs: typeof a) =>
        diffieHellman({ privateKey: mine.key, publicKey: way.importPublic('x25519', theirs.publicKey) })
      expect(agree(a, b)).toEqual(agree(b, a))
      expect(a.publicKey).not.toEqual(b.publicKey)
      const signer = way.generatePair('ed25519')
      const message = new Uint8Array([1, 2, 3])
      const publicKey = way.importPublic('ed25519', signer.publicKey)
      expect(verify(null, message, publicKey, sign(null, message, signer.key))).toBe(true)
    }
  })
})
