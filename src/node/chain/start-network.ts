import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Broadcasts } from '../../protocols/broadcast/index.ts'
import type { AgentNode } from '../agent-node.ts'
import { resolveAt } from '../resolve-peer.ts'
import { Claims } from './claims.ts'
import { keepConnected } from './keep-connected.ts'
import { networkAt } from './network-at.ts'
import { NetworkChain, type NetworkChainComponents } from './network-chain.ts'

/** How often the state of the own chain is claimed. Seconds. */
const CHECKPOINT_EVERY = 600

/** Runs the shared chain that the configuration names, at the node of an agent. `onConviction` gets evidence against an author. Throws CHAIN_NETWORK_*, CHAIN_STORE_NEWER, STORAGE_*. */
export async function startNetwork(
  node: AgentNode,
  components: NetworkChainComponents,
  broadcasts: Broadcasts,
  onConviction: (evidence: Uint8Array) => void
): Promise<{ chain: NetworkChain; claims: Claims; stop(): Promise<void> }> {
  const { network, peers, checkpointEvery = CHECKPOINT_EVERY } = node.config.chain
  const params = await networkAt(node.dataDir, network!)
  const { identity } = node.wallet
  const { dataDir } = node
  const chain = await NetworkChain.open(
    { params, dataDir, identity, broadcasts, onConviction: (_, evidence) => onConviction(evidence) },
    components
  )
  try {
    await chain.start()
  } catch (error) {
    await chain.stop()
    throw error
  }
  const mayClaim = chain.status().admitted && params.kinds.includes('CHECKPOINT')
  const claims = new Claims(node.audit.chain, chain, mayClaim ? checkpointEvery * 1_000 : 0)
  const connections = keepConnected(peers, async (reference, signal) => {
    const address = /^(\/.+)\/p2p\/([^/]+)$/.exec(reference)
    const peer: PeerId = address ? peerIdFromString(address[2]!) : await resolveAt(node, reference, signal)
    return node.connect(peer, signal, address ? [reference] : [])
  })
  return {
    chain,
    claims,
    async stop() {
      connections.stop()
      // the others have it when they are there; it waits on disk when they are not
      if (mayClaim) await claims.close().catch(() => {})
      await chain.stop()
    }
  }
}
