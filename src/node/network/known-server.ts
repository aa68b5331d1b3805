import type { PeerId } from '@libp2p/interface'
import { KEEP_ALIVE } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { TalosNode } from './create-node.ts'

/**
 * Makes the node keep a connection to a bootstrap server, and a reservation with it if the node listens on relays: libp2p
 * dials a peer with this tag again when the connection is lost.
 */
export async function keepServer(node: TalosNode, server: PeerId, addresses: Multiaddr[]): Promise<void> {
  await node.peerStore.merge(server, {
    multiaddrs: addresses,
    tags: { [`${KEEP_ALIVE}-talos-server`]: { value: 100 } }
  })
}
