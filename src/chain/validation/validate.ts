import { SIGNED_HEADER_LENGTH } from '../block.ts'
import { FormatError } from '../format-error.ts'
import type { Chain } from '../params.ts'
import { admission } from './admission.ts'
import { type AnchorPolicy, anchors } from './anchors.ts'
import { bodyStructure } from './body-structure.ts'
import { claims } from './claims.ts'
import type { Layer } from './codes.ts'
import {
  type ChainView,
  type CheckedBlock,
  type CheckedEntry,
  type Counts,
  type Issue,
  type Level,
  noCounts,
  reject,
  type ValidationContext,
  type Validator
} from './context.ts'
import { hash } from './hash.ts'
import { headerStructure } from './header-structure.ts'
import { history } from './history.ts'
import { kinds } from './kinds.ts'
import { link } from './link.ts'
import { merkle } from './merkle.ts'
import { producer } from './producer.ts'
import { sequence } from './sequence.ts'
import { signatures } from './signatures.ts'
import { time } from './time.ts'
import { work } from './work.ts'

/** In the order in which they run: what costs little and keeps most out comes first. */
const HEADER_VALIDATORS: readonly Validator[] = [headerStructure, hash, work, link, time]
const LIGHT_VALIDATORS: readonly Validator[] = [...HEADER_VALIDATORS, producer, history]
const VALIDATORS: readonly Validator[] = [
  ...HEADER_VALIDATORS,
  bodyStructure,
  merkle,
  producer,
  signatures,
  history,
  sequence,
  kinds,
  admission,
  claims
]

export interface ValidationOptions {
  /** @default 'STRICT' */
  level?: Level
  /** Milliseconds since 1970. @default the clock's */
  now?: number
  /** The hash under which the block was asked for. */
  expectedHash?: Uint8Array
  /** The header was found valid by validateHeader() at this level, against the same view: its signature is not verified again. */
  isHeaderChecked?: boolean
  /** Rules of the application, after all others of their layer. */
  custom?: readonly Validator[]
  /** Which anchors count, and how many: for the level PARANOID, which without it takes no anchor for true. */
  anchors?: AnchorPolicy
}

export interface LayerReport {
  /** `skipped`: the level does not ask for it, or an error came before it. */
  state: 'passed' | 'failed' | 'skipped'
  /** Milliseconds. */
  duration: number
  /** Names of the validators that ran. */
  ran: readonly string[]
}

export interface ValidationResult {
  valid: boolean
  level: Level
  errors: readonly Issue[]
  warnings: readonly Issue[]
  layers: Record<Layer, LayerReport>
  counts: Counts
  /** Providers whose anchors in this block are true. */
  anchoredBy: ReadonlySet<string>
  /** Milliseconds. */
  duration: number
  /** What was read, when the block is valid. */
  block?: CheckedBlock
}

/** A block whose records are known already one by one, such as those of the mempool. */
export interface AssembledBlock {
  /** Header and signature: 228 bytes. */
  signedHeader: Uint8Array
  entries: readonly CheckedEntry[]
}

/**
 * Checks a block against the chain before it. Pure: whatever comes out, neither the view nor anything else has changed, and the same
 * input gives the same result. It ends with the first error, so that what is forged costs little.
 */
export async function validateBlock(
  block: Uint8Array | AssembledBlock,
  chain: Chain,
  view: ChainView,
  options: ValidationOptions = {}
): Promise<ValidationResult> {
  const validators = [...VALIDATORS, ...(options.custom ?? []), anchors(options.anchors)]
  return run(contextOf(block, chain, view, options), validators, options.level ?? 'STRICT')
}

/** Checks header and signature alone, 228 bytes, as far as that goes without the body: before a body is asked for. */
export async function validateHeader(
  signedHeader: Uint8Array,
  chain: Chain,
  view: ChainView,
  options: Omit<ValidationOptions, 'custom' | 'anchors'> = {}
): Promise<ValidationResult> {
  const context = contextOf({ signedHeader, entries: [] }, chain, view, options)
  return run(context, LIGHT_VALIDATORS, options.level ?? 'STRICT')
}

function contextOf(
  block: Uint8Array | AssembledBlock,
  chain: Chain,
  view: ChainView,
  { now = Date.now(), expectedHash, isHeaderChecked = false }: ValidationOptions
): ValidationContext {
  const isWhole = block instanceof Uint8Array
  return {
    chain,
    view,
    now,
    isHeaderChecked,
    expectedHash,
    signedHeader: isWhole ? block.subarray(0, SIGNED_HEADER_LENGTH) : block.signedHeader,
    body: isWhole ? block.subarray(SIGNED_HEADER_LENGTH) : undefined,
    entries: isWhole ? undefined : block.entries,
    anchoredBy: new Set<string>(),
    counts: noCounts(),
    errors: [],
    warnings: []
  }
}

const RANK: Record<Level, number> = { MINIMAL: 0, STANDARD: 1, STRICT: 2, PARANOID: 3 }
const unseen = (): LayerReport & { ran: string[] } => ({ state: 'skipped', duration: 0, ran: [] })

async function run(
  context: ValidationContext,
  validators: readonly Validator[],
  level: Level
): Promise<ValidationResult> {
  const started = performance.now()
  const layers: Record<Layer, LayerReport & { ran: string[] }> = {
    structural: unseen(),
    cryptographic: unseen(),
    consensus: unseen(),
    semantic: unseen(),
    'cross-chain': unseen()
  }
  const reach = RANK[level]
  context.counts.bytes = context.signedHeader.length + (context.body?.length ?? 0)
  if (context.signedHeader.length < SIGNED_HEADER_LENGTH) {
    reject(context, 'MISSING_FIELD', 'a block has at least a header of 164 and a signature of 64 bytes')
  }
  let before = started
  for (const validator of validators) {
    if (context.errors.length > 0) break
    if (RANK[validator.level] > reach) continue
    const layer = layers[validator.layer]
    try {
      const running = validator.run(context)
      if (running !== undefined) await running
    } catch (error) {
      // a rule that fails has not said yes
      if (error instanceof FormatError) reject(context, error.violation, error.message)
      else reject(context, FAILED[validator.layer], `${validator.name} failed: ${(error as Error).message}`)
    }
    const after = performance.now()
    layer.duration += after - before
    before = after
    layer.ran.push(validator.name)
    layer.state = 'passed'
  }
  const valid = context.errors.length === 0
  for (const { layer } of context.errors) layers[layer].state = 'failed'
  const { header, signedHeader, hash: found, entries } = context
  const result: ValidationResult = {
    valid,
    level,
    errors: context.errors,
    warnings: context.warnings,
    layers,
    counts: context.counts,
    anchoredBy: context.anchoredBy,
    duration: before - started
  }
  if (valid) result.block = { header: header!, signedHeader, hash: found!, entries: entries! }
  return result
}

/** What is reported of a validator that threw. */
const FAILED = {
  structural: 'MALFORMED_BLOCK',
  cryptographic: 'SIGNATURE_INVALID',
  consensus: 'CHAIN_LINK_BROKEN',
  semantic: 'CUSTOM_RULE',
  'cross-chain': 'EXTERNAL_VERIFICATION_FAILED'
} as const
