import { resolve } from 'node:path'
import type { LightCheckpoint, LightRecord, LightStatus } from '../light/types.ts'
import type { NodeLink } from './node-link.ts'
import type { CallOptions } from './talos-client.ts'

export interface LightOptions extends CallOptions {
  /** The file of the network. @default chain.network of the configuration */
  network?: string
  /** Nodes to ask, besides those that are connected or configured: names, PeerIds, multiaddrs with /p2p/…. */
  peers?: readonly string[]
}

/** Shared chains by their headers: checked here, believed from nobody. All throw CHAIN_NO_NETWORK, CHAIN_NETWORK_*, LIGHT_STORE_DAMAGED. */
export class TalosLight {
  readonly #link: NodeLink

  constructor(link: NodeLink) {
    this.#link = link
  }

  status(options: LightOptions = {}): Promise<LightStatus> {
    return this.#link.call('lightStatus', network(options), options.signal)
  }

  /** Asks for headers and follows the chain with most work; `consent` to take back more than 100 blocks. Throws LIGHT_NO_PEER. */
  sync({ consent, ...options }: { consent?: boolean } & LightOptions = {}): Promise<LightStatus> {
    const params = { ...peersOf(options), ...(consent === undefined ? {} : { consent }) }
    return this.#link.call('lightSync', params, options.signal)
  }

  /** Has a record (64 hexadecimal digits) proved by a full node. Throws LIGHT_NOT_PROVED, LIGHT_NO_PEER. */
  proof(record: string, options: LightOptions = {}): Promise<LightRecord & { proof: string }> {
    return this.#link.call('lightProof', { ...peersOf(options), record }, options.signal)
  }

  /**
   * The newest state of somebody's own chain (`talos/…`, or 64 hexadecimal digits) that enough witnesses of a policy file signed. It never goes back.
   * Throws LIGHT_NOT_WITNESSED, LIGHT_TWO_HISTORIES, CHAIN_POLICY_INVALID, WITNESS_POLICY_MISSING.
   */
  checkpoint(chain: string, { policy, signal }: { policy?: string } & CallOptions = {}): Promise<LightCheckpoint> {
    const params = { chain, ...(policy === undefined ? {} : { policy: resolve(policy) }) }
    return this.#link.call('lightCheckpoint', params, signal)
  }

  /** Checks a proof with the headers that are here. Throws CHAIN_PROOF_INVALID, LIGHT_BEHIND, LIGHT_REORGANISED. */
  verify(proof: string, options: LightOptions = {}): Promise<LightRecord> {
    return this.#link.call('lightVerify', { ...network(options), proof }, options.signal)
  }
}

const network = ({ network: file }: LightOptions): { network?: string } =>
  file === undefined ? {} : { network: resolve(file) }

const peersOf = (options: LightOptions): { network?: string; peers?: string[] } => ({
  ...network(options),
  ...(options.peers === undefined ? {} : { peers: [...options.peers] })
})
