import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isTalosError } from '../../errors.ts'
import { listPeers } from '../address-book.ts'
import { type KnownServer, knownAt, listServers, rememberServer } from '../server-book.ts'
import { connectAt } from './connect-server.ts'
import { Directory, type RegistryNode } from './directory.ts'
import { parseServerAddress } from './server-address.ts'

export interface OpenDirectoryOptions {
  node: RegistryNode
  /** @default TALOS_DATA_DIR, else the platform's data directory */
  dataDir?: string
  /** Servers of the flags and the configuration, as users write them; used beside the remembered ones, and remembered. */
  servers?: readonly string[]
}

/**
 * The directory of a started node: the address book of its data directory and its servers. A server that is named for the
 * first time is connected to, to learn its identity; one that cannot be reached is left out while there are others. Throws
 * REGISTRY_ADDRESS_INVALID, REGISTRY_UNREACHABLE, REGISTRY_SERVER_CHANGED, STORAGE_*.
 */
export async function openDirectory(options: OpenDirectoryOptions, signal?: AbortSignal): Promise<Directory> {
  const { node } = options
  const location = options.dataDir === undefined ? {} : { dataDir: options.dataDir }
  const remembered = await listServers(location)
  const unreachable: unknown[] = []
  const named = await Promise.all(
    (options.servers ?? []).map(async text => {
      const known = findKnown(remembered, text)
      if (known !== undefined) return known
      try {
        const server = serverOf(await connectAt(node, text, signal))
        await rememberServer(server, location)
        return server
      } catch (error) {
        if (!isTalosError(error, 'REGISTRY_UNREACHABLE')) throw error
        unreachable.push(error)
        return undefined
      }
    })
  )
  const found = [...named.filter(server => server !== undefined), ...remembered]
  if (found.length === 0 && unreachable.length > 0) throw unreachable[0]
  const servers = new Map(found.map(server => [server.peerId, server]))
  return new Directory({ node, servers: [...servers.values()], peers: await listPeers(location) })
}

/** What to remember of the server at the other end of a connection. */
export function serverOf({ remotePeer, remoteAddr }: Connection): KnownServer {
  return { peerId: remotePeer.toString(), addresses: [withoutPeer(remoteAddr).toString()], lastSeen: Date.now() }
}

function findKnown(remembered: readonly KnownServer[], text: string): KnownServer | undefined {
  const { addresses, peerId } = parseServerAddress(text)
  const known = knownAt(remembered, addresses.map(String))
  // another PeerId than the remembered one: connecting finds out who is there
  return peerId === undefined || peerId === known?.peerId ? known : undefined
}

function withoutPeer(address: Multiaddr): Multiaddr {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' ? address.decapsulate(`/p2p/${last.value}`) : address
}
