import type { CryptoProvider } from '../../crypto/index.ts'
import { concat, sameBytes } from './codec.ts'
import { open, type Ratchet, seal } from './double-ratchet.ts'

/** One session with a peer, as a value. */
export interface Session {
  /** 16 bytes. */
  readonly sid: Uint8Array
  readonly role: 'initiator' | 'responder'
  /** When its initiator made it, by the initiator's clock: what both sides order sessions by. */
  readonly createdAt: number
  /** When it last sealed or opened a message, by our clock. */
  readonly lastUsed: number
  /**
   * The other side has proved that it takes part now. Initiator: a message from it was opened. Responder: it answered to a
   * ratchet key that we made in this session, which no replay can do.
   */
  readonly confirmed: boolean
  /** A one-time prekey went into it, so its first message cannot be replayed. */
  readonly oneTime: boolean
  /** The peer said that it no longer has it: late messages are still read, none is sent. */
  readonly abandoned: boolean
  /** Initiator: the handshake, sent before each message until `confirmed`. Responder: its SHA-256, to know it again. */
  readonly initiation: Uint8Array
  /** {@link bindSession} */
  readonly ad: Uint8Array
  readonly ratchet: Ratchet
}

export const INITIATION_MESSAGE = 1
export const SESSION_MESSAGE = 2

/** What the operations on sessions need from outside. */
export interface SessionContext {
  crypto: CryptoProvider
  /** Milliseconds since the epoch. */
  now: number
}

/** What binds every message to its session: initiator ‖ responder ‖ session id. */
export function bindSession(role: Session['role'], self: Uint8Array, peer: Uint8Array, sid: Uint8Array): Uint8Array {
  return role === 'initiator' ? concat(self, peer, sid) : concat(peer, self, sid)
}

export function sealInSession(
  session: Session,
  plaintext: Uint8Array,
  { crypto, now }: SessionContext
): { session: Session; message: Uint8Array } {
  const sealed = seal(session.ratchet, plaintext, { crypto, now, ad: session.ad })
  const first = session.role === 'initiator' && !session.confirmed
  const message = first
    ? concat(new Uint8Array([INITIATION_MESSAGE]), session.initiation, sealed.message)
    : concat(new Uint8Array([SESSION_MESSAGE]), session.sid, sealed.message)
  return { message, session: { ...session, ratchet: sealed.ratchet, lastUsed: now } }
}

export function openInSession(
  session: Session,
  message: Uint8Array,
  { crypto, now }: SessionContext
): { session: Session; plaintext: Uint8Array } {
  const { ratchet, plaintext } = open(session.ratchet, message, { crypto, now, ad: session.ad })
  const answered = ratchet.remote !== session.ratchet.remote && session.ratchet.steps > 0
  const confirmed = session.confirmed || session.role === 'initiator' || answered
  return { plaintext, session: { ...session, ratchet, confirmed, lastUsed: now } }
}

/** The order in which both sides prefer sessions: newest initiation first, then the smaller id. */
export function preferred(a: Session, b: Session): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt
  for (let i = 0; i < a.sid.length; i++) {
    if (a.sid[i] !== b.sid[i]) return a.sid[i]! - b.sid[i]!
  }
  return 0
}

export function sameSession(a: Session, sid: Uint8Array): boolean {
  return sameBytes(a.sid, sid)
}
