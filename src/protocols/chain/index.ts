/**
 * `/talos/chain/1.0.0`: chains that many share, asked for by whoever follows them: status, headers, blocks, proofs, records that wait.
 * What comes is checked by whoever asked; nothing here judges it. Wire form: docs/spec/chain-sync.md.
 *
 * @example
 * const server = await createNode({ …, services: { chain: chainServer({ source: id => chains.get(toHex(id)) }) } })
 * const link = await ChainLink.open(connection, chainId, signal)
 * const { headers } = await link.headers([genesisHash], signal)
 */
import { ChainServer, type ChainServerComponents, type ChainServerInit } from './server.ts'

export { CHAIN_PROTOCOL } from './constants.ts'
export { ChainLink, retryAfterOf, type WantedBlock } from './link.ts'
export type { ChainServer, ChainServerComponents } from './server.ts'
export type { ChainSource, ChainStatus } from './types.ts'

export function chainServer(init: ChainServerInit): (components: ChainServerComponents) => ChainServer {
  return components => new ChainServer(components, init)
}
