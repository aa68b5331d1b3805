import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { TalosError } from '../../errors.ts'
import type { TalosNode } from '../network/create-node.ts'
import { dialFirst } from '../network/race.ts'
import { type KnownServer, serverChanged } from '../server-book.ts'
import { parseServerAddress } from './server-address.ts'

/** A server takes this long to connect to at most, in milliseconds. */
const CONNECT_TIMEOUT = 8_000

/**
 * Connects to the server at an address that the user wrote. Whose identity it has is learnt from the handshake, so the caller
 * compares it with what it remembers. Throws REGISTRY_ADDRESS_INVALID, REGISTRY_UNREACHABLE, and REGISTRY_SERVER_CHANGED when
 * the address named another PeerId.
 */
export async function connectAt(node: TalosNode, text: string, signal?: AbortSignal): Promise<Connection> {
  const { addresses, peerId } = parseServerAddress(text)
  const connection = await dial(node, addresses, text, signal)
  const found = connection.remotePeer.toString()
  if (peerId === undefined || peerId === found) return connection
  await connection.close().catch(() => {})
  throw serverChanged(text, peerId, found)
}

/** Connects to a remembered server, or uses the connection that there is. Throws REGISTRY_UNREACHABLE, REGISTRY_SERVER_CHANGED. */
export async function connectKnown(node: TalosNode, server: KnownServer, signal?: AbortSignal): Promise<Connection> {
  const peer = peerIdFromString(server.peerId)
  const open = node.getConnections(peer).findLast(({ status, direct }) => status === 'open' && direct)
  if (open !== undefined) return open
  const addresses = server.addresses.map(text => multiaddr(text))
  const where = server.addresses[0] ?? server.peerId
  const connection = await dial(node, addresses, where, signal)
  if (connection.remotePeer.equals(peer)) return connection
  await connection.close().catch(() => {})
  throw serverChanged(where, server.peerId, connection.remotePeer.toString())
}

async function dial(node: TalosNode, addresses: Multiaddr[], where: string, outer?: AbortSignal): Promise<Connection> {
  const timeout = AbortSignal.timeout(CONNECT_TIMEOUT)
  try {
    // without a PeerId: a server that has changed its own must be told apart from one that is down
    return await dialFirst(
      node,
      addresses,
      undefined,
      outer === undefined ? timeout : AbortSignal.any([outer, timeout])
    )
  } catch (cause) {
    outer?.throwIfAborted()
    const why = timeout.aborted ? 'it does not answer' : (cause as Error).message
    throw new TalosError('REGISTRY_UNREACHABLE', `cannot reach the server at ${where}: ${why}`, {
      hint: 'Is it running (`talos server`), and does a firewall let its port through?',
      cause
    })
  }
}
