/**
 * Sessions between two peers: PQXDH (X25519 + ML-KEM-768), the Double Ratchet, the book of sessions with one peer, and the
 * in-memory ratchet of a stream. Pure: bytes and values in, bytes and values out; clock and randomness are given. The bytes
 * are specified in docs/spec/session.md.
 *
 * A {@link SessionBook} is a value. The order that loses nothing and reuses no key:
 * 1. `const next = sealMessage(book, …)` or `openMessage(book, …)`; a thrown error leaves `book` the right one.
 * 2. Store `encodeBook(next.book)` sealed, with the queued ciphertext, or with the received message and
 *    `spendPrekeys(prekeys, next.spent)`, in one atomic batch.
 * 3. `retireBook(book, next.book)`, keep `next.book`, and only now send or deliver.
 *
 * Nothing with an effect runs on a message whose `confirmed` and `oneTime` are both false: it may be a replay.
 */
export {
  abandonSession,
  acceptAgreementKey,
  activeSession,
  BOOK_LIMITS,
  beginSession,
  beginsSession,
  createBook,
  namedSession,
  type Opened,
  offeredAgreementKey,
  openMessage,
  retireBook,
  type SessionBook,
  type SessionEvent,
  sealMessage
} from './book.ts'
export { decodeBook, encodeBook } from './book-codec.ts'
export { MAX_BUNDLE_SIZE, type PrekeyBundle, verifyBundle } from './bundle.ts'
export { RATCHET_LIMITS, RATCHET_OVERHEAD } from './double-ratchet.ts'
export { certifyAgreementKey, type LocalIdentity, verifyAgreementKey } from './identity.ts'
export { NO_SESSION_SIZE, noSessionNotice, verifyNoSessionNotice } from './no-session.ts'
export { INITIATION_SIZE, KEY_AGREEMENT, SID_SIZE } from './pqxdh.ts'
export {
  decodePrekeys,
  encodePrekeys,
  issueBundle,
  maintainPrekeys,
  NO_PREKEYS,
  PREKEY_POLICY,
  type Prekeys,
  spendPrekeys
} from './prekeys.ts'
export { BOX_CAPACITIES, BOX_OVERHEAD, boxClassOf, openBox, sealBox } from './sealed-box.ts'
export type { Session, SessionContext } from './session.ts'
export { STREAM_REKEY, StreamSession } from './stream.ts'
