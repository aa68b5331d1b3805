import { type CryptoProvider, SIZES, signStatement, verifyStatement } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import type { SessionBook } from './book.ts'
import { concat, malformed, Reader, sameBytes, Writer } from './codec.ts'
import type { LocalIdentity } from './identity.ts'
import { SID_SIZE } from './pqxdh.ts'

const VERSION = 1
const LABEL = 'talos/no-session/v1'

/** Bytes of a notice. */
export const NO_SESSION_SIZE = 1 + 32 + 32 + SID_SIZE + SIZES.signature

/**
 * The signed statement "I have no session `sid` with you", the answer to a message that fails with SESSION_UNKNOWN.
 * It names one session, so a replayed one can end nothing but what its signer had already lost.
 */
export function noSessionNotice(identity: LocalIdentity, peer: Uint8Array, sid: Uint8Array): Uint8Array {
  const body = new Writer(NO_SESSION_SIZE).u8(VERSION).bytes(identity.publicKey).bytes(peer).bytes(sid).finish()
  return concat(body, signStatement(identity, LABEL, body))
}

/**
 * The session that the peer of `book` says it has not.
 *
 * @throws SESSION_MALFORMED, SESSION_NOTICE_INVALID when it is not from that peer to us
 */
export function verifyNoSessionNotice(crypto: CryptoProvider, book: SessionBook, notice: Uint8Array): Uint8Array {
  const fail = malformed('The no-session notice')
  const reader = new Reader(notice, fail)
  if (reader.u8() !== VERSION) throw fail('its version is unknown')
  const [sender, recipient, sid] = [reader.bytes(32), reader.bytes(32), reader.bytes(SID_SIZE)]
  const body = notice.subarray(0, reader.position)
  const signature = reader.bytes(SIZES.signature)
  reader.end()
  if (
    !sameBytes(sender, book.peer) ||
    !sameBytes(recipient, book.self) ||
    !verifyStatement(crypto, book.peer, LABEL, body, signature)
  ) {
    throw new TalosError('SESSION_NOTICE_INVALID', 'The no-session notice is not from this peer to us')
  }
  return sid
}
