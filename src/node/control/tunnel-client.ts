import type { MessageConnection } from 'vscode-jsonrpc/node'
import type { CallRecord } from '../../protocols/mcp/records/call-record.ts'
import type { OpenRequest, OpenStream, TunnelConnection } from '../../protocols/mcp/tunnel/client.ts'
import type { TunnelRequest } from '../../protocols/mcp/tunnel/host.ts'
import type { NodeTunnels, NodeWishes, OfferedAt, TunnelOffering, TunnelTarget } from '../tunnels/types.ts'
import { answerMethod, callMethod, hear } from './connection.ts'
import { SocketChannel } from './socket-channel.ts'
import {
  ADMIT_TUNNEL,
  type Admission,
  type ConnectionInfo,
  PREPARE_TUNNEL,
  type TunnelMethod,
  type TunnelResults
} from './tunnel-methods.ts'

/** The tunnels of a node in another process, through its control socket. */
export class RemoteTunnels implements NodeTunnels {
  readonly #connection: MessageConnection
  readonly #path: string

  /** @param path of the control socket */
  constructor(connection: MessageConnection, path: string) {
    this.#connection = connection
    this.#path = path
  }

  async prepare({ servers, listen }: NodeWishes, signal?: AbortSignal): Promise<void> {
    if ((servers ?? listen) === undefined) return
    await this.#call('prepare', { servers, listen }, signal)
  }

  resolve(peer: string, signal: AbortSignal): Promise<TunnelTarget> {
    return this.#call('resolveHost', { peer }, signal)
  }

  opener(target: TunnelTarget, over?: TunnelConnection): OpenStream {
    return async ({ tunnelId, service, maxLine, resume }: OpenRequest, signal: AbortSignal) => {
      const { ticket, connection, ...answer } = await this.#call(
        'openTunnel',
        { ...target, tunnelId, service, maxLine, received: resume?.received, over: over?.id },
        signal
      )
      return {
        ...answer,
        channel: new SocketChannel(this.#path, ticket, maxLine),
        connection: this.#connectionOf(connection)
      }
    }
  }

  async dialDirect(target: TunnelTarget, signal: AbortSignal): Promise<TunnelConnection> {
    return this.#connectionOf(await this.#call('dialDirect', target, signal))
  }

  async offer({ services, authorizedPeers, tunnels }: TunnelOffering): Promise<OfferedAt> {
    const { maxLine, grace } = tunnels
    hear(this.#connection, PREPARE_TUNNEL, ({ peer, service }: { peer: string; service: string }) =>
      tunnels.prepare(peer, service)
    )
    answerMethod(this.#connection, ADMIT_TUNNEL, async params => {
      const { ticket, resume, ...asked } = params as Omit<TunnelRequest, 'resume'> & {
        ticket: string
        resume: { received: number } | null
      }
      const admission = tunnels.admit({ ...asked, resume: resume ?? undefined })
      if ('refused' in admission) return { refused: admission.refused } satisfies Admission
      admission.attach(new SocketChannel(this.#path, ticket, maxLine))
      return { received: admission.received, hostId: admission.hostId } satisfies Admission
    })
    return this.#call('offerTunnels', { services, authorizedPeers, maxLine, grace, pid: process.pid })
  }

  async record(records: readonly CallRecord[], isRepeated: boolean): Promise<void> {
    await this.#call('recordCalls', { records, isRepeated })
  }

  #connectionOf({ id, direct }: ConnectionInfo): TunnelConnection {
    // the node may be gone, and the connection with it
    const leave = (silent: boolean) => void this.#call('leaveConnection', { id, silent }).catch(() => {})
    return { id, direct, leave }
  }

  #call<Name extends TunnelMethod>(name: Name, params: object, signal?: AbortSignal): Promise<TunnelResults[Name]> {
    return callMethod(this.#connection, name, params, signal) as Promise<TunnelResults[Name]>
  }
}
