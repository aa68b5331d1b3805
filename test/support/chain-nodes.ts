import { onTestFinished } from 'vitest'
import type { ChainParams } from '../../src/chain/params.ts'
import type { NetworkChainInit } from '../../src/node/chain/network-chain.ts'
import { type ChainPeer, chainPeer } from './chain-node.ts'
import { eventually } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A node of a network in this process, with the chain on disk. */
export async function chainNode(number: number, params: ChainParams, init: Partial<NetworkChainInit> = {}) {
  const peer = await chainPeer(number)
  const dataDir = temporaryFolder()
  const node = {
    ...peer,
    dataDir,
    network: await peer.open(params, dataDir, init),
    dial: async (other: Pick<ChainPeer, 'libp2p'>) => peer.libp2p.dial(other.libp2p.getMultiaddrs()),
    tip: () => node.network.status().tip,
    height: () => node.network.shared.tip.height,
    faultsOf: (other: Pick<ChainPeer, 'peerId'>) => peer.libp2p.services.broadcasts.faultsOf(other.peerId),
    restart: async () => {
      await node.network.stop()
      node.network = await peer.open(params, dataDir, init)
      await node.network.start()
    }
  }
  await node.network.start()
  onTestFinished(async () => {
    await node.network.stop()
    await peer.libp2p.stop()
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
