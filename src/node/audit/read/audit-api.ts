import { isAbsolute } from 'node:path'
import {
  archiveLocal,
  browse,
  type ChainReport,
  difficultyOf,
  findHeight,
  findRecord,
  formatNoteKey,
  formatProof,
  headsBefore,
  importArchive,
  type LocalChain,
  NOTE_KEY,
  openCheckpoint,
  originOf,
  proveRecord,
  proveRecords,
  pruneLocal,
  type RecordProof,
  signCheckpoint,
  stateOf
} from '../../../chain/index.ts'
import { peerIdOf } from '../../../crypto/peer-key.ts'
import { isTalosError, TalosError } from '../../../errors.ts'
import { messageOf } from '../../../protocols/messaging/index.ts'
import type { AgentNode } from '../../agent-node.ts'
import type { AUDIT_METHODS, AuditPage, AuditResults } from '../../control/audit-methods.ts'
import type { CallContext } from '../../control/methods.ts'
import { writeOutputFile } from '../../output-file.ts'
import { resolveAt } from '../../resolve-peer.ts'
import { type ReconcileReport, textOf } from './reconcile.ts'
import { reconcileWithFile, reconcileWithPeer } from './reconcile-peer.ts'
import { recordAnchor } from './record-anchor.ts'
import { auditRecord, blockDetails, blockSummary, hex } from './records.ts'
import { openArchive, sealArchive } from './sealed-file.ts'
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
} from './types.ts'
import { verifyOwn } from './verify-own.ts'

const NEVER = new AbortController().signal

type Params<Name extends keyof AuditResults> = import('zod/mini').output<(typeof AUDIT_METHODS)[Name]>
export type AuditMethods = {
  [Name in keyof AuditResults]: (params: Params<Name>, context?: CallContext) => Promise<AuditResults[Name]>
}

/** What the commands and the SDK ask about the agent's own chain, done by the node in this process. */
export class AuditApi implements AuditMethods {
  readonly #node: AgentNode

  constructor(node: AgentNode) {
    this.#node = node
  }

  get #chain(): LocalChain {
    return this.#node.audit.chain
  }

  async auditRecords(params: Params<'auditRecords'>, { signal }: CallContext = {}): Promise<AuditPage> {
    const { peer: reference, proofs: checkpoint, ...query } = params
    const peer = reference === undefined ? {} : { peer: (await resolveAt(this.#node, reference, signal)).toString() }
    const { records, next } = await browse(this.#chain, { ...query, ...peer })
    const page = { records: records.map(auditRecord), ...(next === undefined ? {} : { next }) }
    if (checkpoint === undefined) return page
    const proofs = await proveRecords(
      this.#chain,
      records.map(({ sequence }) => sequence),
      checkpoint
    )
    return { ...page, proofs: proofs.map(proof => (proof === undefined ? null : formatProof(proof))) }
  }

  async auditRecord({ record }: Params<'auditRecord'>): Promise<AuditRecord> {
    return auditRecord(await findRecord(this.#chain, record))
  }

  async auditFollow({ after }: Params<'auditFollow'>, { signal = NEVER }: CallContext = {}): Promise<null> {
    await this.#chain.sealedAfter(after, signal)
    return null
  }

  async auditProof({ record, open }: Params<'auditProof'>): Promise<ProofReport> {
    const { id } = await findRecord(this.#chain, record)
    const proof = await this.#prove(id, open)
    return { record: hex(id), proof: formatProof(proof), opened: open, key: this.#key() }
  }

  /** With the newest checkpoint that witnesses signed, if the record is in it. */
  async #prove(id: Uint8Array, open: readonly string[]): Promise<RecordProof> {
    const checkpoint = await this.#node.services.witnessing.newest()
    if (checkpoint === undefined) return proveRecord(this.#chain, id, { open })
    try {
      return await proveRecord(this.#chain, id, { open, checkpoint })
    } catch (error) {
      if (!isTalosError(error, 'CHAIN_RECORD_UNSEALED')) throw error
      return proveRecord(this.#chain, id, { open })
    }
  }

  async auditRoot(): Promise<CheckpointReport> {
    const chain = this.#chain
    const note = await signCheckpoint(chain)
    const log = { name: originOf(chain.chain.id), type: NOTE_KEY.ed25519, publicKey: chain.owner.publicKey }
    const { origin, size, root } = openCheckpoint(note, { log })
    return { note, key: formatNoteKey(log), origin, size, root: hex(root) }
  }

  async auditVerify(
    { level, contents, id }: Params<'auditVerify'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<ChainReport> {
    return verifyOwn(this.#node, {
      level,
      contents,
      signal,
      onProgress: (done, of) => this.#node.events.tell({ type: 'audit-progress', id, done, of })
    })
  }

  async auditAnchor({ provider, note }: Params<'auditAnchor'>): Promise<AnchorReport> {
    return recordAnchor(this.#node, provider, note)
  }

  async auditReconcile(
    { peer: reference, path, ...window }: Params<'auditReconcile'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<ReconcileReport> {
    const peer = await resolveAt(this.#node, reference, signal)
    if (path === undefined) return reconcileWithPeer(this.#node, peer, window, signal)
    requireAbsolute(path)
    return reconcileWithFile(this.#node, peer, path, window)
  }

  async auditErase({ record }: Params<'auditErase'>): Promise<EraseReport> {
    const { id, payload } = await findRecord(this.#chain, record)
    const message = messageOf(textOf(payload?.fields, 'operation') ?? '')
    await this.#chain.erase(id)
    const isKept = message !== undefined && (await this.#node.services.messaging.get(message)) !== undefined
    return { record: hex(id), ...(isKept ? { message } : {}) }
  }

  async auditStatus(): Promise<ChainStatus> {
    const { chain, owner } = this.#chain
    const state = await stateOf(this.#chain)
    return {
      chainId: hex(chain.id),
      owner: peerIdOf(owner.publicKey),
      height: state.height,
      tip: hex(state.hash),
      time: state.time,
      genesisTime: chain.params.genesisTime,
      records: state.records,
      pending: state.pending,
      prunedTo: state.prunedHeight,
      prunedRecords: state.prunedRecords,
      bytes: state.bytes,
      difficulty: difficultyOf(chain.params.bits)
    }
  }

  async auditBlocks({ to, limit }: Params<'auditBlocks'>): Promise<BlockSummary[]> {
    const chain = this.#chain
    return (await headsBefore(chain, Math.min(to ?? chain.tip.height, chain.tip.height), limit)).map(blockSummary)
  }

  async auditBlock({ block }: Params<'auditBlock'>): Promise<BlockDetails> {
    const height = await findHeight(this.#chain, block)
    const [head] = height === undefined ? [] : await headsBefore(this.#chain, height, 1)
    if (head !== undefined) return blockDetails(head)
    throw new TalosError('CHAIN_BLOCK_UNKNOWN', 'there is no such block in the audit chain', {
      hint: '"talos chain blocks" lists the last ones.'
    })
  }

  async auditPrune({ height }: Params<'auditPrune'>, { signal = NEVER }: CallContext = {}): Promise<PruneReport> {
    const result = await pruneLocal(this.#chain, height, { signal })
    return { ...result, prunedTo: (await stateOf(this.#chain)).prunedHeight }
  }

  async auditArchive({ path }: Params<'auditArchive'>, { signal = NEVER }: CallContext = {}): Promise<ArchiveReport> {
    requireAbsolute(path)
    const { prunedHeight, prunedRecords } = await stateOf(this.#chain)
    const { height: to, sequence } = this.#chain.tip
    const { seed } = this.#node.wallet.identity
    const { bytes } = await writeOutputFile(path, sealArchive(until(signal, archiveLocal(this.#chain)), seed))
    // read again: whoever prunes after this relies on it
    for await (const _ of openArchive(path, seed)) signal.throwIfAborted()
    return { path, from: Math.min(prunedHeight + 1, to), to, records: sequence - prunedRecords, bytes }
  }

  async auditImport(
    { path }: Params<'auditImport'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<{ blocks: number }> {
    requireAbsolute(path)
    return {
      blocks: await importArchive(this.#chain, until(signal, openArchive(path, this.#node.wallet.identity.seed)))
    }
  }

  #key(): string {
    const { chain, owner } = this.#chain
    return formatNoteKey({ name: originOf(chain.id), type: NOTE_KEY.ed25519, publicKey: owner.publicKey })
  }
}

async function* until<T>(signal: AbortSignal, source: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of source) {
    signal.throwIfAborted()
    yield item
  }
}

function requireAbsolute(path: string): void {
  if (!isAbsolute(path)) throw new TalosError('NODE_REQUEST_INVALID', 'the path is to be absolute')
}
