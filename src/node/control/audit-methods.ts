import * as z from 'zod/mini'
import type { ChainReport } from '../../chain/index.ts'
import { KIND, type KindName } from '../../chain/record.ts'
import type { ReconcileReport } from '../audit/read/reconcile.ts'
import type {
  AnchorReport,
  ArchiveReport,
  AuditRecord,
  BlockDetails,
  BlockSummary,
  ChainStatus,
  CheckpointReport,
  EraseReport,
  ProofReport,
  PruneReport
} from '../audit/read/types.ts'

/** Records that one request returns at most. */
export const MAX_PAGE = 500

const record = z.string().check(z.minLength(1), z.maxLength(255))
const number = z.int().check(z.nonnegative())
const path = z.string().check(z.minLength(1), z.maxLength(4096))
const kind = z.enum(Object.keys(KIND) as [KindName, ...KindName[]])
const checkpoint = z.object({ note: z.string().check(z.maxLength(65_536)), size: number })

/** What a node is asked about the chain of its agent: see docs/spec/control.md. */
export const AUDIT_METHODS = {
  /** A page of records, in order; with `proofs` each with a proof of that checkpoint, all fields opened. */
  auditRecords: z.object({
    peer: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
    kinds: z.optional(z.array(kind).check(z.minLength(1))),
    since: z.optional(number),
    until: z.optional(number),
    from: z.optional(number),
    to: z.optional(number),
    reverse: z.optional(z.boolean()),
    limit: z.int().check(z.minimum(1), z.maximum(MAX_PAGE)),
    proofs: z.optional(checkpoint)
  }),
  /** The record with this id, the one whose id begins so, or the one of this operation. */
  auditRecord: z.object({ record }),
  /** Waits until a record after this number is in a block. */
  auditFollow: z.object({ after: number }),
  /** A proof of a record, in which the named fields are opened. */
  auditProof: z.object({ record, open: z.array(z.string()).check(z.maxLength(32)) }),
  /** The state of the chain, signed. */
  auditRoot: z.object({}),
  /** Checks the chain from its first block on; tells how far it is as event `audit-progress` with this `id`. */
  auditVerify: z.object({
    level: z.enum(['MINIMAL', 'STANDARD', 'STRICT', 'PARANOID']),
    contents: z.boolean(),
    id: z.string().check(z.maxLength(64))
  }),
  /** Records what a configured provider has signed of an earlier state of the chain: a checkpoint with its signatures. */
  auditAnchor: z.object({
    provider: z.string().check(z.minLength(1), z.maxLength(64)),
    note: z.string().check(z.maxLength(65_536))
  }),
  /** Compares with what a peer has recorded: asks it, or reads a file that it exported; `path` is absolute. */
  auditReconcile: z.object({
    peer: z.string().check(z.minLength(1), z.maxLength(256)),
    path: z.optional(path),
    since: z.optional(number),
    until: z.optional(number)
  }),
  /** Removes the contents of a record for good. */
  auditErase: z.object({ record }),
  auditStatus: z.object({}),
  /** Blocks up to this height, the newest first. */
  auditBlocks: z.object({ to: z.optional(number), limit: z.int().check(z.minimum(1), z.maximum(MAX_PAGE)) }),
  /** A block by its height, its hash or the first digits of that. */
  auditBlock: z.object({ block: z.string().check(z.minLength(1), z.maxLength(64)) }),
  /** Removes the records of the blocks below this height. */
  auditPrune: z.object({ height: number }),
  /** Writes the whole chain into a file, sealed for its owner; `path` is absolute. */
  auditArchive: z.object({ path }),
  /** Puts back from such a file what was pruned. */
  auditImport: z.object({ path })
}

export interface AuditResults {
  auditRecords: AuditPage
  auditRecord: AuditRecord
  auditFollow: null
  auditProof: ProofReport
  auditRoot: CheckpointReport
  auditVerify: ChainReport
  auditAnchor: AnchorReport
  auditReconcile: ReconcileReport
  auditErase: EraseReport
  auditStatus: ChainStatus
  auditBlocks: BlockSummary[]
  auditBlock: BlockDetails
  auditPrune: PruneReport
  auditArchive: ArchiveReport
  auditImport: { blocks: number }
}

export interface AuditPage {
  records: AuditRecord[]
  /** Where the next page begins; absent when there is none. */
  next?: number
  /** One for each record; null for a record that is in none of the checkpoint's blocks. */
  proofs?: Array<string | null>
}
