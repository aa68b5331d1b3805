/** Sessions with peers over libp2p and disk. The pure state machines are in src/protocols/ratchet. */

export {
  acceptChangedKey,
  type ChangedKey,
  changedKey,
  countSessions,
  listSessions,
  type SessionSummary
} from './records.ts'
export {
  type FetchedBundle,
  type PeerSession,
  type Sessions,
  type SessionsInit,
  sessions,
  type Unreadable
} from './sessions.ts'
export type { Durability, KeyRange, Recorder, SessionStore, Transaction } from './store.ts'
export { joinSecrets, type MainSessions, type Sealer, type StreamSessions, streamSessions } from './stream-sessions.ts'
