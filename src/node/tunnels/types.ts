import type { CallRecord } from '../../protocols/mcp/records/call-record.ts'
import type { OpenStream, TunnelConnection } from '../../protocols/mcp/tunnel/client.ts'
import type { HostedTunnels } from '../../protocols/mcp/tunnel/hosted.ts'

/** The host of a tool, as resolve() has found it. */
export interface TunnelTarget {
  peerId: string
  /** Known ones; more are asked for when it is dialled. */
  addresses: string[]
}

export interface TunnelOffering {
  services: readonly string[]
  /** PeerIds. */
  authorizedPeers: readonly string[]
  tunnels: HostedTunnels
}

/** Where the node can be reached, when the offer was made. */
export interface OfferedAt {
  /** Multiaddrs that others are told. */
  addresses: string[]
  /** Multiaddrs that the node listens on, whatever it announces. */
  listening: string[]
}

/** What a command's flags say of the node that it uses, which may run already. */
export interface NodeWishes {
  /** Bootstrap servers to know besides. */
  servers?: readonly string[]
  /** Multiaddrs to listen on besides. */
  listen?: readonly string[]
}

/** The tunnels of the node of a data directory, in this process or another. All throw NODE_GONE when it ends meanwhile. */
export interface NodeTunnels {
  /** Throws CONFIG_INVALID, REGISTRY_*, NETWORK_LISTEN_FAILED. */
  prepare(wishes: NodeWishes, signal?: AbortSignal): Promise<void>
  /** Throws PEER_UNKNOWN, PEER_AMBIGUOUS, REGISTRY_*. */
  resolve(peer: string, signal: AbortSignal): Promise<TunnelTarget>
  /** Opens streams over the best connection there is; `over` it, if that is given. */
  opener(target: TunnelTarget, over?: TunnelConnection): OpenStream
  /** A new direct connection, beside the relayed one. Throws NETWORK_PEER_UNREACHABLE. */
  dialDirect(target: TunnelTarget, signal: AbortSignal): Promise<TunnelConnection>
  /** Offers services for as long as this process and the node live. Throws TUNNEL_SERVICE_TAKEN. */
  offer(offering: TunnelOffering): Promise<OfferedAt>
  /** Resolves when they are in the node's chain, all of them. `isRepeated`: they may be already. Throws STORAGE_*, CHAIN_*. */
  record(records: readonly CallRecord[], isRepeated: boolean): Promise<void>
}
