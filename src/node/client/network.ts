import type { ClaimReport, Conviction, NetworkBlock, NetworkRecord, NetworkStatus } from '../chain/types.ts'
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
