import fc from 'fast-check'
import { expect, test } from 'vitest'
import { didKeyOf, hexOf, publicKeyOf } from '../../src/crypto/peer-key.ts'
import { type PeerCandidate, resolvePeer } from '../../src/index.ts'

const ALICE = '12D3KooWHkVk43SFRq5RBfoCGV9LkVmq4ZhGp5ei2dywoayqSZfu'
const BOB = '12D3KooWDWTZTQ6C524TS9HnUYaP2jsG2e1Wte6CyUFUp9fmJt47'
const CAROL = '12D3KooWHxeNjs83DM5az2Rd4oGQUvNiE1fiwJVFiDnESsBCn4Ut'
const CANDIDATES: PeerCandidate[] = [
  { name: 'tools', peerId: BOB, source: 'registered', addresses: ['/ip4/192.0.2.2/tcp/1'] },
  { name: 'Alice', peerId: ALICE, source: 'petname', addresses: ['/ip4/192.0.2.1/tcp/1'] },
  {
    name: 'alice.example',
    peerId: ALICE,
    source: 'registered',
    addresses: ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.3/tcp/1']
  },
  { name: 'alicia', peerId: CAROL, source: 'registered' },
  { peerId: BOB, source: 'known' }
]
const idOf = (reference: string, candidates = CANDIDATES) => resolvePeer(reference, candidates).peerId
const failure = (code: string) => expect.objectContaining({ name: 'TalosError', code })

test('every spelling of a key means its peer, with or without a candidate', () => {
  const key = publicKeyOf(ALICE)!
  for (const spelling of [ALICE, hexOf(key), didKeyOf(key)]) {
    expect(resolvePeer(spelling, [])).toEqual({ peerId: ALICE, publicKey: key, addresses: [] })
    expect(resolvePeer(spelling, CANDIDATES)).toEqual({
      peerId: ALICE,
      publicKey: key,
      name: 'Alice',
      addresses: ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.3/tcp/1']
    })
  }
})

test('a whole name means its holder, a petname before a registered name', () => {
  expect(idOf('alice')).toBe(ALICE)
  expect(idOf('TOOLS')).toBe(BOB)
  expect(idOf('tools', [...CANDIDATES, { name: 'Tools', peerId: CAROL, source: 'petname' }])).toBe(CAROL)
  const two: PeerCandidate[] = [...CANDIDATES, { name: 'tools', peerId: CAROL, source: 'registered' }]
  expect(() => idOf('tools', two)).toThrow(failure('PEER_AMBIGUOUS'))
})

test('a prefix of a name, a PeerId, hex or a DID means the one peer that it fits', () => {
  expect(idOf('Alice.')).toBe(ALICE)
  expect(idOf('alici')).toBe(CAROL)
  expect(idOf(ALICE.slice(0, 12))).toBe(ALICE)
  expect(idOf(hexOf(publicKeyOf(CAROL)!).slice(0, 6))).toBe(CAROL)
  expect(idOf(didKeyOf(publicKeyOf(BOB)!).slice(0, 20))).toBe(BOB)
})

test('a prefix that fits several peers is an error that lists them; a short one is never a prefix', () => {
  expect(() => idOf('alic')).toThrow(failure('PEER_AMBIGUOUS'))
  expect(() => idOf('12D3KooW')).toThrow(failure('PEER_AMBIGUOUS'))
  try {
    idOf('alic')
  } catch (error) {
    expect((error as { hint: string }).hint).toContain(`Alice (${ALICE})`)
    expect((error as { hint: string }).hint).toContain(`alicia (${CAROL})`)
  }
  expect(() => idOf('too')).toThrow(failure('PEER_UNKNOWN'))
  expect(() => idOf('')).toThrow(failure('PEER_UNKNOWN'))
})

test('an unknown reference lists the nearest names first, ten at most', () => {
  const many = Array.from(
    { length: 30 },
    (_, index): PeerCandidate => ({ name: `host${index}`, peerId: BOB, source: 'petname' })
  )
  try {
    resolvePeer('allice', [...many, ...CANDIDATES])
    expect.unreachable()
  } catch (error) {
    const { code, hint } = error as { code: string; hint: string }
    expect(code).toBe('PEER_UNKNOWN')
    expect(hint).toMatch(/^Known: Alice \(/)
    expect(hint.match(/12D3KooW/g)).toHaveLength(10)
    expect(hint).toContain('and 25 more')
  }
})

test('whatever the reference, the answer is a candidate, the key that it spells, or a TalosError', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor')),
      text => {
        try {
          expect([ALICE, BOB, CAROL]).toContain(idOf(text))
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^PEER_(UNKNOWN|AMBIGUOUS)$/)
        }
      }
    )
  )
})
