import { type CryptoProvider, crypto as defaultCrypto } from '../../src/crypto/index.ts'
import {
  activeSession,
  beginSession,
  certifyAgreementKey,
  createBook,
  decodeBook,
  encodeBook,
  encodePrekeys,
  issueBundle,
  type LocalIdentity,
  NO_PREKEYS,
  type Opened,
  openMessage,
  type Prekeys,
  retireBook,
  type Session,
  type SessionBook,
  type SessionContext,
  type SessionEvent,
  sealMessage,
  spendPrekeys,
  verifyBundle
} from '../../src/protocols/ratchet/index.ts'

export const START = Date.UTC(2026, 0, 1)

export function makeIdentity(crypto: CryptoProvider = defaultCrypto): LocalIdentity {
  const signing = crypto.ed25519.generate()
  const agreement = crypto.x25519.generate()
  return {
    publicKey: signing.publicKey,
    sign: bytes => signing.sign(bytes),
    agreement,
    agreementCertificate: certifyAgreementKey(signing, agreement.publicKey)
  }
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
export const untext = (value: Uint8Array): string => new TextDecoder().decode(value)

/** A peer as the session service would drive it: every state goes through its encoding, as after a restart. */
export class Party implements SessionContext {
  readonly crypto: CryptoProvider
  identity: LocalIdentity
  prekeys: Prekeys = NO_PREKEYS
  books = new Map<Party, SessionBook>()
  now = START
  events: SessionEvent[] = []
  /** Store and load the book after each operation. */
  readonly restarting: boolean

  constructor(crypto: CryptoProvider = defaultCrypto, restarting = false) {
    this.crypto = crypto
    this.restarting = restarting
    this.identity = makeIdentity(crypto)
  }

  book(peer: Party): SessionBook {
    return this.books.get(peer) ?? createBook(this.identity.publicKey, peer.identity.publicKey)
  }

  keep(peer: Party, next: SessionBook): void {
    const old = this.books.get(peer)
    const stored = this.restarting ? decodeBook(this.crypto, encodeBook(next)) : next
    if (old !== undefined) retireBook(old, next)
    this.books.set(peer, stored)
  }

  bundle(oneTime = true): Uint8Array {
    const issued = issueBundle(this.crypto, this.prekeys, this.identity, this.now, { oneTime })
    this.prekeys = issued.prekeys
    return issued.bundle
  }

  begin(peer: Party, { oneTime = true, useOneTime = true } = {}): Uint8Array {
    const bundle = verifyBundle(this.crypto, peer.bundle(oneTime), peer.identity.publicKey, this.now)
    const begun = beginSession(this.book(peer), this.identity, bundle, this, useOneTime)
    this.keep(peer, begun.book)
    this.events.push(...begun.events)
    return begun.sid
  }

  seal(peer: Party, message: string): Uint8Array {
    const sealed = sealMessage(this.book(peer), text(message), this)
    this.keep(peer, sealed.book)
    return sealed.message
  }

  open(peer: Party, message: Uint8Array): string {
    return untext(this.openWhole(peer, message).plaintext)
  }

  openWhole(peer: Party, message: Uint8Array): Opened {
    const opened = openMessage(this.book(peer), message, this.identity, this.prekeys, this)
    this.prekeys = spendPrekeys(this.prekeys, opened.spent)
    this.keep(peer, opened.book)
    this.events.push(...opened.events)
    return opened
  }

  active(peer: Party): Session | undefined {
    return activeSession(this.book(peer))
  }

  /** All that this party knows, as bytes. */
  snapshot(peer: Party): string {
    return Buffer.concat([encodeBook(this.book(peer)), encodePrekeys(this.prekeys)]).toString('hex')
  }
}

/** Two parties with a confirmed session that `a` began. */
export function connected(a: Party = new Party(), b: Party = new Party()): [Party, Party] {
  a.begin(b)
  b.open(a, a.seal(b, 'hello'))
  a.open(b, b.seal(a, 'welcome'))
  b.open(a, a.seal(b, 'ready'))
  return [a, b]
}

/** The code of the TalosError that `run` throws; fails when it throws none. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if ((error as Error).name === 'TalosError' && typeof code === 'string') return code
    throw error
  }
  throw new Error('nothing was thrown')
}
