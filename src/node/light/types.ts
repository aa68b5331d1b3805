import type { Field } from '../../chain/commitment.ts'

/** A node that was asked for headers. */
export interface LightPeer {
  peerId: string
  /** Of its chain, as it said. */
  height: number
  /** Why its chain is not followed. */
  problem?: string
}

/** A shared chain as a light client knows it. */
export interface LightStatus {
  name: string
  /** 64 hexadecimal digits. */
  chainId: string
  height: number
  /** Hash of the last block. */
  tip: string
  tipTime: number
  /** Of the whole chain: hashes that it took on average. */
  work: string
  /** Who was asked the last time. */
  peers: LightPeer[]
  /** When that was. Milliseconds since 1970. */
  syncedAt?: number
  /** A chain with more work would take back so many blocks, which needs consent. */
  deep?: number
}

/** A record that a light client has proof of. */
export interface LightRecord {
  /** 64 hexadecimal digits. */
  record: string
  kind: string
  /** PeerId. */
  author: string
  sequence: number
  /** By the author's clock. Milliseconds since 1970. */
  time: number
  height: number
  blockHash: string
  /** Blocks of the chain from that one on. */
  confirmations: number
  /** What its author has opened of it. */
  fields: Field[]
}

/** How far witnesses have seen somebody's own chain. */
export interface LightCheckpoint {
  /** `talos/` and the chain's id in base64url. */
  origin: string
  /** Blocks. */
  size: number
  /** 64 hexadecimal digits. */
  root: string
  /** Names of those that signed it, of `total` in the policy. */
  witnesses: string[]
  total: number
  /** How many answered now. */
  answered: number
  /** The checkpoint with their signatures: a C2SP note. */
  note: string
}
