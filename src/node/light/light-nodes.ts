import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { toHex } from '../../chain/bytes.ts'
import { chainOf } from '../../chain/params.ts'
import { TalosError } from '../../errors.ts'
import type { AgentNode } from '../agent-node.ts'
import { networkAt } from '../chain/network-at.ts'
import { connectKnown } from '../directory/connect-server.ts'
import { resolveAt } from '../resolve-peer.ts'
import { LightNode } from './light-node.ts'

/** How often a node whose role is `light` asks for headers. Milliseconds. */
const INTERVAL = 10_000
/** How long a peer may take to be reached. Milliseconds. */
const CONNECT_TIMEOUT = 10_000

/** The light clients of a node, one for each network, opened when they are first asked for. */
export class LightNodes {
  readonly #node: AgentNode
  readonly #open = new Map<string, Promise<LightNode>>()
  /** Peers that commands named, besides those of the configuration. */
  readonly #named = new Set<string>()

  constructor(node: AgentNode) {
    this.#node = node
  }

  /** Follows the network of the configuration as long as the node runs, when its role is `light`. Throws as of(). */
  async start(): Promise<void> {
    const { node, chain } = this.#node.config
    if (node.role === 'light' && chain.network !== undefined) (await this.of()).start(INTERVAL)
  }

  async stop(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values())
    for (const node of opened) if (node.status === 'fulfilled') await node.value.stop()
  }

  /**
   * The light client of a network file, by default that of the configuration; `peers` are asked besides. Throws CHAIN_NO_NETWORK, CHAIN_NETWORK_*,
   * LIGHT_STORE_DAMAGED, STORAGE_*.
   */
  async of(file = this.#node.config.chain.network, peers: readonly string[] = []): Promise<LightNode> {
    if (file === undefined) {
      throw new TalosError('CHAIN_NO_NETWORK', 'no network is named', {
        hint: 'Name its file: --network, or chain.network in the configuration.'
      })
    }
    for (const peer of peers) this.#named.add(peer)
    const params = await networkAt(this.#node.dataDir, file)
    const id = toHex(chainOf(params).id)
    const { dataDir } = this.#node
    const opening = this.#open.get(id) ?? LightNode.open({ params, dataDir, peers: signal => this.#peers(signal) })
    this.#open.set(id, opening)
    opening.catch(() => this.#open.delete(id))
    return opening
  }

  /** Whoever is connected, and whom the configuration and commands name, and the servers. */
  async #peers(outer: AbortSignal): Promise<Connection[]> {
    const signal = AbortSignal.any([outer, AbortSignal.timeout(CONNECT_TIMEOUT)])
    const { libp2p, config } = this.#node
    const directory = await this.#node.directory(signal)
    const named = [...new Set([...config.chain.peers, ...this.#named])]
    const found = await Promise.allSettled([
      ...named.map(reference => this.#connect(reference, signal)),
      ...directory.servers.map(server => connectKnown(libp2p, server, signal))
    ])
    outer.throwIfAborted()
    const connections = found.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    const byPeer = new Map<string, Connection>()
    for (const connection of [...libp2p.getConnections(), ...connections]) {
      byPeer.set(connection.remotePeer.toString(), connection)
    }
    return [...byPeer.values()]
  }

  async #connect(reference: string, signal: AbortSignal): Promise<Connection> {
    const address = /^(\/.+)\/p2p\/([^/]+)$/.exec(reference)
    const peer = address ? peerIdFromString(address[2]!) : await resolveAt(this.#node, reference, signal)
    return this.#node.connect(peer, signal, address ? [reference] : [])
  }
}
