import type { PeerId } from '@libp2p/interface'
import type { ChainParams } from '../../src/chain/params.ts'
import { crypto } from '../../src/crypto/index.ts'
import { NetworkChain, type NetworkChainComponents, type NetworkChainInit } from '../../src/node/chain/network-chain.ts'
import { type Broadcasts, broadcasts } from '../../src/protocols/broadcast/index.ts'
import { startNode } from './nodes.ts'
import { authors } from './shared-chain.ts'

/** A libp2p node that can keep a chain, with the identity of an author by its number. `allowed` are whom it is connected to. */
export async function chainPeer(number: number, port = 0) {
  let components: NetworkChainComponents | undefined
  let allowed: ReadonlySet<string> | undefined
  const isCut = (peer: PeerId): boolean => allowed?.has(peer.toString()) === false
  const libp2p = await startNode<{ broadcasts: Broadcasts }>({
    role: 'agent',
    seed: new Uint8Array(32).fill(number + 1),
    listen: [`/ip4/127.0.0.1/tcp/${port}`],
    limits: { inboundConnectionThreshold: 1_000 },
    gater: { denyDialPeer: isCut, denyInboundEncryptedConnection: isCut },
    services: {
      broadcasts: (own: Parameters<ReturnType<typeof broadcasts>>[0] & NetworkChainComponents) => {
        components = own
        return broadcasts({ crypto, identity: authors[number]! })(own)
      }
    } as never
  })
  return {
    libp2p,
    peerId: libp2p.peerId.toString(),
    identity: authors[number]!,
    /** Ends all other connections, and takes no other. Undefined: everybody may. */
    allow(peers: readonly string[] | undefined): void {
      allowed = peers && new Set(peers)
      for (const connection of libp2p.getConnections()) {
        if (isCut(connection.remotePeer)) connection.abort(new Error('cut'))
      }
    },
    open: (params: ChainParams, dataDir: string, init: Partial<NetworkChainInit> = {}): Promise<NetworkChain> =>
      NetworkChain.open(
        { params, dataDir, identity: authors[number]!, broadcasts: libp2p.services.broadcasts, ...init },
        components!
      )
  }
}

export type ChainPeer = Awaited<ReturnType<typeof chainPeer>>
