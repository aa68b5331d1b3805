import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { noble } from '../../../src/crypto/noble.ts'
import { openssl } from '../../../src/crypto/openssl.ts'
import {
  createBook,
  decodeBook,
  decodePrekeys,
  encodeBook,
  encodePrekeys,
  openMessage,
  retireBook,
  StreamSession,
  spendPrekeys,
  verifyBundle,
  verifyNoSessionNotice
} from '../../../src/protocols/ratchet/index.ts'
import { vectorReader } from '../../support/python.ts'
import { makeSessionVectors } from '../../support/session-vectors.ts'

const frozen = JSON.parse(readFileSync(new URL('../../vectors/session.json', import.meta.url), 'utf8'))
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')

describe('the frozen vectors', () => {
  it('are made again, byte for byte, from their secrets', () => {
    expect(makeSessionVectors()).toEqual(frozen)
  })

  it.each([openssl, noble])('are read by $name from the stored prekeys alone, to the stored books', crypto => {
    const signing = crypto.ed25519.fromSeed(bytes(frozen.bob.ed25519Seed))
    const bob = {
      publicKey: signing.publicKey,
      sign: (message: Uint8Array) => signing.sign(message),
      agreement: crypto.x25519.fromSecret(bytes(frozen.bob.x25519Secret)),
      agreementCertificate: bytes(frozen.bob.agreementCertificate)
    }
    const context = { crypto, now: frozen.now }
    const bundle = verifyBundle(crypto, bytes(frozen.bundle), bob.publicKey, frozen.now)
    expect([bundle.signed.id, bundle.lastResortKem.id]).toEqual([
      frozen.prekeys.signed.id,
      frozen.prekeys.lastResortKem.id
    ])
    let prekeys = decodePrekeys(crypto, bytes(frozen.storedPrekeysBefore))
    let book = createBook(bob.publicKey, bytes(frozen.alice.ed25519PublicKey))
    const fromAlice = frozen.messages.filter((message: { from: string }) => message.from === 'alice')
    // Bob's replies changed his side, so only the first chain opens from nothing
    for (const { message, plaintext } of fromAlice.slice(0, 3)) {
      const opened = openMessage(book, bytes(message), bob, prekeys, context)
      expect(hex(opened.plaintext)).toBe(plaintext)
      expect(hex(opened.sid)).toBe(frozen.handshake.sid)
      prekeys = spendPrekeys(prekeys, opened.spent)
      retireBook(book, opened.book)
      book = opened.book
    }
    expect(hex(encodePrekeys(prekeys))).toBe(frozen.storedPrekeysAfter)

    const alice = decodeBook(crypto, bytes(frozen.storedBooksBeforeLateMessages.alice))
    const bobsBook = decodeBook(crypto, bytes(frozen.storedBooksBeforeLateMessages.bob))
    const [lateForBob, lateForAlice] = frozen.messages.filter(
      (message: { delivered: string }) => message.delivered !== 'at once'
    )
    const readByBob = openMessage(bobsBook, bytes(lateForBob.message), bob, prekeys, context)
    expect(hex(encodeBook(readByBob.book))).toBe(frozen.storedBooksAtTheEnd.bob)
    const readByAlice = openMessage(alice, bytes(lateForAlice.message), bob, prekeys, context)
    expect(hex(readByAlice.plaintext)).toBe(lateForAlice.plaintext)
    expect(hex(encodeBook(readByAlice.book))).toBe(frozen.storedBooksAtTheEnd.alice)
    expect(hex(verifyNoSessionNotice(crypto, alice, bytes(frozen.noSessionNoticeFromBob)))).toBe(frozen.handshake.sid)
  })

  it.each([openssl, noble])('of the stream are read by $name', crypto => {
    const { secret, context, responderKeySecret, messages } = frozen.stream
    const responder = StreamSession.responder(
      { crypto, clock: () => 0, secret: bytes(secret), context: bytes(context) },
      crypto.x25519.fromSecret(bytes(responderKeySecret))
    )
    // until the responder made a key of its own, which is not reproducible here
    const request = messages.find((message: { from: string }) => message.from === 'initiator')
    expect(hex(responder.open(bytes(request.message)))).toBe(request.plaintext)
  })
})

const python = vectorReader('session')

it.skipIf(python.missing)('Python reads the vectors from docs/spec/session.md alone', () => {
  expect(python.read()).toBe('13 messages read\n')
})
