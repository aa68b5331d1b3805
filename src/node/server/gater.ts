import type { ConnectionGater, PeerId } from '@libp2p/interface'
import { networkAddressOf } from '../../protocols/registry/index.ts'
import type { TalosNode } from '../network/create-node.ts'

export interface GaterLimits {
  /** Connections from one network address. */
  maxConnectionsPerAddress: number
  maxReservations: number
}

/**
 * Refuses what a server cannot hold: connections of one network address above their share, and reservations above the limit.
 * (libp2p itself refuses connections above maxConnections and those that come too fast.) The node exists only after its gater.
 */
export function serverGater(limits: GaterLimits, guarded: () => TalosNode | undefined): ConnectionGater {
  return {
    denyInboundConnection: ({ remoteAddr }) => {
      const address = networkAddressOf(remoteAddr)
      const connections = guarded()?.getConnections() ?? []
      const same = connections.filter(({ remoteAddr }) => networkAddressOf(remoteAddr) === address)
      return same.length >= limits.maxConnectionsPerAddress
    },
    denyInboundRelayReservation: (source: PeerId) => {
      const reservations = guarded()?.services.relay?.reservations
      // a refresh takes no new place
      return reservations !== undefined && !reservations.has(source) && reservations.size >= limits.maxReservations
    }
  }
}
