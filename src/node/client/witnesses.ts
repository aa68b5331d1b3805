import type { WitnessReport } from '../witness/types.ts'
import type { NodeLink } from './node-link.ts'
import type { CallOptions } from './talos-client.ts'

/** The witnesses of the agent's audit chain: those that its policy file names. All throw CHAIN_POLICY_INVALID, WITNESS_POLICY_MISSING. */
export class TalosWitnesses {
  readonly #link: NodeLink

  constructor(link: NodeLink) {
    this.#link = link
  }

  /** How far they have signed, as far as is known here. */
  report(options: CallOptions = {}): Promise<WitnessReport> {
    return this.#link.call('witnesses', {}, options.signal)
  }

  /** The same, after each was asked what it remembers: what is wrong is in `trouble`. */
  check(options: CallOptions = {}): Promise<WitnessReport> {
    return this.#link.call('witnesses', { ask: true }, options.signal)
  }

  /**
   * Has the chain signed as it is now, without waiting for the next interval; with `anchor` the signatures are recorded in the chain itself,
   * where `talos audit verify --level PARANOID` checks them.
   */
  submit({ anchor, signal }: { anchor?: boolean } & CallOptions = {}): Promise<WitnessReport> {
    return this.#link.call('submitToWitnesses', anchor === undefined ? {} : { anchor }, signal)
  }
}
