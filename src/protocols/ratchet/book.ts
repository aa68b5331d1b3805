import type { AgreementKey, CryptoProvider, KemKey } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import type { PrekeyBundle } from './bundle.ts'
import { sameBytes } from './codec.ts'
import { initiatorRatchet, responderRatchet, retire } from './double-ratchet.ts'
import { type LocalIdentity, verifyAgreementKey } from './identity.ts'
import { INITIATION_SIZE, type Initiation, initiate, parseInitiation, respond, SID_SIZE } from './pqxdh.ts'
import { PREKEY_POLICY, type Prekeys, type SpentPrekeys } from './prekeys.ts'
import {
  bindSession,
  INITIATION_MESSAGE,
  openInSession,
  preferred,
  SESSION_MESSAGE,
  type Session,
  type SessionContext,
  sameSession,
  sealInSession
} from './session.ts'

const DAY = 24 * 60 * 60 * 1000

export const BOOK_LIMITS = {
  /** Sessions kept besides the active one; the least recently used goes first. */
  maxArchived: 5,
  /** A session unused for this long is dropped, milliseconds. */
  sessionLifetime: 30 * DAY,
  /** Handshakes of one peer remembered against replay; more are refused until the oldest expire. */
  maxReplayIds: 1000,
  /** How far in the future a handshake may be dated, milliseconds. */
  maxClockSkew: DAY
} as const

export interface ReplayId {
  readonly sid: Uint8Array
  /** When its signed prekey is deleted, after which a replay fails by itself. */
  readonly until: number
}

/** Everything kept about the sessions with one peer, as a value: operations return the next one. */
export interface SessionBook {
  /** Our and the peer's Ed25519 key, 32 bytes each. */
  readonly self: Uint8Array
  readonly peer: Uint8Array
  /** The peer's agreement key, pinned at the first handshake. */
  readonly agreement: Uint8Array | undefined
  /** In order of preference. */
  readonly sessions: readonly Session[]
  readonly replayIds: readonly ReplayId[]
}

/** What the caller should record or tell the user. */
export type SessionEvent =
  /** A session began. */
  | { readonly type: 'opened'; readonly sid: Uint8Array; readonly role: Session['role']; readonly oneTime: boolean }
  /** Its first proof that the peer takes part now. */
  | { readonly type: 'confirmed'; readonly sid: Uint8Array; readonly role: Session['role']; readonly oneTime: boolean }
  /** The peer began a session although one was confirmed: it renewed it, or lost its state. */
  | { readonly type: 'replaced'; readonly sid: Uint8Array; readonly by: Uint8Array }
  /** The peer no longer has it. */
  | { readonly type: 'abandoned'; readonly sid: Uint8Array }

export interface Opened {
  readonly book: SessionBook
  readonly plaintext: Uint8Array
  readonly sid: Uint8Array
  /** See {@link Session.confirmed}. Nothing with an effect runs on a message for which this and `oneTime` are both false. */
  readonly confirmed: boolean
  readonly oneTime: boolean
  /** Delete these in the batch that stores the book. */
  readonly spent: SpentPrekeys
  readonly events: readonly SessionEvent[]
}

const NOTHING_SPENT: SpentPrekeys = { oneTime: undefined, oneTimeKem: undefined }

export function createBook(self: Uint8Array, peer: Uint8Array): SessionBook {
  return { self, peer, agreement: undefined, sessions: [], replayIds: [] }
}

/** The session that the next message would use. */
export function activeSession(book: SessionBook): Session | undefined {
  return book.sessions.find(session => !session.abandoned)
}

/**
 * Begins a session from a verified bundle and makes it the active one; the next sealed message carries the handshake.
 *
 * @param useOneTime false after the peer answered SESSION_ONE_TIME_PREKEY_GONE
 * @throws SESSION_IDENTITY_CHANGED SESSION_SELF SESSION_BUNDLE_PEER CRYPTO_BAD_KEY
 */
export function beginSession(
  book: SessionBook,
  identity: LocalIdentity,
  bundle: PrekeyBundle,
  { crypto, now }: SessionContext,
  useOneTime = true
): { book: SessionBook; sid: Uint8Array; events: readonly SessionEvent[] } {
  if (!sameBytes(bundle.identity, book.peer)) {
    throw new TalosError('SESSION_BUNDLE_PEER', 'The prekey bundle belongs to another peer than the one that was asked')
  }
  checkPin(book, bundle.agreement)
  // newer than every session known, so that both sides prefer it whatever the clocks say
  const createdAt = Math.max(now, ...book.sessions.map(session => session.createdAt + 1))
  const { sid, rootKey, initiation, oneTime } = initiate(crypto, identity, bundle, createdAt, useOneTime)
  const ratchet = initiatorRatchet(crypto, rootKey, bundle.signed.publicKey)
  rootKey.fill(0)
  const session: Session = {
    sid,
    role: 'initiator',
    createdAt,
    lastUsed: now,
    confirmed: false,
    oneTime,
    abandoned: false,
    initiation,
    ad: bindSession('initiator', book.self, book.peer, sid),
    ratchet
  }
  return {
    book: { ...withSession(book, session, now), agreement: bundle.agreement },
    sid,
    events: [{ type: 'opened', sid, role: 'initiator', oneTime }]
  }
}

/**
 * Seals a message in the active session.
 *
 * @throws SESSION_NONE when there is none: fetch a bundle and begin one
 */
export function sealMessage(
  book: SessionBook,
  plaintext: Uint8Array,
  context: SessionContext
): { book: SessionBook; message: Uint8Array; sid: Uint8Array } {
  const session = activeSession(book)
  if (session === undefined) throw new TalosError('SESSION_NONE', 'There is no session with this peer')
  const sealed = sealInSession(session, plaintext, context)
  return { book: replace(book, session, sealed.session), message: sealed.message, sid: session.sid }
}

/**
 * Opens a message from the peer, in whichever session it names, or in the one it begins. On any error the given book stands.
 *
 * @throws SESSION_UNKNOWN no such session (answer with {@link noSessionNotice}); SESSION_PEER_MISMATCH, SESSION_CLOCK,
 *   SESSION_IDENTITY_INVALID, SESSION_IDENTITY_CHANGED, SESSION_ONE_TIME_PREKEY_GONE, SESSION_SIGNED_PREKEY_GONE,
 *   SESSION_REPLAY, SESSION_BUSY for a handshake; and what `open` of the ratchet throws
 */
export function openMessage(
  book: SessionBook,
  message: Uint8Array,
  identity: LocalIdentity,
  prekeys: Prekeys,
  context: SessionContext
): Opened {
  const named = parseMessage(message)
  if (named.initiation === undefined) {
    const session = book.sessions.find(candidate => sameSession(candidate, named.sid))
    if (session === undefined) {
      throw new TalosError('SESSION_UNKNOWN', 'The message names a session that does not exist here')
    }
    return openKnown(book, session, named.body, context)
  }
  const { initiation, body } = named
  if (!sameBytes(initiation.identity, book.peer)) throw notFromPeer()
  const fingerprint = context.crypto.sha256(initiation.bytes)
  const repeated = book.sessions.find(
    session => session.role === 'responder' && sameBytes(session.initiation, fingerprint)
  )
  return repeated !== undefined
    ? openKnown(book, repeated, body, context)
    : openNew(book, initiation, fingerprint, body, identity, prekeys, context)
}

interface SessionMessage {
  sid: Uint8Array
  initiation: undefined
  body: Uint8Array
}
interface InitiationMessage {
  initiation: Initiation
  body: Uint8Array
}

function parseMessage(message: Uint8Array): SessionMessage | InitiationMessage {
  if (message[0] === SESSION_MESSAGE && message.length > SID_SIZE) {
    return {
      initiation: undefined,
      sid: message.subarray(1, 1 + SID_SIZE),
      body: message.subarray(1 + SID_SIZE)
    }
  }
  if (message[0] === INITIATION_MESSAGE && message.length > INITIATION_SIZE) {
    return {
      initiation: parseInitiation(message.subarray(1, 1 + INITIATION_SIZE)),
      body: message.subarray(1 + INITIATION_SIZE)
    }
  }
  throw new TalosError('SESSION_MALFORMED', 'The session message is of an unknown kind or too short')
}

/** The id of the session that a message names; undefined for a handshake or something else. */
export function namedSession(message: Uint8Array): Uint8Array | undefined {
  const named = message[0] === SESSION_MESSAGE && message.length > SID_SIZE
  return named ? message.slice(1, 1 + SID_SIZE) : undefined
}

/** True for a message that begins a session which is not in the book yet: only to open that takes prekeys. */
export function beginsSession(crypto: CryptoProvider, book: SessionBook, message: Uint8Array): boolean {
  if (message[0] !== INITIATION_MESSAGE || message.length <= INITIATION_SIZE) return false
  const fingerprint = crypto.sha256(message.subarray(1, 1 + INITIATION_SIZE))
  return !book.sessions.some(({ role, initiation }) => role === 'responder' && sameBytes(initiation, fingerprint))
}

function openKnown(book: SessionBook, session: Session, body: Uint8Array, context: SessionContext): Opened {
  const opened = openInSession(session, body, context)
  const { sid, role, confirmed, oneTime } = opened.session
  return {
    book: replace(book, session, opened.session),
    plaintext: opened.plaintext,
    sid,
    confirmed,
    oneTime,
    spent: NOTHING_SPENT,
    events: confirmed && !session.confirmed ? [{ type: 'confirmed', sid, role, oneTime }] : []
  }
}

function openNew(
  book: SessionBook,
  initiation: Initiation,
  fingerprint: Uint8Array,
  body: Uint8Array,
  identity: LocalIdentity,
  prekeys: Prekeys,
  context: SessionContext
): Opened {
  const { crypto, now } = context
  checkClaim(crypto, book, initiation)
  if (initiation.createdAt > now + BOOK_LIMITS.maxClockSkew) {
    throw new TalosError('SESSION_CLOCK', 'The session handshake is dated more than a day in the future', {
      hint: 'Check the clocks of both machines.'
    })
  }
  const replayIds = book.replayIds.filter(replay => replay.until > now)
  if (replayIds.length >= BOOK_LIMITS.maxReplayIds) {
    throw new TalosError('SESSION_BUSY', 'The peer has begun too many sessions lately')
  }
  const keys = findPrekeys(prekeys, initiation, now)
  const { sid, rootKey } = respond(crypto, identity, initiation, keys)
  if (replayIds.some(replay => sameBytes(replay.sid, sid))) {
    throw new TalosError('SESSION_REPLAY', 'The session handshake was used before')
  }
  const oneTime = initiation.oneTimeId !== undefined || initiation.kemOneTime
  const session: Session = {
    sid,
    role: 'responder',
    createdAt: initiation.createdAt,
    lastUsed: now,
    confirmed: false,
    oneTime,
    abandoned: false,
    initiation: fingerprint,
    ad: bindSession('responder', book.self, book.peer, sid),
    ratchet: responderRatchet(rootKey, keys.signed)
  }
  let opened: ReturnType<typeof openInSession>
  try {
    opened = openInSession(session, body, context)
  } finally {
    rootKey.fill(0)
  }
  const before = activeSession(book)
  const next = withSession({ ...book, replayIds }, opened.session, now)
  return {
    book: {
      ...next,
      agreement: initiation.agreement,
      replayIds: [...replayIds, { sid, until: keys.until }]
    },
    plaintext: opened.plaintext,
    sid,
    confirmed: false,
    oneTime,
    spent: {
      oneTime: initiation.oneTimeId,
      oneTimeKem: initiation.kemOneTime ? initiation.kemId : undefined
    },
    events: [
      { type: 'opened', sid, role: 'responder', oneTime },
      ...(before?.confirmed && next.sessions[0] === opened.session
        ? [{ type: 'replaced' as const, sid: before.sid, by: sid }]
        : [])
    ]
  }
}

function findPrekeys(
  prekeys: Prekeys,
  initiation: Initiation,
  now: number
): { signed: AgreementKey; oneTime: AgreementKey | undefined; kem: KemKey; until: number } {
  const live = (key: { createdAt: number }) => now - key.createdAt < PREKEY_POLICY.deleteAfter
  const signed = prekeys.signed.find(key => key.id === initiation.signedId && live(key))
  const lastResort = prekeys.lastResortKem.find(key => key.id === initiation.kemId && live(key))
  if (signed === undefined || (!initiation.kemOneTime && lastResort === undefined)) {
    throw new TalosError('SESSION_SIGNED_PREKEY_GONE', 'The handshake uses a signed prekey that no longer exists', {
      hint: 'Fetch a fresh prekey bundle.'
    })
  }
  const { oneTimeId } = initiation
  // only what was handed out: an id guessed from the stock would take away a key that another peer is about to get
  const oneTime = prekeys.oneTime.find(key => key.id === oneTimeId && key.issuedAt !== undefined)
  const oneTimeKem = prekeys.oneTimeKem.find(key => key.id === initiation.kemId && key.issuedAt !== undefined)
  const kem = initiation.kemOneTime ? oneTimeKem : lastResort
  if ((oneTimeId !== undefined && oneTime === undefined) || kem === undefined) {
    throw new TalosError('SESSION_ONE_TIME_PREKEY_GONE', 'The handshake uses a one-time prekey that no longer exists', {
      hint: 'Begin again without it.'
    })
  }
  return {
    signed: signed.key,
    oneTime: oneTime?.key,
    kem: kem.key,
    until: signed.createdAt + PREKEY_POLICY.deleteAfter
  }
}

/** A key that is not the pinned one is first of all to be the peer's; only then is it a change that somebody may accept. */
function checkClaim(crypto: CryptoProvider, book: SessionBook, initiation: Initiation): void {
  if (book.agreement !== undefined && sameBytes(book.agreement, initiation.agreement)) return
  verifyAgreementKey(crypto, initiation.identity, initiation.agreement, initiation.agreementCertificate)
  checkPin(book, initiation.agreement)
}

/**
 * The agreement key that a message refused with SESSION_IDENTITY_CHANGED offers, for {@link acceptAgreementKey} once the
 * user has accepted it. (In a bundle it is `agreement`.)
 *
 * @throws SESSION_MALFORMED, SESSION_PEER_MISMATCH, SESSION_IDENTITY_INVALID when the peer has not certified it
 */
export function offeredAgreementKey(crypto: CryptoProvider, book: SessionBook, message: Uint8Array): Uint8Array {
  const { initiation } = parseMessage(message)
  if (initiation === undefined || !sameBytes(initiation.identity, book.peer)) throw notFromPeer()
  verifyAgreementKey(crypto, initiation.identity, initiation.agreement, initiation.agreementCertificate)
  return initiation.agreement
}

function notFromPeer(): TalosError {
  return new TalosError('SESSION_PEER_MISMATCH', 'The session handshake is another peer’s than the one it came from')
}

function checkPin(book: SessionBook, agreement: Uint8Array): void {
  if (book.agreement !== undefined && !sameBytes(book.agreement, agreement)) {
    throw new TalosError('SESSION_IDENTITY_CHANGED', 'The peer’s agreement key is not the one it had before', {
      hint: 'Ask its owner by another way whether that is so; `talos peers accept <peer>` then accepts the new key.'
    })
  }
}

/** After the user has accepted it: pins the peer's new agreement key, certified by it, and drops the sessions made with the old one. */
export function acceptAgreementKey(book: SessionBook, agreement: Uint8Array): SessionBook {
  if (book.agreement !== undefined && sameBytes(book.agreement, agreement)) return book
  return { ...book, agreement, sessions: [] }
}

/**
 * The peer proved (see {@link verifyNoSessionNotice}) that it no longer has a session. No event means nothing changed; otherwise the caller
 * begins a new one, with backoff, and never resends by itself what is not idempotent.
 */
export function abandonSession(
  book: SessionBook,
  sid: Uint8Array
): { book: SessionBook; events: readonly SessionEvent[] } {
  const session = book.sessions.find(candidate => sameSession(candidate, sid))
  if (session === undefined || session.abandoned) return { book, events: [] }
  return {
    book: replace(book, session, { ...session, abandoned: true }),
    events: [{ type: 'abandoned', sid: session.sid }]
  }
}

function replace(book: SessionBook, old: Session, next: Session): SessionBook {
  return { ...book, sessions: book.sessions.map(session => (session === old ? next : session)) }
}

function withSession(book: SessionBook, added: Session, now: number): SessionBook {
  const live = book.sessions.filter(session => now - session.lastUsed <= BOOK_LIMITS.sessionLifetime)
  const sessions = [...live, added].sort(preferred)
  while (sessions.length > 1 + BOOK_LIMITS.maxArchived) {
    const oldest = sessions
      .filter(session => session !== added)
      .reduce((a, b) => ((Number(b.abandoned) - Number(a.abandoned) || a.lastUsed - b.lastUsed) > 0 ? b : a))
    sessions.splice(sessions.indexOf(oldest), 1)
  }
  return { ...book, sessions }
}

/** Wipes what `old` held and `next` does not. Call it once `next` is stored and nothing can fall back to `old`. */
export function retireBook(old: SessionBook, next: SessionBook): void {
  for (const session of old.sessions) {
    const successor = next.sessions.find(candidate => sameSession(candidate, session.sid))
    if (successor !== session) retire(session.ratchet, successor?.ratchet)
  }
}
