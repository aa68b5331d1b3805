import type { Connection, ConnectionGater, PeerId } from '@libp2p/interface'
import type { TransportManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import { TalosError } from '../../errors.ts'

interface DialerComponents {
  transportManager: TransportManager
  connectionGater: ConnectionGater
}

/**
 * Dials one address, now. libp2p's own dial queue tries the addresses of a peer one after the other and joins dials to the
 * same peer, so that one dead address costs its whole timeout before the next is tried; with this they can race.
 */
export class Dialer {
  readonly [Symbol.toStringTag] = '@talos/dialer'
  readonly #components: DialerComponents

  constructor(components: DialerComponents) {
    this.#components = components
  }

  /** A new connection to `address`; with `/p2p/<peer>` at its end, to that peer or none. */
  async dial(address: Multiaddr, peer: PeerId | undefined, signal: AbortSignal): Promise<Connection> {
    const gater = this.#components.connectionGater
    const isDenied =
      (peer !== undefined && (await gater.denyDialPeer?.(peer))) || (await gater.denyDialMultiaddr?.(address))
    if (isDenied) throw new TalosError('NETWORK_DIAL_DENIED', `dialling ${address} is not allowed here`)
    // a TCP socket obeys its signal for as long as it lives: the dial gets one that nobody aborts afterwards
    const dialling = new AbortController()
    const abort = (): void => dialling.abort(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await this.#components.transportManager.dial(address, { signal: dialling.signal })
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Listens on more addresses. Throws NETWORK_LISTEN_FAILED. */
  async listen(addresses: readonly Multiaddr[]): Promise<void> {
    const { transportManager } = this.#components
    const before = transportManager.getAddrs().length
    await transportManager.listen([...addresses])
    if (transportManager.getAddrs().length === before) {
      throw new TalosError('NETWORK_LISTEN_FAILED', `cannot listen on ${addresses.join(' or ')}`, {
        hint: 'Is it in use, or not an address of this machine?'
      })
    }
  }

  /** Addresses that this node listens on at this moment, whatever it announces. */
  listening(): Multiaddr[] {
    return this.#components.transportManager.getAddrs()
  }
}

export function dialer(): (components: DialerComponents) => Dialer {
  return components => new Dialer(components)
}
