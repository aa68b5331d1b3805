import { readUint64, toHex, viewOf, writeUint64 } from '../bytes.ts'
import type { Head } from '../validation/context.ts'

/** The database of one shared chain. All that is in it is public. */
export interface SharedStore {
  /** What was written last, at once: chains are checked against it record by record. */
  get(key: string): Uint8Array | undefined
  /** Everything whose key begins with `prefix`, in the order of the keys. */
  entries(prefix: string): AsyncIterable<[key: string, value: Uint8Array]>
  /** Makes all changes or none; `undefined` deletes. With `sync` they are on disk when it resolves, else in the system's hands. */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>, sync: boolean): Promise<void>
}

const digits = (value: number, count: number): string => value.toString(16).padStart(count, '0')
export const shortId = (id: Uint8Array): string => toHex(id.subarray(0, 16))

/** Where everything lies: one letter, then hexadecimal. Heights and numbers sort as text. */
export const KEYS = {
  version: 'V',
  params: 'P',
  /** Hash of the last block. */
  tip: 't',
  /** header ‖ signature ‖ work (32), of every block that was found valid. */
  node: (hash: Uint8Array) => `h${toHex(hash)}`,
  nodes: 'h',
  body: (hash: Uint8Array) => `b${toHex(hash)}`,
  /** What the block changes, to do and to undo: see changes.ts. */
  changes: (hash: Uint8Array) => `u${toHex(hash)}`,
  /** Hash of the block of the chain at a height. */
  active: (height: number) => `c${digits(height, 8)}`,
  /** A complete subtree of the history of the chain, from level 1. */
  history: (level: number, index: number) => `n${digits(level, 2)}${digits(index, 8)}`,
  /** Height (4) and number in its block (4) of a record in the chain: by its id, and by its place in its stream. */
  id: (id: Uint8Array) => `i${shortId(id)}`,
  place: (position: Uint8Array) => `r${toHex(position)}`,
  /** State: the last record of a stream; the last claim of a chain. */
  head: (author: Uint8Array, stream: number) => `s${toHex(author)}${digits(stream, 8)}`,
  claim: (author: Uint8Array, chain: Uint8Array) => `k${toHex(author)}${toHex(chain)}`,
  /** A record that waits: since when (8) ‖ signature (64) ‖ record. */
  waiting: (position: Uint8Array) => `m${toHex(position)}`,
  allWaiting: 'm',
  /** The operator consents to a reorganisation that begins with this block. */
  consent: (hash: Uint8Array) => `y${toHex(hash)}`
} as const

/** Author (32) ‖ stream (4) ‖ sequence number (8): the place of a record among all of its author. */
export function positionOf({
  author,
  stream,
  sequence
}: {
  author: Uint8Array
  stream: number
  sequence: number
}): Uint8Array {
  const bytes = new Uint8Array(44)
  bytes.set(author)
  viewOf(bytes).setUint32(32, stream)
  writeUint64(viewOf(bytes), 36, sequence)
  return bytes
}

export function encodePlace(height: number, index: number): Uint8Array {
  const bytes = new Uint8Array(8)
  viewOf(bytes).setUint32(0, height)
  viewOf(bytes).setUint32(4, index)
  return bytes
}

export const decodePlace = (bytes: Uint8Array): { height: number; index: number } => ({
  height: viewOf(bytes).getUint32(0),
  index: viewOf(bytes).getUint32(4)
})

export function encodeStreamHead({ sequence, id }: Head): Uint8Array {
  const bytes = new Uint8Array(40)
  writeUint64(viewOf(bytes), 0, sequence)
  bytes.set(id, 8)
  return bytes
}

export const decodeStreamHead = (bytes: Uint8Array): Head => ({
  sequence: readUint64(viewOf(bytes), 0),
  id: bytes.subarray(8)
})
