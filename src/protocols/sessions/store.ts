import type { Entry } from '../../chain/index.ts'

/** Which keys: all bounds are exclusive. */
export interface KeyRange {
  after?: string
  before?: string
  limit?: number
  /** From the last to the first. @default false */
  reverse?: boolean
}

/** What a transaction may do. Reads see its own writes; nothing is on disk before the transaction ends. Keys are ASCII. */
export interface Transaction {
  get(key: string): Promise<Uint8Array | undefined>
  /** Keys that begin with `prefix`, in order. */
  keys(prefix: string, range?: KeyRange): Promise<string[]>
  /** The store owns `value` from now on, and wipes it when it is on disk. */
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}

/**
 * What a write outlives before it is reported done: the end of the process, however that comes, or a loss of power as well. The first
 * costs no wait for the disk; what was written so before a write of the second sort is as safe as that.
 */
export type Durability = 'process' | 'machine'

/**
 * Where sessions live, and all that must change together with them: what a transaction writes is one atomic batch, written
 * before transact() resolves, and synced to disk unless it asks for less. One transaction at a time, so that no two ever advance the
 * same ratchet.
 */
export interface SessionStore {
  /** @param durability of what `work` writes; @default 'machine' */
  transact<T>(work: (transaction: Transaction) => Promise<T>, durability?: Durability): Promise<T>
}

/** Records what happened in the agent's chain, in the transaction in which it happens: the one is on disk when the other is. */
export type Recorder = (transaction: Transaction, entries: readonly Entry[]) => Promise<void>
