import type {
  ClaimReport,
  Conviction,
  NetworkBlock,
  NetworkRecord,
  NetworkStatus,
  OpenedRecord
} from '../chain/types.ts'
import type { NodeLink } from './node-link.ts'
import type { CallOptions } from './talos-client.ts'

/**
 * The chain that this agent shares with others. All but status() throw CHAIN_NO_NETWORK when the node shares none: it does when it is a
 * daemon or agent whose configuration names a network.
 */
export class TalosNetwork {
  readonly #link: NodeLink

  constructor(link: NodeLink) {
    this.#link = link
  }

  /** Undefined when the node shares no chain. */
  async status(options: CallOptions = {}): Promise<NetworkStatus | undefined> {
    return (await this.#link.call('chainNetwork', {}, options.signal)) ?? undefined
  }

  /**
   * Asks all peers for their chains and fetches the best. `consent` is to a chain that begins with that block (64 hexadecimal digits, see
   * `deep` in the status), however many blocks it takes back.
   */
  sync({ signal, consent }: { consent?: string } & CallOptions = {}): Promise<NetworkStatus> {
    return this.#link.call('chainSync', consent === undefined ? {} : { consent }, signal)
  }

  /** Makes a block of what waits now; resolves when there is one, from whomever, or nothing waits. Throws CHAIN_NOT_ADMITTED. */
  mine(options: CallOptions = {}): Promise<NetworkStatus> {
    return this.#link.call('chainMine', {}, options.signal)
  }

  /** Writes the state of the agent's own chain into the shared one. Throws CHAIN_NOT_ADMITTED, CHAIN_WAITING_FULL. */
  checkpoint(options: CallOptions = {}): Promise<ClaimReport> {
    return this.#link.call('chainCheckpoint', {}, options.signal)
  }

  /** Blocks up to the height `to`, the newest first. @default the last 20 */
  blocks({ signal, to, limit = 20 }: { to?: number; limit?: number } & CallOptions = {}): Promise<NetworkBlock[]> {
    return this.#link.call('chainBlocks', { limit, ...(to === undefined ? {} : { to }) }, signal)
  }

  /** A block by its height or hash, with its records. Throws CHAIN_BLOCK_UNKNOWN. */
  block(block: number | string, options: CallOptions = {}): Promise<NetworkBlock & { entries: NetworkRecord[] }> {
    return this.#link.call('chainBlock', { block: String(block) }, options.signal)
  }

  /**
   * Writes a record that says that this agent's key is replaced (KEY_ROTATE), or that a capability is withdrawn (CAP_REVOKE). Everybody sees that it was
   * done, when and by whom; what is in the fields this agent alone can open. Throws CHAIN_NOT_ADMITTED, CHAIN_WAITING_FULL, CHAIN_FORMAT.
   */
  publish(
    kind: 'KEY_ROTATE' | 'CAP_REVOKE',
    fields: Record<string, string | number>,
    options: CallOptions = {}
  ): Promise<{ record: string }> {
    const list = Object.entries(fields).map(([name, value]) => ({ name, value }))
    return this.#link.call('chainPublish', { kind, fields: list }, options.signal)
  }

  /**
   * Opens a record that this agent has written, for whoever gets the proof: these of its fields, or all. Throws CHAIN_RECORD_UNKNOWN,
   * CHAIN_RECORD_UNSEALED, CHAIN_FIELD_UNKNOWN.
   */
  open(record: string, fields: readonly string[] = [], options: CallOptions = {}): Promise<OpenedRecord> {
    return this.#link.call('chainOpen', { record, fields: [...fields] }, options.signal)
  }

  /** Authors of the chain that were caught with two histories: nothing is taken from them any more. */
  convicted(options: CallOptions = {}): Promise<Conviction[]> {
    return this.#link.call('chainEvidence', {}, options.signal)
  }

  /** The evidence against an author, by whatever it is called: a file that verifyEvidence() checks. Throws CHAIN_EVIDENCE_NONE, PEER_*. */
  async evidence(author: string, options: CallOptions = {}): Promise<Required<Conviction>> {
    const [conviction] = await this.#link.call('chainEvidence', { author }, options.signal)
    return conviction as Required<Conviction>
  }

  /** Hands in such a file: all nodes of the chain freeze whom it convicts. Throws CHAIN_EVIDENCE_INVALID, CHAIN_EVIDENCE_FOREIGN. */
  convict(evidence: string, options: CallOptions = {}): Promise<Conviction & { isNew: boolean }> {
    return this.#link.call('chainConvict', { evidence }, options.signal)
  }
}
