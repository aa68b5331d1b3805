/** Sessions with peers over libp2p and disk. The pure state machines are in src/protocols/ratchet. */
export { PREKEYS_PROTOCOL } from './constants.ts'
export {
  listSessions,
  type SessionSummary,
  type Sessions,
  type SessionsComponents,
  type SessionsInit,
  sessions,
  type Unreadable
} from './sessions.ts'
export type { SessionStore, Transaction } from './store.ts'
