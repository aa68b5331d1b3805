/**
 * `/talos/witness/1.0.0`: a third party signs that a chain only grew, and remembers it. Semantics of c2sp.org/tlog-witness; wire form:
 * docs/spec/witness.md.
 */
import { WitnessServer, type WitnessServerComponents, type WitnessServerInit } from './server.ts'

export { addCheckpoint, latestCheckpoint } from './client.ts'
export { WITNESS_PROTOCOL } from './constants.ts'
export type { WitnessServer } from './server.ts'

export function witnessServer(init: WitnessServerInit): (components: WitnessServerComponents) => WitnessServer {
  return components => new WitnessServer(components, init)
}
