import type { CryptoProvider } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import {
  acceptAgreementKey,
  activeSession,
  createBook,
  decodeBook,
  encodeBook,
  KEY_AGREEMENT,
  retireBook
} from '../ratchet/index.ts'
import { keyEntry } from './audit.ts'
import type { Recorder, SessionStore } from './store.ts'

/** The record of our own prekeys. */
export const PREKEYS_KEY = 'prekeys'

const SESSIONS = 'session/'

/** The record of the sessions with a peer, by PeerId. */
export const bookKey = (peer: string): string => `${SESSIONS}${peer}`

/** The record of an agreement key that a peer has offered in place of the pinned one, until the user accepts it. */
export const offeredKey = (peer: string): string => `offered/${peer}`

/** What is known of the sessions with a peer. */
export interface SessionSummary {
  peer: string
  sessions: number
  /** The active session has been confirmed by a round trip. */
  confirmed: boolean
  /** Milliseconds since the epoch. */
  lastUsed: number
  /** The peer has come with another agreement key, and is refused until that is accepted. */
  keyChanged: boolean
  /** How the two agreed on their keys, in words. */
  keyAgreement: string
}

/** What the store holds of sessions, for `talos status`; touches no network. */
export async function listSessions(store: SessionStore, crypto: CryptoProvider): Promise<SessionSummary[]> {
  return store.transact(async transaction => {
    const summaries: SessionSummary[] = []
    for (const key of await transaction.keys(SESSIONS)) {
      const peer = key.slice(SESSIONS.length)
      const book = decodeBook(crypto, (await transaction.get(key))!)
      summaries.push({
        peer,
        sessions: book.sessions.length,
        confirmed: activeSession(book)?.confirmed ?? false,
        lastUsed: Math.max(0, ...book.sessions.map(session => session.lastUsed)),
        keyChanged: (await transaction.get(offeredKey(peer))) !== undefined,
        keyAgreement: KEY_AGREEMENT
      })
      retireBook(book, createBook(book.self, book.peer))
    }
    return summaries
  })
}

/** With how many peers there are sessions. */
export async function countSessions(store: SessionStore): Promise<number> {
  return (await store.transact(transaction => transaction.keys(SESSIONS))).length
}

/** The pinned agreement key of a peer, and the one that it offers instead. 32 bytes each. */
export interface ChangedKey {
  pinned: Uint8Array
  offered: Uint8Array
}

/** Throws SESSION_KEY_NOT_CHANGED when the peer has offered none. */
export async function changedKey(store: SessionStore, crypto: CryptoProvider, peer: string): Promise<ChangedKey> {
  return store.transact(async transaction => {
    const [bytes, offered] = [await transaction.get(bookKey(peer)), await transaction.get(offeredKey(peer))]
    if (bytes === undefined || offered === undefined) throw notChanged(peer)
    const book = decodeBook(crypto, bytes)
    const pinned = Uint8Array.from(book.agreement ?? [])
    retireBook(book, createBook(book.self, book.peer))
    return { pinned, offered }
  })
}

/**
 * Pins the agreement key that the peer has offered, if it still is `offered`; sessions made with the old one are dropped.
 * `record` writes down that it was so. Throws SESSION_KEY_NOT_CHANGED.
 */
export async function acceptChangedKey(
  store: SessionStore,
  crypto: CryptoProvider,
  peer: string,
  offered: Uint8Array,
  record: Recorder
): Promise<void> {
  await store.transact(async transaction => {
    const [bytes, current] = [await transaction.get(bookKey(peer)), await transaction.get(offeredKey(peer))]
    if (bytes === undefined || current === undefined || !crypto.timingSafeEqual(current, offered))
      throw notChanged(peer)
    const book = decodeBook(crypto, bytes)
    const accepted = acceptAgreementKey(book, offered)
    await record(transaction, [keyEntry('key-accepted', peer, { pinned: book.agreement!, offered })])
    transaction.put(bookKey(peer), encodeBook(accepted))
    transaction.delete(offeredKey(peer))
    retireBook(book, createBook(book.self, book.peer))
  })
}

function notChanged(peer: string): TalosError {
  return new TalosError('SESSION_KEY_NOT_CHANGED', `${peer} has offered no other key than the one that is known`)
}
