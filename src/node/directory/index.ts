import type { SessionSummary } from '../../protocols/sessions/index.ts'
import type { OpenWalletOptions, WalletSummary } from '../wallet/index.ts'

/*
 * The SDK's door to registries and peers. Each function loads libp2p when it is called, starts a node for as long as it
 * takes, and stops it. Programs with a node of their own use openDirectory(), dialPeer() and keepRegistered().
 */

export interface NetworkOptions {
  /** @default TALOS_DATA_DIR, else the platform's data directory */
  dataDir?: string
  /** Servers beside the remembered ones: host:port or multiaddrs. */
  servers?: readonly string[]
  signal?: AbortSignal
}

export interface RegisterOptions extends NetworkOptions, Omit<OpenWalletOptions, 'dataDir'> {
  /** Where: host:port or a multiaddr. @default every remembered and configured server */
  server?: string
  /** @default the name used there before, else the wallet's */
  name?: string
  /** Take a server whose identity has changed for the one that was known. @default false */
  acceptNewIdentity?: boolean
}

export interface RegisterReport {
  /** The server's PeerId. */
  server: string
  address: string
  name: string
  /** Milliseconds since the epoch. */
  expiresAt: number
  heldUntil: number
  /** True the first time: the server's identity was taken on trust, unless the address named it. */
  isNew: boolean
}

export interface PingOptions extends NetworkOptions {
  /** @default 1 */
  count?: number
  onRoundTrip?: (milliseconds: number) => void
}

export interface PingReport {
  peerId: string
  name?: string
  /** The multiaddr of the connection. */
  address: string
  /** False for a connection through a relay. */
  direct: boolean
  /** Milliseconds to find the peer and connect. */
  connectTime: number
  /** Milliseconds each. */
  roundTrips: number[]
}

export interface FoundPeer {
  name: string
  peerId: string
  addresses: string[]
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** PeerId of the server that has it. */
  server: string
}

export interface FoundPeers {
  peers: FoundPeer[]
  /** Servers that could not be asked. */
  unreachable: Array<{ server: string; code: string; message: string }>
}

export interface ServerStatus {
  peerId: string
  addresses: string[]
  reachable: boolean
  /** Milliseconds. */
  roundTrip?: number
  /** What this agent has registered there. */
  registered?: { name: string; expiresAt: number; addresses: string[] }
  error?: { code: string; message: string }
}

export interface PeerStatus {
  name: string
  peerId: string
  reachable: boolean
  direct?: boolean
  /** Milliseconds. */
  roundTrip?: number
  error?: { code: string; message: string }
}

export interface NodeStatus {
  /** Undefined when the data directory holds no wallet. */
  identity: WalletSummary | undefined
  dataDir: string
  servers: ServerStatus[]
  /** The peers of the address book. */
  peers: PeerStatus[]
  /** The sessions on disk. Missing when the wallet is sealed and no passphrase is given by the environment. */
  sessions?: SessionSummary[]
}

/**
 * Registers the wallet's identity under a name, and remembers the server. Addresses that a running node of the same identity
 * has registered are kept. Throws REGISTRY_*, WALLET_*, STORAGE_*, CONFIG_INVALID.
 */
export async function register(options: RegisterOptions = {}): Promise<RegisterReport[]> {
  return (await import('./operations.ts')).register(options)
}

/** Reaches a peer and measures. Throws PEER_UNKNOWN, PEER_AMBIGUOUS, NETWORK_PEER_UNREACHABLE, NETWORK_PING_FAILED, REGISTRY_*. */
export async function ping(reference: string, options: PingOptions = {}): Promise<PingReport> {
  return (await import('./operations.ts')).ping(reference, options)
}

/**
 * The registered peers whose name, PeerId, did:key or hex key begins with `prefix` (up to 16 of each server), or all. Throws
 * REGISTRY_NONE, and the error of a server when none could be asked.
 */
export async function findPeers(prefix?: string, options: NetworkOptions = {}): Promise<FoundPeers> {
  return (await import('./operations.ts')).findPeers(prefix, options)
}

/** The identity of a data directory, and which servers and peers can be reached from here. Needs no passphrase. */
export async function status(options: NetworkOptions = {}): Promise<NodeStatus> {
  return (await import('./operations.ts')).status(options)
}
