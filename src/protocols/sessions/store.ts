/** What a transaction may do. Reads see its own writes; nothing is on disk before the transaction ends. */
export interface Transaction {
  get(key: string): Promise<Uint8Array | undefined>
  /** Keys that begin with `prefix`, in order. */
  keys(prefix: string): Promise<string[]>
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}

/**
 * Where sessions live: what a transaction writes is one atomic, synced batch, on disk before transact() resolves. One
 * transaction at a time, also among processes that share the data directory, so that no two of them ever advance the same
 * ratchet.
 */
export interface SessionStore {
  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
}
