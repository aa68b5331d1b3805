import type { FieldValue, KindName } from '../../../chain/index.ts'

/** A record of the agent's own chain, with what the agent keeps of it. */
export interface AuditRecord {
  /** 64 hexadecimal digits. */
  id: string
  /** From 1, in the order of the chain. */
  sequence: number
  kind: KindName
  /** Milliseconds since 1970. */
  time: number
  /** Height of its block; absent while it is in none, which takes about a second. */
  block?: number
  /** What happened; absent when it was erased. */
  fields?: readonly AuditField[]
  /** The other side's record of the same event, as it said: 64 hexadecimal digits each. */
  counterpart?: { chainId: string; record: string }
}

export interface AuditField {
  name: string
  value: FieldValue
}

/** Which records; all that fit every part of it. */
export interface AuditQuery {
  /** A name, PeerId, did:key or hex key. */
  peer?: string
  kinds?: readonly KindName[]
  /** Milliseconds since 1970, both included. */
  since?: number
  until?: number
}

/** The state of the agent's own chain. */
export interface ChainStatus {
  /** 64 hexadecimal digits. */
  chainId: string
  /** PeerId. */
  owner: string
  /** Of the last block; 0 when there is only the genesis block. */
  height: number
  /** Hash of the last block. */
  tip: string
  /** Of the last block. Milliseconds since 1970. */
  time: number
  /** Of the genesis block. */
  genesisTime: number
  records: number
  /** Of these, how many have no block yet. */
  pending: number
  /** Height up to which the records were pruned; 0 when none were. */
  prunedTo: number
  /** How many records were pruned. */
  prunedRecords: number
  /** Of all blocks. */
  bytes: number
  /** Zero digits that hashes of blocks begin with. */
  difficulty: number
}

export interface BlockSummary {
  height: number
  hash: string
  /** Milliseconds since 1970. */
  time: number
  records: number
  /** Number of its first record; of the genesis block 1. */
  first: number
  /** Header, signature and body. */
  bytes: number
  /** Its records are not here any more. */
  pruned: boolean
}

export interface BlockDetails extends BlockSummary {
  previous: string
  recordsRoot: string
  historyRoot: string
  producer: string
  /** Compact target, eight hexadecimal digits. */
  bits: string
  nonce: number
}

/** A signed statement of how many blocks there are, and of the root over them. */
export interface CheckpointReport {
  /** The checkpoint as C2SP signed note. */
  note: string
  /** What a verifier needs to know whom to trust: C2SP verifier key, name+digits+base64. */
  key: string
  origin: string
  /** Blocks, the genesis block included. */
  size: number
  /** Hexadecimal digits. */
  root: string
}

/** A proof, as others verify it: the text of a c2sp.org/tlog-proof. */
export interface ProofReport {
  /** The record that is proved. */
  record: string
  proof: string
  /** Names of the fields that the proof opens. */
  opened: readonly string[]
  /** C2SP verifier key of the chain's owner. */
  key: string
}

/** An anchor that was recorded: what somebody else has signed of an earlier state of the chain. */
export interface AnchorReport {
  provider: string
  /** Blocks that the state had. */
  size: number
  /** The record; 64 hexadecimal digits. */
  record: string
  /** False when it was recorded before. */
  isNew: boolean
  /** Where the signatures are, for a provider that keeps them in files. */
  file?: string
}

export interface EraseReport {
  /** Its id. */
  record: string
  /** The message that the record was of, when its text is still in the history of messages. */
  message?: string
}

export interface PruneReport {
  /** Blocks whose records were removed. */
  blocks: number
  records: number
  /** Records of which a proof was given away: what proves them was kept. */
  kept: number
  /** Height up to which records are removed now. */
  prunedTo: number
}

export interface ArchiveReport {
  path: string
  /** Heights of the first and the last block in it. */
  from: number
  to: number
  records: number
  /** Of the file. */
  bytes: number
}
