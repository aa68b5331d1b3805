import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { toHex } from '../../chain/bytes.ts'
import { chainOf } from '../../chain/params.ts'
import { didKeyOf } from '../../crypto/peer-key.ts'
import { isTalosError } from '../../errors.ts'
import type { Broadcasts } from '../../protocols/broadcast/index.ts'
import type { SessionStore } from '../../protocols/sessions/index.ts'
import type { AgentNode } from '../agent-node.ts'
import { resolveAt } from '../resolve-peer.ts'
import { Claims } from './claims.ts'
import { keepConnected } from './keep-connected.ts'
import { networkAt } from './network-at.ts'
import { NetworkChain, type NetworkChainComponents } from './network-chain.ts'
import type { Payloads } from './own-records.ts'

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
    {
      params,
      dataDir,
      identity,
      broadcasts,
      payloads: payloadsIn(node.store, chainOf(params).id),
      onConviction: (_, evidence) => onConviction(evidence)
    },
    components
  )
  try {
    await chain.start()
  } catch (error) {
    await chain.stop()
    throw error
  }
  const { admitted } = chain.status()
  if (admitted && params.kinds.includes('IDENTITY')) await introduce(chain, node)
  const mayClaim = admitted && params.kinds.includes('CHECKPOINT')
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

/** Everybody sees that this key is there from now on; what it is called, and which chain is its own, are for it to open. What cannot be written now is at the next start. */
async function introduce(chain: NetworkChain, { wallet, audit }: AgentNode): Promise<void> {
  try {
    await chain.introduce([
      { name: 'event', value: 'joined' },
      { name: 'peer', value: wallet.peerId },
      { name: 'did', value: didKeyOf(wallet.identity.publicKey) },
      { name: 'name', value: wallet.name },
      { name: 'chain', value: audit.chain.chain.id }
    ])
  } catch (error) {
    if (!isTalosError(error, 'CHAIN_WAITING_FULL') && !isTalosError(error, 'CHAIN_NOT_ADMITTED')) throw error
  }
}

/** In the sealed store of the agent. */
function payloadsIn(store: SessionStore, chainId: Uint8Array): Payloads {
  const keyOf = (id: Uint8Array): string => `network/${toHex(chainId.subarray(0, 8))}/${toHex(id)}`
  return {
    get: id => store.transact(transaction => transaction.get(keyOf(id))),
    put: (id, payload) => store.transact(async transaction => transaction.put(keyOf(id), payload)),
    delete: id => store.transact(async transaction => transaction.delete(keyOf(id)))
  }
}
