import { parse } from 'yaml'
import { z } from 'zod'
import { TalosError } from '../../errors.ts'
import { type ChainParams, LIMITS } from '../params.ts'
import { KIND, type KindName } from '../record.ts'
import { bitsOfDifficulty } from '../work.ts'

const key = z.string().regex(/^[0-9a-f]{64}$/, 'an Ed25519 key is 64 hexadecimal digits')
const kindNames = Object.keys(KIND) as [KindName, ...KindName[]]

const schema = z.strictObject({
  name: z.string().min(1).max(64),
  genesis: z.iso.datetime(),
  /** Zero digits of each hash. */
  difficulty: z.int().min(0).max(16).default(5),
  /** Seconds between blocks. */
  spacing: z.int().min(1).max(86_400).default(5),
  /** Who may write; without it everybody may. */
  writers: z.array(key).min(1).max(1_000).optional(),
  kinds: z.array(z.enum(kindNames)).min(1).default(['CHECKPOINT', 'IDENTITY', 'KEY_ROTATE', 'CAP_REVOKE', 'ANCHOR']),
  maxBlockBytes: z.int().min(10_000).max(16_000_000).default(LIMITS.maxBlockLength),
  maxRecords: z.int().min(1).max(10_000).default(LIMITS.maxRecords),
  maxRecordBytes: z.int().min(256).max(65_657).default(LIMITS.maxRecordLength)
})

/**
 * Reads the parameters of a network, YAML. Whoever has the same file, in whatever order and spelling, has the same chain.
 *
 * @throws CHAIN_NETWORK_INVALID
 */
export function readNetwork(text: string): ChainParams {
  let read: unknown
  try {
    read = parse(text)
  } catch (cause) {
    throw invalid((cause as Error).message, cause)
  }
  const found = schema.safeParse(read)
  if (!found.success) throw invalid(z.prettifyError(found.error))
  const { name, genesis, difficulty, spacing, writers, kinds, ...limits } = found.data
  const keys = [...new Set(writers ?? [])].sort().map(digits => new Uint8Array(Buffer.from(digits, 'hex')))
  return {
    name,
    admission: writers === undefined ? 'open' : 'list',
    keys,
    genesisTime: Date.parse(genesis),
    bits: bitsOfDifficulty(difficulty),
    spacing: spacing * 1_000,
    maxBlockLength: limits.maxBlockBytes,
    maxRecords: limits.maxRecords,
    maxRecordLength: limits.maxRecordBytes,
    kinds: kindNames.filter(kind => kinds.includes(kind))
  }
}

function invalid(message: string, cause?: unknown): TalosError {
  return new TalosError('CHAIN_NETWORK_INVALID', `the parameters of the network cannot be used: ${message}`, { cause })
}
