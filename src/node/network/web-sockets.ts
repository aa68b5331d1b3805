import {
  type Connection,
  type DialTransportOptions,
  type Listener,
  type Transport,
  transportSymbol
} from '@libp2p/interface'
import type { webSockets } from '@libp2p/websockets'
import type { Multiaddr } from '@multiformats/multiaddr'
import { WebSockets, WebSocketsSecure } from '@multiformats/multiaddr-matcher'

type Components = Parameters<ReturnType<typeof webSockets>>[0]

/**
 * The WebSockets of a node that listens on none: loaded with the first address that asks for it, since it brings Node's HTTP and
 * TLS, 30 ms of every start, and most addresses are of TCP.
 */
class WebSocketsOnDemand implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = '@libp2p/websockets'
  readonly #components: Components
  #transport: Promise<Transport> | undefined

  constructor(components: Components) {
    this.#components = components
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    this.#transport ??= import('@libp2p/websockets').then(({ webSockets }) => webSockets()(this.#components))
    return (await this.#transport).dial(address, options)
  }

  createListener(): Listener {
    throw new Error('this node listens nowhere')
  }

  listenFilter(): Multiaddr[] {
    return []
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(address => WebSockets.exactMatch(address) || WebSocketsSecure.exactMatch(address))
  }
}

export function webSocketsOnDemand(): (components: Components) => Transport {
  return components => new WebSocketsOnDemand(components)
}
