import { readFileSync } from 'node:fs'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { networkAddressOf } from '../../src/protocols/limits/index.ts'
import { Request, Response } from '../../src/protocols/registry/pb/registry.ts'
import {
  checkTimes,
  isRegistrableName,
  openRegistration,
  readRegistration,
  signRegistration
} from '../../src/protocols/registry/registration.ts'

const vectors = JSON.parse(readFileSync(new URL('../vectors/registry.json', import.meta.url), 'utf8'))
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (some: Uint8Array) => Buffer.from(some).toString('hex')

describe('known answers of docs/spec/registry.md', () => {
  test.each([...vectors.registrations])('the registration of $name', vector => {
    const key = crypto.ed25519.fromSeed(bytes(vector.seed))
    const { name, issuedAt, expiresAt, sequence } = vector
    const addresses = vector.addresses.map((text: string) => multiaddr(text))
    const mailboxes = (vector.mailboxes ?? []).map((text: string) => multiaddr(text))
    const signed = signRegistration(
      { name, publicKey: key.publicKey, addresses, mailboxes, issuedAt, expiresAt, sequence },
      key
    )
    expect(hex(signed.registration)).toBe(vector.registration)
    expect(hex(signed.signature)).toBe(vector.signature)
    const opened = openRegistration({ registration: bytes(vector.registration), signature: bytes(vector.signature) })
    expect(opened).toMatchObject({ name, issuedAt, expiresAt, sequence, publicKey: bytes(vector.publicKey) })
    expect(opened.addresses.map(String)).toEqual(vector.addresses)
    expect(opened.mailboxes.map(String)).toEqual(vector.mailboxes ?? [])
    checkTimes(opened, issuedAt)
    const request = Request.decode(bytes(vector.request))
    expect(hex(request.register!.registration)).toBe(vector.registration)
    expect(hex(Request.encode(request))).toBe(vector.request)
  })

  test.each([...vectors.requests])('the request: $what', ({ bytes: encoded }) => {
    expect(hex(Request.encode(Request.decode(bytes(encoded))))).toBe(encoded)
  })

  test.each([...vectors.responses])('the response: $what', ({ bytes: encoded }) => {
    expect(hex(Response.encode(Response.decode(bytes(encoded))))).toBe(encoded)
  })
})

test('whatever bytes arrive, reading them gives a registration or one of three errors', () => {
  const genuine = bytes(vectors.registrations[0].registration)
  const damaged = fc
    .array(fc.tuple(fc.nat(genuine.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 })
    .map(changes => {
      const copy = genuine.slice()
      for (const [at, value] of changes) copy[at] = value
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), input => {
      try {
        readRegistration(input)
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^REGISTRY_(RECORD_MALFORMED|NAME_INVALID)$/)
      }
    }),
    { numRuns: 2_000 }
  )
})

test('names: ASCII letters, digits and . _ - inside, nothing that looks like a key', () => {
  for (const name of ['a', 'A1', 'alice', 'build-agent_7.eu', 'z'.repeat(63)]) {
    expect(isRegistrableName(name), name).toBe(true)
  }
  for (const name of [
    '',
    '.a',
    'a.',
    'a b',
    'é',
    '0xab',
    'deadbeefdeadbeef',
    '12d3koowX',
    'z'.repeat(64),
    'a/b',
    'a:b'
  ]) {
    expect(isRegistrableName(name), name).toBe(false)
  }
})

test('limits count by IPv4 address and by IPv6 network', () => {
  const key = (text: string) => networkAddressOf(multiaddr(text))
  expect(key('/ip4/192.0.2.7/tcp/1')).toBe('192.0.2.7')
  expect(key('/ip4/192.0.2.7/tcp/2/ws')).toBe(key('/ip4/192.0.2.7/tcp/1'))
  expect(key('/ip6/2001:db8:1:2::7/tcp/1')).toBe('20010db800010002/64')
  expect(key('/ip6/2001:db8:1:2:ffff::8/tcp/1')).toBe(key('/ip6/2001:db8:1:2::7/tcp/1'))
  expect(key('/ip6/2001:db8:1:3::7/tcp/1')).not.toBe(key('/ip6/2001:db8:1:2::7/tcp/1'))
  expect(key('/ip6zone/eth0/ip6/2001:db8:1:2::7/tcp/1')).toBe('20010db800010002/64')
  expect(key('/ip6/::ffff:192.0.2.7/tcp/1')).toBe('192.0.2.7')
  expect(key('/ip4/192.0.2.7/tcp/1/p2p-circuit')).toBe('relayed')
  expect(key('/memory/1')).toBe('other')
})
