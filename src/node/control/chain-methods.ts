import * as z from 'zod/mini'
import type {
  ClaimReport,
  Conviction,
  NetworkBlock,
  NetworkRecord,
  NetworkStatus,
  OpenedRecord
} from '../chain/types.ts'

const hash = z.string().check(z.regex(/^[0-9a-f]{64}$/))

/** What a node is asked about the chain that it shares with others: see docs/spec/control.md. */
export const CHAIN_METHODS = {
  /** Null when the node shares none. */
  chainNetwork: z.object({}),
  /** Asks all peers, and fetches what is better; `consent`: to a chain that begins with this block, whatever it takes back. */
  chainSync: z.object({ consent: z.optional(hash) }),
  /** Makes a block of what waits, at once; waits until there is one, from whomever. */
  chainMine: z.object({}),
  /** Writes the state of the own chain into the shared one. */
  chainCheckpoint: z.object({}),
  /** Blocks up to this height, the newest first. */
  chainBlocks: z.object({
    to: z.optional(z.int().check(z.nonnegative())),
    limit: z.int().check(z.minimum(1), z.maximum(500))
  }),
  /** A block by its height, its hash or the first digits of that. */
  chainBlock: z.object({ block: z.string().check(z.minLength(1), z.maxLength(64)) }),
  /** Writes a record that is not of the node's own making: its key is replaced, or a capability is withdrawn. */
  chainPublish: z.object({
    kind: z.enum(['KEY_ROTATE', 'CAP_REVOKE']),
    fields: z
      .array(z.object({ name: z.string(), value: z.union([z.string(), z.int().check(z.nonnegative())]) }))
      .check(z.minLength(1), z.maxLength(31))
  }),
  /** Proves a record that this agent has written, with these of its fields; without any, all. */
  chainOpen: z.object({ record: hash, fields: z.array(z.string()).check(z.maxLength(32)) }),
  /** Authors that were caught with two histories; with `author` that one, and a file that shows it. */
  chainEvidence: z.object({ author: z.optional(z.string().check(z.maxLength(256))) }),
  /** Hands in evidence, the text of such a file. */
  chainConvict: z.object({ evidence: z.string().check(z.maxLength(131_072)) })
}

export interface ChainResults {
  chainNetwork: NetworkStatus | null
  chainSync: NetworkStatus
  chainMine: NetworkStatus
  chainCheckpoint: ClaimReport
  chainBlocks: NetworkBlock[]
  chainBlock: NetworkBlock & { entries: NetworkRecord[] }
  chainPublish: { record: string }
  chainOpen: OpenedRecord
  chainEvidence: Conviction[]
  chainConvict: Conviction & { isNew: boolean }
}
