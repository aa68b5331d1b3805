import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import { type Identify, identify } from '@libp2p/identify'
import { type Connection, type ConnectionGater, FaultTolerance, type Libp2p, type ServiceMap } from '@libp2p/interface'
import type { KadDHT, KadDHTInit } from '@libp2p/kad-dht'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type ServiceFactoryMap } from 'libp2p'
import { type Dialer, dialer } from './dialer.ts'
import { type HashTableOnDemand, hashTableOnDemand } from './hash-table.ts'
import { AGENT_LIMITS, MAX_STREAM_WINDOW, type NetworkLimits, SERVER_LIMITS } from './limits.ts'
import { noise } from './noise.ts'
import { seekingOtherWay } from './other-way.ts'
import { relayServer } from './relay-server.ts'
import { relayTransport } from './relay-transport.ts'
import { type NodeSigner, privateKeyOf } from './signer.ts'
import { webSocketsOnDemand } from './web-sockets.ts'
import { yamux } from './yamux.ts'

/** Talos nodes form a Kademlia network of their own. */
export const KAD_PROTOCOL = '/talos/kad/1.0.0'

/** Milliseconds. */
const IDENTIFY_DELAY = 1_000

export interface NodeInit<S extends ServiceMap = Record<never, never>> {
  /** The identity: libp2p's key and the agent's signing key are the same. */
  signer: NodeSigner
  /**
   * `client` dials and listens nowhere (a command that uses another's service); `agent` listens and keeps a reservation with
   * a relay that it knows; `server` is a bootstrap node: listens, relays and keeps the Kademlia tables.
   */
  role: 'client' | 'agent' | 'server'
  /** Multiaddrs to listen on. A relayed address is added for the role `agent`. @default [] */
  listen?: string[]
  /** Multiaddrs to tell others instead of those found out, for a server behind a port mapping. */
  announce?: string[]
  limits?: Partial<NetworkLimits>
  gater?: ConnectionGater
  /** Told of bytes that a server relays, as they pass. */
  onRelayed?: (bytes: number) => void
  /** Talos's own protocols, listed as libp2p services. */
  services?: ServiceFactoryMap<S>
  version: string
}

/** `relay` is there in the role `server`. */
export type CoreServices = {
  identify: Identify
  ping: Ping
  dht: KadDHT | HashTableOnDemand
  dialer: Dialer
  relay?: CircuitRelayService
}
export type TalosNode<S extends ServiceMap = Record<never, never>> = Libp2p<CoreServices & S>

/**
 * A libp2p node with what Talos needs changed of the defaults; each change has its reason beside it. Not started: start() it
 * when its storage is ready.
 */
export async function createNode<S extends ServiceMap = Record<never, never>>(
  init: NodeInit<S>
): Promise<TalosNode<S>> {
  const isServer = init.role === 'server'
  const hashTable: KadDHTInit = {
    protocol: KAD_PROTOCOL,
    clientMode: init.role === 'client',
    // the default mapper drops private addresses, which leaves a network that is not on the Internet empty
    peerInfoMapper: peer => peer,
    allowQueryWithZeroPeers: true,
    initialQuerySelfInterval: 500
  }
  const limits = { ...(isServer ? SERVER_LIMITS : AGENT_LIMITS), ...init.limits }
  const listen = [...(init.listen ?? [])]
  // the bare form finds any relay that the node keeps alive, and finds it again after a restart of the relay; a static
  // relay address never recovers (js-libp2p #3601)
  if (init.role === 'agent') listen.push('/p2p-circuit')

  const node = (await createLibp2p({
    start: false,
    privateKey: privateKeyOf(init.signer),
    nodeInfo: { name: 'talos', version: init.version },
    addresses: { listen, ...(init.announce === undefined ? {} : { announce: init.announce }) },
    transports: [
      seekingOtherWay(tcp()),
      seekingOtherWay(
        init.role === 'client' ? webSocketsOnDemand() : (await import('@libp2p/websockets')).webSockets()
      ),
      relayTransport()
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW } })],
    connectionManager: {
      maxConnections: limits.maxConnections,
      inboundConnectionThreshold: limits.inboundConnectionThreshold,
      maxIncomingPendingConnections: limits.maxIncomingPendingConnections
    },
    // by default one late ping aborts a connection with everything on it; protocols that care have their own heartbeat
    connectionMonitor: { abortConnectionOnPingFailure: false },
    // a relay that is down must not keep a node from starting
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionGater: init.gater ?? {},
    services: {
      identify: identify({ runOnConnectionOpen: isServer }),
      ping: ping(),
      dialer: dialer(),
      dht: init.role === 'client' ? hashTableOnDemand(hashTable) : (await import('@libp2p/kad-dht')).kadDHT(hashTable),
      ...(isServer
        ? {
            relay: relayServer(
              {
                // libp2p's defaults (128 KiB and 2 minutes a connection) end a tunnel after some hundred calls
                reservations: { maxReservations: limits.maxReservations, applyDefaultLimit: false },
                maxInboundHopStreams: limits.maxConnections,
                maxOutboundStopStreams: limits.maxConnections
              },
              init.onRelayed ?? (() => {})
            )
          }
        : {}),
      ...init.services
    } as unknown as ServiceFactoryMap
  })) as unknown as TalosNode<S>
  if (init.role === 'agent') identifyInTime(node)
  return node
}

/**
 * Asks those whom an agent has dialled at once who they are, since they may be relays and parts of the hash table; those who
 * have dialled it, when they have been served: they wait for that.
 */
function identifyInTime(node: TalosNode): void {
  node.addEventListener('connection:open', ({ detail: connection }: CustomEvent<Connection>) => {
    const ask = (): void => void node.services.identify.identify(connection).catch(() => {})
    if (connection.direction === 'outbound') return ask()
    const timer = setTimeout(ask, IDENTIFY_DELAY).unref()
    connection.addEventListener('close', () => clearTimeout(timer), { once: true })
  })
}
