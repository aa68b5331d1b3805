import type { SessionSummary } from '../../protocols/sessions/index.ts'
import type { OpenWalletOptions, WalletSummary } from '../wallet/index.ts'
import type { WitnessReport } from '../witness/types.ts'

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

export interface ServerFailure {
  /** The server's PeerId. */
  server: string
  code: string
  message: string
}

export interface RegisterReport {
  registrations: RegistrationReport[]
  /** Known servers that could not be registered with, when others could. */
  failed: ServerFailure[]
}

export interface RegistrationReport {
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
  /** True when there are more than are listed. */
  more: boolean
  /** Servers that could not be asked. */
  failed: ServerFailure[]
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

/** An open connection of the node. */
export interface ConnectionReport {
  peerId: string
  /** Of the address book. */
  name?: string
  /** Multiaddr. */
  address: string
  /** False for a connection through a relay. */
  direct: boolean
  /** Milliseconds since the epoch. */
  since: number
  /** Of the streams that are open. */
  protocols: string[]
  /** Of a ping over this connection, in milliseconds. Missing when it was not answered within 2 s. */
  roundTrip?: number
}

/** The node of a data directory that runs. */
export interface RunningNode {
  pid: number
  version: string
  /** A `client` serves one command and ends with it; an `agent` stays, listens and is registered. */
  role: 'client' | 'agent' | 'daemon'
  /** Milliseconds since the epoch. */
  startedAt: number
  /** Multiaddrs that others are told. */
  addresses: string[]
  connections: ConnectionReport[]
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
  /** How far the audit chain is. Missing when there is none yet, or as for the sessions. */
  chain?: {
    /** Of its last block. */
    height: number
    records: number
    /** Of these, how many have no block yet. */
    pending: number
    /** The chain that the running node shares with others, if it does. */
    network?: { name: string; height: number; peers: number }
  }
  /** How far others have seen the audit chain. Missing when there is none yet, or as for the sessions. */
  witness?: WitnessReport
  /** Missing when no node runs. */
  node?: RunningNode
}
