import { multiaddr } from '@multiformats/multiaddr'
import { onTestFinished } from 'vitest'
import type { ChainParams } from '../../src/chain/params.ts'
import { crypto } from '../../src/crypto/index.ts'
import { NetworkChain, type NetworkChainComponents, type NetworkChainInit } from '../../src/node/chain/network-chain.ts'
import { type Broadcasts, broadcasts } from '../../src/protocols/broadcast/index.ts'
import { startNode } from './nodes.ts'
import { eventually } from './processes.ts'
import { authors } from './shared-chain.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A node of a network in this process, with the chain on disk. */
export async function chainNode(number: number, params: ChainParams, init: Partial<NetworkChainInit> = {}) {
  let components: NetworkChainComponents | undefined
  const identity = authors[number]!
  const libp2p = await startNode<{ broadcasts: Broadcasts }>({
    role: 'agent',
    seed: new Uint8Array(32).fill(number + 1),
    limits: { inboundConnectionThreshold: 1_000 },
    services: {
      broadcasts: (own: Parameters<ReturnType<typeof broadcasts>>[0] & NetworkChainComponents) => {
        components = own
        return broadcasts({ crypto, identity })(own)
      }
    } as never
  })
  const dataDir = temporaryFolder()
  const open = () =>
    NetworkChain.open({ params, dataDir, identity, broadcasts: libp2p.services.broadcasts, ...init }, components!)
  const node = {
    libp2p,
    peerId: libp2p.peerId.toString(),
    network: await open(),
    identity,
    dataDir,
    dial: async (other: { libp2p: typeof libp2p }) =>
      libp2p.dial(other.libp2p.getMultiaddrs().map(a => multiaddr(a.toString()))),
    tip: () => node.network.status().tip,
    height: () => node.network.shared.tip.height,
    restart: async () => {
      await node.network.stop()
      node.network = await open()
      await node.network.start()
    }
  }
  await node.network.start()
  onTestFinished(async () => {
    await node.network.stop()
    await libp2p.stop()
  })
  return node
}

export type ChainNode = Awaited<ReturnType<typeof chainNode>>

/** Resolves when all have the same chain, and nothing waits anywhere. */
export const agreed = (nodes: readonly ChainNode[], ms = 20_000): Promise<void> =>
  eventually(
    () =>
      new Set(nodes.map(({ tip }) => tip())).size === 1 &&
      nodes.every(({ network }) => network.shared.mempool.size === 0),
    ms
  )
