/** Where a node says that its chain ends. What a peer says of itself is a claim until its headers are checked. */
export interface ChainStatus {
  /** Hash of block 0. */
  genesis: Uint8Array
  /** Hash of the last block. */
  tip: Uint8Array
  height: number
  /** Of the whole chain, below 2^256. */
  work: bigint
  /** Height of the first block, after the genesis block, of which it has the body; above `height` when it has none. */
  bodiesFrom: number
}

/** A record with its author's signature. */
export interface SignedRecord {
  record: Uint8Array
  signature: Uint8Array
}

export interface RecordPage {
  records: SignedRecord[]
  /** Where the next page begins; undefined after the last. */
  next: Uint8Array | undefined
  /** With the first page: against authors who signed two records for one place, 16 at most. To be verified. */
  evidence?: Uint8Array[]
}

/** The chain that a node answers from. What it gives belongs to the caller. */
export interface ChainSource {
  /** 32 bytes. */
  readonly id: Uint8Array
  status(): ChainStatus
  /**
   * Headers with signature (228 bytes each, one after the other) of the blocks after the first one of `locator` that is in the chain,
   * from low to high; `height` of the first. Undefined when none of them is in it.
   */
  headers(locator: readonly Uint8Array[], max: number): Promise<{ height: number; headers: Uint8Array } | undefined>
  /** The whole block with this hash, in the chain or beside it. */
  block(hash: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * Proof that a record is in the first `size` blocks (0: in all of them), as encodeProof() makes it, with an empty checkpoint.
   * Undefined when it is not.
   */
  proof(record: Uint8Array, size: number): Promise<Uint8Array | undefined>
  /** Records that wait for a block and come after a position (44 bytes, or none for the first), and the position of the next page. */
  records(after: Uint8Array): Promise<RecordPage>
}
