import type { CryptoProvider } from '../../crypto/index.ts'
import { BOOK_LIMITS, type ReplayId, type SessionBook } from './book.ts'
import { corrupt, Reader, Writer } from './codec.ts'
import { INITIATION_SIZE, SID_SIZE } from './pqxdh.ts'
import { decodeRatchet, encodeRatchet } from './ratchet-codec.ts'
import { bindSession, preferred, type Session } from './session.ts'

const VERSION = 1
const RESPONDER = 1
const CONFIRMED = 2
const ONE_TIME = 4
const ABANDONED = 8
const FINGERPRINT = 32

/** The whole book with its secrets (docs/spec/session.md §8), for sealed storage only. The caller wipes the result. */
export function encodeBook(book: SessionBook): Uint8Array {
  const writer = new Writer(1024)
  writer.u8(VERSION).bytes(book.self).bytes(book.peer)
  writer.u8(book.agreement === undefined ? 0 : 1)
  if (book.agreement !== undefined) writer.bytes(book.agreement)
  writer.u8(book.sessions.length)
  for (const session of book.sessions) {
    writer.bytes(session.sid)
    writer.u8(
      (session.role === 'responder' ? RESPONDER : 0) |
        (session.confirmed ? CONFIRMED : 0) |
        (session.oneTime ? ONE_TIME : 0) |
        (session.abandoned ? ABANDONED : 0)
    )
    writer.u64(session.createdAt).u64(session.lastUsed)
    if (keepsInitiation(session)) writer.bytes(session.initiation)
    const ratchet = encodeRatchet(session.ratchet)
    writer.u32(ratchet.length).secret(ratchet)
  }
  writer.u16(book.replayIds.length)
  for (const { sid, until } of book.replayIds) writer.bytes(sid).u64(until)
  return writer.finish()
}

/** A confirmed initiator sends its handshake no more. */
function keepsInitiation(session: Pick<Session, 'role' | 'confirmed'>): boolean {
  return session.role === 'responder' || !session.confirmed
}

/** @throws STORAGE_SESSION_CORRUPT */
export function decodeBook(crypto: CryptoProvider, bytes: Uint8Array): SessionBook {
  const fail = corrupt('A session book')
  const reader = new Reader(bytes, fail)
  if (reader.u8() !== VERSION) throw fail('its version is unknown')
  const self = reader.bytes(32)
  const peer = reader.bytes(32)
  const agreement = reader.flags(1) === 1 ? reader.bytes(32) : undefined
  const count = reader.u8()
  if (count > 1 + BOOK_LIMITS.maxArchived) throw fail(`it holds ${count} sessions`)
  const sessions = Array.from({ length: count }, () => decodeSession(crypto, reader, self, peer))
  const sorted = sessions.every((session, i) => i === 0 || preferred(sessions[i - 1]!, session) < 0)
  if (!sorted) throw fail('its sessions are out of order')
  const replayCount = reader.u16()
  if (replayCount > BOOK_LIMITS.maxReplayIds) throw fail(`it holds ${replayCount} replay ids`)
  const replayIds = Array.from(
    { length: replayCount },
    (): ReplayId => ({ sid: reader.bytes(SID_SIZE), until: reader.u64() })
  )
  reader.end()
  return { self, peer, agreement, sessions, replayIds }
}

function decodeSession(crypto: CryptoProvider, reader: Reader, self: Uint8Array, peer: Uint8Array): Session {
  const sid = reader.bytes(SID_SIZE)
  const flags = reader.flags(RESPONDER | CONFIRMED | ONE_TIME | ABANDONED)
  const role = (flags & RESPONDER) !== 0 ? ('responder' as const) : ('initiator' as const)
  const confirmed = (flags & CONFIRMED) !== 0
  const createdAt = reader.u64()
  const lastUsed = reader.u64()
  const kept = keepsInitiation({ role, confirmed })
  const initiation = kept ? reader.bytes(role === 'responder' ? FINGERPRINT : INITIATION_SIZE) : new Uint8Array(0)
  const length = reader.u32()
  const stored = reader.bytes(length)
  const ratchet = decodeRatchet(crypto, stored)
  stored.fill(0)
  return {
    sid,
    role,
    createdAt,
    lastUsed,
    confirmed,
    oneTime: (flags & ONE_TIME) !== 0,
    abandoned: (flags & ABANDONED) !== 0,
    initiation,
    ad: bindSession(role, self, peer, sid),
    ratchet
  }
}
