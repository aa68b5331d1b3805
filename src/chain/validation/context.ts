import type { BlockHeader } from '../block.ts'
import type { ClaimedState } from '../claim.ts'
import type { Chain } from '../params.ts'
import type { ChainRecord } from '../record.ts'
import { type Layer, layerOf, VIOLATIONS, type ViolationName } from './codes.ts'

/** From the quickest to the most thorough: each does what the one before it does, and more. */
export type Level = 'MINIMAL' | 'STANDARD' | 'STRICT' | 'PARANOID'

/** Something that is wrong with a block. */
export interface Issue {
  violation: ViolationName
  code: number
  layer: Layer
  message: string
  /** Height of the block, where it is known. */
  height?: number
  /** Which record of the block. */
  record?: number
}

/** The last record of an author's stream. */
export interface Head {
  sequence: number
  id: Uint8Array
}

/** What a block is checked against: the chain up to the block before it. Nothing in it changes by a check. */
export interface ChainView {
  /** Of the block that is checked. */
  readonly height: number
  readonly previousHash: Uint8Array
  readonly previousTime: number
  /** Of the last eleven blocks. Milliseconds since 1970. */
  readonly medianTime: number
  /** RFC 6962 root over the hashes of all blocks before. */
  historyRoot(): Uint8Array
  /** Undefined for an author and stream without a record. */
  headOf(author: Uint8Array, stream: number): Head | undefined
  /** What an author claimed last of a chain of its own. */
  claimOf?(author: Uint8Array, chain: Uint8Array): ClaimedState | undefined
  /** The history root over the first `size` blocks, where it is known. */
  readonly historyRootAt?: ((size: number) => Promise<Uint8Array | undefined>) | undefined
}

/** A record of a block with all that was found out about it. */
export interface CheckedEntry {
  bytes: Uint8Array
  record: ChainRecord
  id: Uint8Array
  /** The same with a character for each byte, as it was computed. */
  idText?: string
  signature?: Uint8Array
  /** The signature was verified when the record came in alone. */
  isVerified?: boolean
}

export interface CheckedBlock {
  header: BlockHeader
  /** Header and signature: 228 bytes. */
  signedHeader: Uint8Array
  hash: Uint8Array
  entries: readonly CheckedEntry[]
}

/** How much was done: real numbers of what was checked, for reports. */
export interface Counts {
  bytes: number
  records: number
  signatures: number
  /** Signatures that need not be verified again. */
  knownSignatures: number
  commitments: number
  anchors: number
}

export const noCounts = (): Counts => ({
  bytes: 0,
  records: 0,
  signatures: 0,
  knownSignatures: 0,
  commitments: 0,
  anchors: 0
})

/** What the validators of one block share. */
export interface ValidationContext {
  /** Header and signature: 228 bytes, or fewer in what is no block. */
  readonly signedHeader: Uint8Array
  /** Found out on the way. */
  header?: BlockHeader
  hash?: Uint8Array
  entries: readonly CheckedEntry[] | undefined
  readonly chain: Chain
  readonly view: ChainView
  /** Milliseconds since 1970. */
  readonly now: number
  /** The hash under which the block was asked for or kept. */
  readonly expectedHash: Uint8Array | undefined
  /** The header alone was found valid before, in the same place. */
  readonly isHeaderChecked: boolean
  /** Everything after header and signature; undefined when the entries are there already. */
  readonly body: Uint8Array | undefined
  /** Names of the providers whose anchors were true. */
  readonly anchoredBy: Set<string>
  readonly counts: Counts
  readonly errors: Issue[]
  readonly warnings: Issue[]
}

export interface Validator {
  readonly name: string
  readonly layer: Layer
  /** The quickest level that runs it. */
  readonly level: Level
  run(context: ValidationContext): void | Promise<void>
}

export function reject(context: ValidationContext, violation: ViolationName, message: string, record?: number): void {
  context.errors.push(issueOf(context, violation, message, record))
}

export function warn(context: ValidationContext, violation: ViolationName, message: string, record?: number): void {
  context.warnings.push(issueOf(context, violation, message, record))
}

function issueOf(context: ValidationContext, violation: ViolationName, message: string, record?: number): Issue {
  const issue: Issue = { violation, code: VIOLATIONS[violation], layer: layerOf(violation), message }
  if (context.header !== undefined) issue.height = context.header.height
  if (record !== undefined) issue.record = record
  return issue
}
