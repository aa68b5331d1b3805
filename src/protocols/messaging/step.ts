import type { Entry } from '../../chain/index.ts'
import type { PeerSession, Transaction } from '../sessions/index.ts'

/** One transaction of a channel. What it tells others waits until it is on disk. */
export interface Step {
  readonly transaction: Transaction
  readonly session: PeerSession
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Is recorded with the transaction. */
  record(entry: Entry): void
  /** Runs when the transaction is on disk, and not at all when it fails. */
  afterwards(action: () => void): void
}
