import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { AnchorProvider, ChainReport, Level, Validator } from '../../chain/index.ts'
import { TalosError } from '../../errors.ts'
import type { ReconcileReport } from '../audit/read/reconcile.ts'
import type {
  AnchorReport,
  ArchiveReport,
  AuditQuery,
  AuditRecord,
  BlockDetails,
  BlockSummary,
  ChainStatus,
  CheckpointReport,
  EraseReport,
  ProofReport,
  PruneReport
} from '../audit/read/types.ts'
import { MAX_PAGE } from '../control/audit-methods.ts'
import { readProof, type VerifiedProof, type VerifyProofOptions, verifyProof } from '../proof-file.ts'
import { type ExportOptions, exportText } from './audit-export.ts'
import type { NodeLink } from './node-link.ts'
import type { CallOptions } from './talos-client.ts'

/** Records that `log` returns unless it is asked for another number. */
const DEFAULT_LIMIT = 50

export interface VerifyChainOptions extends CallOptions {
  /** From the quickest to the most thorough. @default 'STRICT' */
  level?: Level
  /** Compare what is kept of each record with what was recorded, too. @default true */
  contents?: boolean
  /** Blocks that were checked, of how many: a few times a second. */
  onProgress?: (done: number, of: number) => void
  /**
   * Rules of the program, after all others: they reject() what is not to be. They run where the chain is, so that this process must be the node
   * (isNode()); that holds of `anchors` and `quorum`, too.
   */
  validators?: readonly Validator[]
  /** Who else confirms anchors at PARANOID, before those of the configuration. Only `true` is yes. */
  anchors?: readonly AnchorProvider[]
  /** Of how many providers the chain must have an anchor at PARANOID. @default `audit.anchorQuorum` of the configuration */
  quorum?: number
}

/** The agent's own audit chain: what it did and what was done to it, in an order that nobody can change. */
export class TalosAudit {
  readonly #link: NodeLink

  constructor(link: NodeLink) {
    this.#link = link
  }

  /** The last records that fit the query, the newest first. Throws PEER_*. */
  async log(query: AuditQuery & { limit?: number } & CallOptions = {}): Promise<AuditRecord[]> {
    const { limit = DEFAULT_LIMIT, ...rest } = query
    const found: AuditRecord[] = []
    for await (const record of this.#records(rest, true, limit)) {
      if (found.push(record) === limit) break
    }
    return found
  }

  /** All records that fit the query, in order, however many: a page at a time. */
  records(query: AuditQuery & CallOptions = {}): AsyncGenerator<AuditRecord, void> {
    return this.#records(query, false, MAX_PAGE)
  }

  /** The records with a number above `after` that fit the query, each once it has its block, and those to come until the signal, whose reason it throws. */
  async *follow({
    after = 0,
    ...query
  }: AuditQuery & { after?: number } & CallOptions = {}): AsyncGenerator<AuditRecord, never> {
    let last = after
    for (;;) {
      // asked first: what comes while the pages are read is not waited for
      const { records, pending } = await this.#link.call('auditStatus', {}, query.signal)
      for await (const record of this.#records(query, false, MAX_PAGE, last + 1)) {
        if (record.block === undefined) break
        last = record.sequence
        yield record
      }
      await this.#link.call('auditFollow', { after: records - pending }, query.signal)
    }
  }

  /** A record by its number, its id, the first digits of that (four or more), or what it is called (the field `operation`). Throws CHAIN_RECORD_*. */
  show(record: string, options: CallOptions = {}): Promise<AuditRecord> {
    return this.#link.call('auditRecord', { record }, options.signal)
  }

  /** Checks the whole chain as it is on disk; what is wrong is in the report. Throws CONFIG_INVALID, CHAIN_POLICY_INVALID, CHAIN_RULES_ELSEWHERE. */
  async verify(options: VerifyChainOptions = {}): Promise<ChainReport> {
    const { level = 'STRICT', contents = true, onProgress, signal, validators, anchors, quorum } = options
    if (validators !== undefined || anchors !== undefined || quorum !== undefined) return this.#verifyHere(options)
    const id = randomUUID()
    const stop = this.#link.onEvent(event => {
      if (event.type === 'audit-progress' && event.id === id) onProgress?.(event.done, event.of)
    })
    try {
      return await this.#link.call('auditVerify', { level, contents, id }, signal)
    } finally {
      stop()
    }
  }

  /** With what cannot be handed to another process. */
  #verifyHere({
    level = 'STRICT',
    contents = true,
    onProgress = () => {},
    signal = new AbortController().signal,
    ...rules
  }: VerifyChainOptions): Promise<ChainReport> {
    return this.#link.use(async ({ own }) => {
      if (own === undefined) {
        throw new TalosError('CHAIN_RULES_ELSEWHERE', 'rules of a program need the chain in its process', {
          hint: 'Another process is the node here, such as "talos daemon": end it, or verify without them.'
        })
      }
      const { verifyOwn } = await import('../audit/read/verify-own.ts')
      return verifyOwn(own, { level, contents, onProgress, signal, ...rules })
    }, signal)
  }

  /**
   * Records in the chain what a provider of `audit.anchors` has signed of an earlier state of it: a checkpoint with its signatures. Throws
   * CHAIN_ANCHOR_UNKNOWN, CHAIN_ANCHOR_INVALID, CHAIN_NOTE_INVALID, CHAIN_CHECKPOINT_INVALID.
   */
  anchor(provider: string, note: string, options: CallOptions = {}): Promise<AnchorReport> {
    return this.#link.call('auditAnchor', { provider, note }, options.signal)
  }

  /** The state of the chain now, signed: whoever has it can tell later whether the chain was changed. */
  root(options: CallOptions = {}): Promise<CheckpointReport> {
    return this.#link.call('auditRoot', {}, options.signal)
  }

  /** Records as text, piece by piece: nothing is held back, so that any number of them can be written. */
  export(options: ExportOptions & CallOptions): AsyncGenerator<string, void> {
    return exportText(this.#link, options)
  }

  /** A proof of a record in which the named fields can be read, and nothing else. Throws CHAIN_RECORD_*, CHAIN_FIELD_UNKNOWN. */
  open(record: string, fields: readonly string[], options: CallOptions = {}): Promise<ProofReport> {
    return this.#link.call('auditProof', { record, open: [...fields] }, options.signal)
  }

  /**
   * Compares what both sides have recorded of the operations with a peer: asks the peer, whose owner must have allowed it, or reads a `file` that the
   * peer exported (NDJSON). Throws AUDIT_*, PEER_*, NETWORK_*.
   */
  reconcile(
    peer: string,
    { file, signal, ...window }: { file?: string; since?: number; until?: number } & CallOptions = {}
  ): Promise<ReconcileReport> {
    const from = file === undefined ? {} : { path: resolve(file) }
    return this.#link.call('auditReconcile', { peer, ...from, ...window }, signal)
  }

  /** Removes the contents of a record for good; the chain stays valid, and a message stays in the history. Throws CHAIN_RECORD_*. */
  erase(record: string, options: CallOptions = {}): Promise<EraseReport> {
    return this.#link.call('auditErase', { record }, options.signal)
  }

  async *#records(
    { signal, ...query }: AuditQuery & CallOptions,
    reverse: boolean,
    limit: number,
    from?: number
  ): AsyncGenerator<AuditRecord, void> {
    let next = from
    do {
      const at = next === undefined ? {} : reverse ? { to: next } : { from: next }
      const request = {
        ...query,
        kinds: query.kinds && [...query.kinds],
        ...at,
        reverse,
        limit: Math.min(limit, MAX_PAGE)
      }
      const page = await this.#link.call('auditRecords', request, signal)
      yield* page.records
      next = page.next
    } while (next !== undefined)
  }
}

/** Proofs. Those of others can be checked without a client too: verifyProof(). */
export class TalosProofs {
  readonly #link: NodeLink

  constructor(link: NodeLink) {
    this.#link = link
  }

  /** A proof that a record is in the chain, with nothing of its contents. Throws CHAIN_RECORD_*. */
  export(record: string, options: CallOptions = {}): Promise<ProofReport> {
    return this.#link.call('auditProof', { record, open: [] }, options.signal)
  }

  /** As readProof(). */
  show(proof: string): VerifiedProof {
    return readProof(proof)
  }

  /** As verifyProof(). */
  verify(proof: string, options: VerifyProofOptions = {}): VerifiedProof {
    return verifyProof(proof, options)
  }
}

/** The blocks of the agent's own chain, and what can be done with them as a whole. */
export class TalosChain {
  readonly #link: NodeLink

  constructor(link: NodeLink) {
    this.#link = link
  }

  status(options: CallOptions = {}): Promise<ChainStatus> {
    return this.#link.call('auditStatus', {}, options.signal)
  }

  /** Blocks up to the height `to`, the newest first. @default the last 20 */
  blocks({ signal, to, limit = 20 }: { to?: number; limit?: number } & CallOptions = {}): Promise<BlockSummary[]> {
    return this.#link.call('auditBlocks', { limit, ...(to === undefined ? {} : { to }) }, signal)
  }

  /** A block by its height, its hash or the first digits of that. Throws CHAIN_BLOCK_UNKNOWN, CHAIN_BLOCK_AMBIGUOUS. */
  block(block: number | string, options: CallOptions = {}): Promise<BlockDetails> {
    return this.#link.call('auditBlock', { block: String(block) }, options.signal)
  }

  /** The records of a block; none of one that was pruned. */
  async recordsOf({ first, records }: BlockSummary, { signal }: CallOptions = {}): Promise<AuditRecord[]> {
    const found: AuditRecord[] = []
    const to = first + records - 1
    for (let from = first; from <= to; ) {
      const page = await this.#link.call('auditRecords', { from, to, limit: MAX_PAGE }, signal)
      found.push(...page.records)
      if (page.next === undefined) break
      from = page.next
    }
    return found
  }

  /** Removes the records of the blocks below `height`, with their contents; proofs that were given away hold. Throws CHAIN_PRUNE_RANGE. */
  prune(height: number, options: CallOptions = {}): Promise<PruneReport> {
    return this.#link.call('auditPrune', { height }, options.signal)
  }

  /** Writes all of it into a file (0600), sealed for who has the wallet or its recovery phrase. Throws STORAGE_WRITE_FAILED. */
  archive(path: string, options: CallOptions = {}): Promise<ArchiveReport> {
    return this.#link.call('auditArchive', { path: resolve(path) }, options.signal)
  }

  /** Puts back from an archive what was pruned. Throws CHAIN_ARCHIVE_INVALID, STORAGE_READ_FAILED. */
  import(path: string, options: CallOptions = {}): Promise<{ blocks: number }> {
    return this.#link.call('auditImport', { path: resolve(path) }, options.signal)
  }
}
