import { createHash } from 'node:crypto'
import type { CryptoProvider } from '../../crypto/index.ts'
import { StreamSession } from '../ratchet/index.ts'
import type { Sessions } from './sessions.ts'

/** The main sessions with peers, as far as a protocol needs them that opens streams with keys of their own. */
export type MainSessions = Pick<Sessions, 'seal' | 'open' | 'explain' | 'heal'>

/** One side of a stream session: see src/protocols/ratchet. */
export interface Sealer {
  /** What seal() and open() return is new memory, and they keep nothing of what they were given. */
  seal(plaintext: Uint8Array): Uint8Array
  /** Throws and changes nothing when the message is not genuine. */
  open(message: Uint8Array): Uint8Array
  /** Does ahead what can be done before the next message is there. */
  prepare(): void
  /** Wipes the keys; seal() and open() throw from then on. */
  close(): void
}

/** Makes the in-memory ratchet of one stream. `secret` is 32 bytes and wiped; `context` says what the stream is. */
export interface StreamSessions {
  /** For the side that is asked: a fresh ratchet key, to be told to the other, and the session once the secret is known. */
  respond(): { ratchetKey: Uint8Array; session(secret: Uint8Array, context: Uint8Array): Sealer }
  initiate(secret: Uint8Array, context: Uint8Array, ratchetKey: Uint8Array): Sealer
}

/** The stream sessions of src/protocols/ratchet. */
export function streamSessions(crypto: CryptoProvider): StreamSessions {
  const options = (secret: Uint8Array, context: Uint8Array) => ({
    crypto,
    clock: () => performance.now(),
    secret,
    context
  })
  return {
    respond: () => {
      const key = crypto.x25519.generate()
      return {
        ratchetKey: key.publicKey,
        session: (secret, context) => StreamSession.responder(options(secret, context), key)
      }
    },
    initiate: (secret, context, ratchetKey) => StreamSession.initiator(options(secret, context), ratchetKey)
  }
}

/** SHA-256 of `label` (ASCII) ‖ 0x00 ‖ both sides' halves, so that neither alone decides the secret. Wipes the halves. */
export function joinSecrets(label: string, opener: Uint8Array, other: Uint8Array): Uint8Array {
  const joined = createHash('sha256').update(`${label}\0`).update(opener).update(other).digest()
  opener.fill(0)
  other.fill(0)
  return joined
}
