import type { Field } from '../../chain/commitment.ts'
import type { KindName } from '../../chain/record.ts'

/** What is seen of a chain that this node shares with others. Hashes are hexadecimal. */
export interface NetworkStatus {
  name: string
  chainId: string
  height: number
  tip: string
  /** Of the last block. Milliseconds since 1970. */
  tipTime: number
  /** Of the whole chain, in hashes: a decimal number. */
  work: string
  /** Records that wait for a block. */
  waiting: number
  /** Whether this identity may write into it. */
  admitted: boolean
  /** Authors that were caught with two histories: nothing is taken from them any more. */
  convicted: number
  /** A block is being made here. */
  mining: boolean
  /** Nodes that keep the chain and are connected. */
  peers: Array<{
    peerId: string
    height: number
    work: string
    /** What is held against it, of 100. */
    faults: number
  }>
  /** Of those, how many were dropped for what they did. */
  dropped: number
  /** What is being fetched. */
  sync?: { peer: string; height: number; target: number }
  /** A chain with more work that would take back more blocks than may be without consent, which is given to its block `first`. */
  deep?: { first: string; fork: number; depth: number; height: number }
  /** The state of the agent's own chain that was last written into this one. */
  claimed?: { size: number; root: string }
}

/** An author of the shared chain that was caught with two histories. */
export interface Conviction {
  /** Of the author. */
  peerId: string
  /** What there are two of for one place: records of the shared chain, blocks or checkpoints of a chain of its own. */
  what: 'blocks' | 'records' | 'checkpoints' | 'histories'
  /** `talos/` and that chain's id in base64url. */
  origin: string
  /** A height, a number in a stream, or a size. */
  place: number
  /** A file that anybody can check, where one author was asked for. */
  evidence?: string
}

/** A block of the shared chain. */
export interface NetworkBlock {
  height: number
  hash: string
  previous: string
  /** Milliseconds since 1970. */
  time: number
  /** PeerId. */
  producer: string
  records: number
  /** Header, signature and body. */
  bytes: number
}

export interface NetworkRecord {
  id: string
  kind: KindName
  /** PeerId. */
  author: string
  sequence: number
  time: number
  /** What the author claims of its own chain. */
  claim?: { chainId: string; size: number; root: string }
}

/** A record of the shared chain that its author has opened. */
export interface OpenedRecord {
  /** Its id. */
  record: string
  /** A file that "talos light verify" checks, and whoever has the headers of the chain. */
  proof: string
  /** What is shown of it. */
  fields: Field[]
}

/** The state of the agent's own chain as it was written into the shared one. */
export interface ClaimReport {
  /** Id of the record. */
  record: string
  /** Blocks of the own chain. */
  size: number
  root: string
  /** False when nothing came since the last claim, which this is then. */
  isNew: boolean
}
