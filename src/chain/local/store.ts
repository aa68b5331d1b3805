import { HASH_LENGTH, readUint64, splitHashes, toHex, viewOf, writeUint64 } from '../bytes.ts'
import { Frontier } from '../tree.ts'

/** What a transaction of the node's database can do; keys are ASCII, bounds exclusive. */
export interface ChainTransaction {
  get(key: string): Promise<Uint8Array | undefined>
  keys(
    prefix: string,
    range?: { after?: string; before?: string; limit?: number; reverse?: boolean }
  ): Promise<string[]>
  /** The store owns `value` from now on. */
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}

/** A database whose transactions are atomic, on disk when they resolve, and run one after the other. */
export interface ChainStore {
  transact<T>(work: (transaction: ChainTransaction) => Promise<T>): Promise<T>
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
const shortId = (id: Uint8Array): string => toHex(id.subarray(0, 16))

/** Where everything of a local chain lies. Sequence numbers and heights sort as text. */
export const KEYS = {
  version: 'chain/version',
  params: 'chain/params',
  head: 'chain/head',
  tip: 'chain/tip',
  pruned: 'chain/pruned',
  /** What is kept of records that were written together, of which `first` is the number of the first: see group.ts. */
  group: (first: number) => `chain/g/${hex(first, 12)}`,
  groups: 'chain/g/',
  /** What belongs to a record and is too long for its group. */
  content: (sequence: number) => `chain/c/${hex(sequence, 12)}`,
  contents: 'chain/c/',
  /** The body of the block that begins with record `first`. */
  body: (first: number) => `chain/r/${hex(first, 12)}`,
  /** By what the records of a block are found by their ids: see ids.ts. */
  ids: (height: number) => `chain/i/0/${hex(height, 8)}`,
  joinedIds: (number: number) => `chain/i/1/${hex(number, 8)}`,
  allIds: 'chain/i/',
  /** Sequence number of the record of an operation, once it is in a block. */
  operation: (operation: string) => `chain/o/${operation}`,
  /** The same of operations of a series, in the block that begins with record `first`: see operations.ts. */
  series: (series: string, bucket: number, first: number) => `chain/q/${series}/${hex(bucket, 8)}/${hex(first, 12)}`,
  ofSeries: (series: string, bucket: number) => `chain/q/${series}/${hex(bucket, 8)}/`,
  /** Which records of the block that begins with record `first` have this peer: see peers.ts. */
  peer: (peer: string, first: number) => `chain/p/${peer}/${hex(first, 12)}`,
  ofPeer: (peer: string) => `chain/p/${peer}/`,
  /** header ‖ signature ‖ sequence number of its first record (8). */
  block: (height: number) => `chain/b/${hex(height, 8)}`,
  /** Height of the block with this hash. */
  hash: (hash: Uint8Array) => `chain/h/${shortId(hash)}`,
  hashes: 'chain/h/',
  /** Height of the block whose last record has this sequence number. */
  last: (sequence: number) => `chain/s/${hex(sequence, 12)}`,
  lasts: 'chain/s/',
  /** A complete subtree of the history tree, from level 1. */
  node: (level: number, index: number) => `chain/n/${hex(level, 2)}${hex(index, 8)}`,
  /** A record of which a proof was given away: pruning keeps what proves it. */
  pinned: (sequence: number) => `chain/x/${hex(sequence, 12)}`,
  pins: 'chain/x/',
  /** What is kept of a pinned record after pruning. */
  kept: (id: Uint8Array) => `chain/k/${shortId(id)}`,
  keeps: 'chain/k/'
} as const

/** The last record, sealed or not. */
export interface LocalHead {
  /** Random for each installation. */
  stream: number
  sequence: number
  time: number
  /** What all records so far take in bodies. */
  bytes: number
}

export function encodeHead({ stream, sequence, time, bytes: total }: LocalHead): Uint8Array {
  const bytes = new Uint8Array(28)
  const view = viewOf(bytes)
  view.setUint32(0, stream)
  writeUint64(view, 4, sequence)
  writeUint64(view, 12, time)
  writeUint64(view, 20, total)
  return bytes
}

export function decodeHead(bytes: Uint8Array): LocalHead {
  const view = viewOf(bytes)
  return {
    stream: view.getUint32(0),
    sequence: readUint64(view, 4),
    time: readUint64(view, 12),
    bytes: readUint64(view, 20)
  }
}

/** The last block. */
export interface LocalTip {
  height: number
  hash: Uint8Array
  time: number
  /** Of the last record in a block, and its id; zeros before there is one. */
  sequence: number
  recordId: Uint8Array
  /** What all records in blocks take in bodies. */
  bytes: number
  /** Over all blocks, this one included. */
  frontier: Frontier
}

export function encodeTip({ height, hash, time, sequence, recordId, bytes: total, frontier }: LocalTip): Uint8Array {
  const bytes = new Uint8Array(28 + HASH_LENGTH * (2 + frontier.hashes.length))
  const view = viewOf(bytes)
  view.setUint32(0, height)
  writeUint64(view, 4, time)
  writeUint64(view, 12, sequence)
  writeUint64(view, 20, total)
  for (const [i, item] of [hash, recordId, ...frontier.hashes].entries()) bytes.set(item, 28 + i * HASH_LENGTH)
  return bytes
}

export function decodeTip(bytes: Uint8Array): LocalTip {
  const view = viewOf(bytes)
  const height = view.getUint32(0)
  const [hash, recordId, ...frontier] = splitHashes(bytes, 28, (bytes.length - 28) / HASH_LENGTH)
  return {
    height,
    hash: hash!,
    time: readUint64(view, 4),
    sequence: readUint64(view, 12),
    recordId: recordId!,
    bytes: readUint64(view, 20),
    frontier: new Frontier(height + 1, frontier)
  }
}

/** Up to where bodies were removed. */
export interface Pruned {
  height: number
  /** Of the last record that was removed, and its id. */
  sequence: number
  id: Uint8Array
}

export function encodePruned({ height, sequence, id }: Pruned): Uint8Array {
  const bytes = new Uint8Array(12 + HASH_LENGTH)
  viewOf(bytes).setUint32(0, height)
  writeUint64(viewOf(bytes), 4, sequence)
  bytes.set(id, 12)
  return bytes
}

export function decodePruned(bytes: Uint8Array): Pruned {
  return { height: viewOf(bytes).getUint32(0), sequence: readUint64(viewOf(bytes), 4), id: bytes.subarray(12) }
}

export function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeUint64(viewOf(bytes), 0, value)
  return bytes
}

export const decodeNumber = (bytes: Uint8Array): number => readUint64(viewOf(bytes), 0)
