import type { Identify } from '@libp2p/identify'
import {
  type PeerId,
  type PeerInfo,
  type PeerRouting,
  peerRoutingSymbol,
  type RoutingOptions,
  type Startable,
  start,
  stop
} from '@libp2p/interface'
import type { KadDHT, KadDHTComponents, KadDHTInit } from '@libp2p/kad-dht'

type Components = KadDHTComponents & { identify: Identify }

/**
 * The hash table of a node that only asks, which it seldom does: when neither its address book nor a server knows a peer. It
 * is loaded and joined with the first question. Knowing which connections lead to nodes that take part is all that such a
 * node needs `identify` for, so that is asked then, too.
 */
export class HashTableOnDemand implements Startable {
  readonly [Symbol.toStringTag] = '@talos/hash-table'
  readonly #components: Components
  readonly #init: KadDHTInit
  #table: Promise<KadDHT> | undefined

  constructor(components: Components, init: KadDHTInit) {
    this.#components = components
    this.#init = init
  }

  get [peerRoutingSymbol](): Partial<PeerRouting> {
    return { findPeer: (peer, options) => this.#findPeer(peer, options) }
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    const table = this.#table
    this.#table = undefined
    if (table !== undefined) await stop(await table)
  }

  async #findPeer(peer: PeerId, options?: RoutingOptions): Promise<PeerInfo> {
    this.#table ??= this.#join()
    const routing = (await this.#table) as unknown as { [peerRoutingSymbol]: PeerRouting }
    return routing[peerRoutingSymbol].findPeer(peer, options)
  }

  async #join(): Promise<KadDHT> {
    const { kadDHT } = await import('@libp2p/kad-dht')
    const table = kadDHT(this.#init)(this.#components) as KadDHT
    await start(table)
    const { connectionManager, identify } = this.#components
    await Promise.allSettled(connectionManager.getConnections().map(connection => identify.identify(connection)))
    return table
  }
}

export function hashTableOnDemand(init: KadDHTInit): (components: Components) => HashTableOnDemand {
  return components => new HashTableOnDemand(components, init)
}
