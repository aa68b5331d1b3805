import { blockHash, encodeHeader } from './block.ts'
import { compareBytes, HASH_LENGTH, readUint64, splitHashes, viewOf, writeUint64, ZERO_HASH } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { labelledHash } from './hash.ts'
import { KIND, type KindName } from './record.ts'
import { EMPTY_ROOT } from './tree.ts'
import { bitsOfDifficulty, targetOf } from './work.ts'

/** Who may write into a chain: its one owner; those in a list; everybody. */
export type Admission = 'owner' | 'list' | 'open'
const ADMISSIONS: readonly Admission[] = ['owner', 'list', 'open']

/** What makes a chain the chain it is: change any of it and it is another one, with another genesis block. */
export interface ChainParams {
  /** At most 255 bytes of UTF-8; for people. */
  name: string
  admission: Admission
  /** Ed25519 keys of who may write: the owner alone, those of the list in ascending order, or none. */
  keys: readonly Uint8Array[]
  /** Milliseconds since 1970. */
  genesisTime: number
  /** Compact target of every block. */
  bits: number
  /** Milliseconds between blocks when there are records: what producers aim at. 0 for a chain with an owner. */
  spacing: number
  /** Bytes of a whole block, header and signature included. */
  maxBlockLength: number
  maxRecords: number
  /** Bytes of one record. */
  maxRecordLength: number
  kinds: readonly KindName[]
}

const VERSION = 1
const FIXED = 38
export const LIMITS = { maxBlockLength: 1_000_000, maxRecords: 1_000, maxRecordLength: 4_096 } as const

/** The parameters of an agent's own chain. `difficulty` is in zero digits of the hash (16 to the power of it hashes a block). */
export function localParams(owner: Uint8Array, genesisTime: number, difficulty = 2): ChainParams {
  return {
    name: 'local',
    admission: 'owner',
    keys: [owner],
    genesisTime,
    bits: bitsOfDifficulty(difficulty),
    spacing: 0,
    ...LIMITS,
    kinds: Object.keys(KIND) as KindName[]
  }
}

export function encodeParams(params: ChainParams): Uint8Array {
  const name = new TextEncoder().encode(params.name)
  if (name.length > 255) throw new FormatError('SIZE_EXCEEDED', 'the name of a chain has at most 255 bytes')
  const bytes = new Uint8Array(FIXED + name.length + params.keys.length * HASH_LENGTH)
  const view = viewOf(bytes)
  view.setUint16(0, VERSION)
  view.setUint8(2, ADMISSIONS.indexOf(params.admission))
  view.setUint8(3, name.length)
  bytes.set(name, 4)
  let at = 4 + name.length
  writeUint64(view, at, params.genesisTime)
  for (const value of [
    params.bits,
    params.spacing,
    params.maxBlockLength,
    params.maxRecords,
    params.maxRecordLength,
    params.kinds.reduce((mask, kind) => mask | (1 << KIND[kind]), 0) >>> 0
  ]) {
    view.setUint32(at + 8, value)
    at += 4
  }
  view.setUint16(at + 8, params.keys.length)
  for (const [i, key] of params.keys.entries()) bytes.set(key, at + 10 + i * HASH_LENGTH)
  return bytes
}

/** @throws CHAIN_FORMAT */
export function decodeParams(bytes: Uint8Array): ChainParams {
  const malformed = (what: string) => new FormatError('MALFORMED_BLOCK', `parameters of a chain: ${what}`)
  if (bytes.length < FIXED || bytes.length < FIXED + bytes[3]!) throw malformed('too short')
  const view = viewOf(bytes)
  if (view.getUint16(0) !== VERSION) throw new FormatError('UNSUPPORTED_VERSION', 'parameters of another version')
  const admission = ADMISSIONS[view.getUint8(2)]
  let name: string
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(4, 4 + bytes[3]!))
  } catch {
    throw malformed('the name is not UTF-8')
  }
  const at = 4 + bytes[3]!
  const number = (index: number) => view.getUint32(at + 8 + 4 * index)
  const mask = number(5)
  const kinds = (Object.keys(KIND) as KindName[]).filter(kind => (mask & (1 << KIND[kind])) !== 0)
  const keyCount = view.getUint16(at + 32)
  if (bytes.length !== at + 34 + keyCount * HASH_LENGTH) throw malformed('too short or too long')
  const keys = splitHashes(bytes, at + 34, keyCount)
  const genesisTime = readUint64(view, at)
  const isSorted = keys.every((key, i) => i === 0 || compareBytes(keys[i - 1]!, key) < 0)
  if (kinds.reduce((all, kind) => all | (1 << KIND[kind]), 0) >>> 0 !== mask) throw malformed('unknown kinds')
  if (admission === undefined || Number.isNaN(genesisTime) || !isSorted) throw malformed('not canonical')
  if (admission === 'owner' ? keyCount !== 1 : admission === 'open' ? keyCount !== 0 : keyCount === 0) {
    throw malformed(`${keyCount} keys for the admission '${admission}'`)
  }
  targetOf(number(0))
  return {
    name,
    admission,
    keys,
    genesisTime,
    bits: number(0),
    spacing: number(1),
    maxBlockLength: number(2),
    maxRecords: number(3),
    maxRecordLength: number(4),
    kinds
  }
}

/** A chain as everybody computes it from its parameters. */
export interface Chain {
  params: ChainParams
  encodedParams: Uint8Array
  /** SHA-256("talos/chain/v1" ‖ 0x00 ‖ parameters). */
  id: Uint8Array
  /** The header of block 0: computed, not mined and not signed. */
  genesis: Uint8Array
  genesisHash: Uint8Array
  /** Records are signed one by one: always, except where all are of the owner, who signs the block. */
  signedRecords: boolean
}

export function chainOf(params: ChainParams): Chain {
  const encodedParams = encodeParams(params)
  const id = labelledHash('talos/chain/v1', encodedParams)
  const signedRecords = params.admission !== 'owner'
  const genesis = encodeHeader({
    height: 0,
    time: params.genesisTime,
    previous: id,
    recordsRoot: EMPTY_ROOT,
    historyRoot: EMPTY_ROOT,
    producer: ZERO_HASH,
    recordCount: 0,
    bodyLength: 0,
    bits: params.bits,
    nonce: 0,
    signedRecords
  })
  return { params, encodedParams, id, genesis, genesisHash: blockHash(genesis), signedRecords }
}
