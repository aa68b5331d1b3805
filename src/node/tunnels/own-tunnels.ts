import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { crypto } from '../../crypto/index.ts'
import type { CallRecord } from '../../protocols/mcp/records/call-record.ts'
import type { TunnelChannel } from '../../protocols/mcp/tunnel/channel.ts'
import type { OpenRequest, TunnelConnection, TunnelStream } from '../../protocols/mcp/tunnel/client.ts'
import { dialTunnel, leaveConnection, tunnelConnection } from '../../protocols/mcp/tunnel/dial.ts'
import type { TunnelOffer } from '../../protocols/mcp/tunnel/host.ts'
import { streamSessions } from '../../protocols/sessions/index.ts'
import type { AgentNode } from '../agent-node.ts'
import { recordCalls } from '../audit/call-entries.ts'
import { dialDirect } from '../directory/dial-peer.ts'
import { rememberOffer } from './awaited.ts'
import type { NodeTunnels, NodeWishes, OfferedAt, TunnelOffering, TunnelTarget } from './types.ts'

/** The tunnels of the node in this process. */
export class OwnTunnels implements NodeTunnels {
  readonly #node: AgentNode
  readonly #streams = streamSessions(crypto)

  constructor(node: AgentNode) {
    this.#node = node
  }

  async prepare({ servers = [], listen = [] }: NodeWishes, signal?: AbortSignal): Promise<void> {
    if (listen.length > 0) await this.#node.listen(listen)
    if (servers.length > 0) await this.#node.know(servers, signal)
  }

  async resolve(peer: string, signal: AbortSignal): Promise<TunnelTarget> {
    const directory = await this.#node.directory(signal)
    const { peerId, addresses } = await directory.resolve(peer, { signal })
    return { peerId, addresses: [...(addresses ?? [])] }
  }

  opener(target: TunnelTarget, over?: TunnelConnection) {
    return (request: OpenRequest, signal: AbortSignal) => this.open(target, request, signal, over?.id)
  }

  /** @param over the id of the connection to use */
  open(
    target: TunnelTarget,
    request: OpenRequest,
    signal: AbortSignal,
    over?: string
  ): Promise<TunnelStream & { channel: TunnelChannel }> {
    const { libp2p } = this.#node
    const peer = peerIdFromString(target.peerId)
    const chosen = over === undefined ? undefined : this.#connection(over)
    return dialTunnel(
      {
        self: libp2p.peerId,
        host: peer,
        connect: async dialSignal => chosen ?? this.#node.connect(peer, dialSignal, target.addresses),
        sessions: libp2p.services.sessions,
        streams: this.#streams
      },
      request,
      signal
    )
  }

  async dialDirect(target: TunnelTarget, signal: AbortSignal): Promise<TunnelConnection> {
    return tunnelConnection(await dialDirect(await this.#node.directory(signal), target, signal))
  }

  /** See TunnelConnection; one that is gone already is no error. */
  leave(connection: string, silent: boolean): void {
    const found = this.#connection(connection)
    if (found !== undefined) leaveConnection(found, silent)
  }

  async offer({ services, authorizedPeers, tunnels }: TunnelOffering): Promise<OfferedAt> {
    const { maxLine, grace } = tunnels
    const admit = async (...[request]: Parameters<TunnelOffer['admit']>) => tunnels.admit(request)
    const prepare = (peer: string, service: string): void => tunnels.prepare(peer, service)
    await this.add({ services, authorizedPeers, maxLine, grace, pid: process.pid, prepare, admit })
    return this.offeredAt()
  }

  /** Returns the function that ends the offer. */
  async add(offer: TunnelOffer): Promise<() => void> {
    const end = this.#node.libp2p.services.tunnels.offer(offer)
    try {
      await rememberOffer(this.#node.store, offer)
      return end
    } catch (error) {
      end()
      throw error
    }
  }

  async record(records: readonly CallRecord[], isRepeated: boolean): Promise<void> {
    // a call leaves nothing else on the disk: waiting for that would cost more than the call
    await this.#node.store.transact(async transaction => {
      const { audit } = await this.#node.opened
      await recordCalls(audit.chain, transaction, records, isRepeated)
    }, 'process')
  }

  offeredAt(): OfferedAt {
    const { libp2p } = this.#node
    return {
      addresses: libp2p.getMultiaddrs().map(String),
      listening: libp2p.services.dialer.listening().map(String)
    }
  }

  #connection(id: string): Connection | undefined {
    return this.#node.libp2p.getConnections().find(connection => connection.id === id)
  }
}
