import type { ConnectionGater, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { networkAddressOf } from '../../protocols/limits/index.ts'
import type { TalosNode } from '../network/create-node.ts'
import type { ServerLimits } from '../network/limits.ts'

/**
 * Refuses what a server cannot hold: connections of one network address above their share, and reservations above the limit.
 * (libp2p itself refuses connections above maxConnections and those that come too fast.) The node exists only after its gater.
 */
export function serverGater(
  limits: Pick<ServerLimits, 'maxConnectionsPerAddress' | 'maxReservations'>,
  guarded: () => TalosNode | undefined
): ConnectionGater {
  // looked at for every connection that comes in
  const addresses = new WeakMap<Multiaddr, string>()
  const addressOf = (multiaddr: Multiaddr): string => {
    const address = addresses.get(multiaddr) ?? networkAddressOf(multiaddr)
    addresses.set(multiaddr, address)
    return address
  }
  return {
    denyInboundConnection: ({ remoteAddr }) => {
      const address = addressOf(remoteAddr)
      const connections = guarded()?.getConnections() ?? []
      const same = connections.filter(({ remoteAddr }) => addressOf(remoteAddr) === address)
      return same.length >= limits.maxConnectionsPerAddress
    },
    denyInboundRelayReservation: (source: PeerId) => {
      const reservations = guarded()?.services.relay?.reservations
      // a refresh takes no new place
      return reservations !== undefined && !reservations.has(source) && reservations.size >= limits.maxReservations
    }
  }
}
