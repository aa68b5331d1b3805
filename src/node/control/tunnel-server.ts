import type { Socket } from 'node:net'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import type * as z from 'zod/mini'
import { TalosError } from '../../errors.ts'
import type { CallRecord } from '../../protocols/mcp/records/call-record.ts'
import type { TunnelChannel } from '../../protocols/mcp/tunnel/channel.ts'
import type { TunnelAdmission, TunnelRequest } from '../../protocols/mcp/tunnel/host.ts'
import { checkSchema } from '../schema-check.ts'
import type { OwnTunnels } from '../tunnels/own-tunnels.ts'
import { callMethod, nodeGone, tell } from './connection.ts'
import { carryChannel } from './socket-channel.ts'
import type { Tickets } from './tickets.ts'
import {
  ADMISSION,
  ADMIT_TUNNEL,
  type Admission,
  PREPARE_TUNNEL,
  type TUNNEL_METHODS,
  type TunnelMethod
} from './tunnel-methods.ts'

type Params<Name extends TunnelMethod> = z.output<(typeof TUNNEL_METHODS)[Name]>

/** The node's end of the tunnels of one process: what its control connection asks for. */
export class TunnelClient {
  readonly #tunnels: OwnTunnels
  readonly #tickets: Tickets
  readonly #connection: MessageConnection
  readonly #ends: Array<() => void> = []
  #isOver = false

  constructor(tunnels: OwnTunnels, tickets: Tickets, connection: MessageConnection) {
    this.#tunnels = tunnels
    this.#tickets = tickets
    this.#connection = connection
  }

  /** The process is gone, and what it offered. */
  end(): void {
    this.#isOver = true
    for (const end of this.#ends.splice(0)) end()
  }

  readonly methods: { [Name in TunnelMethod]: (params: Params<Name>, signal: AbortSignal) => Promise<unknown> } = {
    prepare: ({ servers, listen }, signal) =>
      this.#tunnels.prepare(
        { ...(servers === undefined ? {} : { servers }), ...(listen === undefined ? {} : { listen }) },
        signal
      ),
    resolveHost: ({ peer }, signal) => this.#tunnels.resolve(peer, signal),
    openTunnel: (params, signal) => this.#open(params, signal),
    dialDirect: async (target, signal) => {
      const { id, direct } = await this.#tunnels.dialDirect(target, signal)
      return { id, direct }
    },
    leaveConnection: async ({ id, silent }) => this.#tunnels.leave(id, silent),
    offerTunnels: async offer => {
      const admit = (request: TunnelRequest, signal: AbortSignal) => this.#admit(request, signal, offer.maxLine)
      const prepare = (peer: string, service: string): void => tell(this.#connection, PREPARE_TUNNEL, { peer, service })
      const end = await this.#tunnels.add({ ...offer, prepare, admit })
      if (this.#isOver) {
        end()
        throw nodeGone()
      }
      this.#ends.push(end)
      return this.#tunnels.offeredAt()
    },
    recordCalls: ({ records, isRepeated }) => this.#tunnels.record(records as readonly CallRecord[], isRepeated)
  }

  async #open(params: Params<'openTunnel'>, signal: AbortSignal): Promise<unknown> {
    const { peerId, addresses, tunnelId, service, maxLine, received } = params
    const request = { tunnelId, service, maxLine, ...(received === undefined ? {} : { resume: { received } }) }
    const stream = await this.#tunnels.open({ peerId, addresses }, request, signal, params.over)
    const { channel, connection, ...answer } = stream
    if (signal.aborted) {
      channel.abort(signal.reason)
      throw signal.reason
    }
    const ticket = this.#tickets.issue(
      socket => carryChannel(socket, channel, answer.maxLine),
      () => channel.abort(nodeGone())
    )
    return { ...answer, ticket, connection: { id: connection.id, direct: connection.direct } }
  }

  /** Asks the process, which comes with the ticket while the handshake goes on. */
  async #admit(request: TunnelRequest, signal: AbortSignal, maxLine: number): Promise<TunnelAdmission> {
    const meeting = Promise.withResolvers<Socket>()
    // nobody waits for it when the process says no
    meeting.promise.catch(() => {})
    const longest = Math.max(maxLine, request.maxLine)
    const ticket = this.#tickets.issue(meeting.resolve, () => meeting.reject(nodeGone()))
    const asked = await callMethod(
      this.#connection,
      ADMIT_TUNNEL,
      { ...request, resume: request.resume ?? null, ticket },
      signal
    )
    const checked = checkSchema<Admission>(ADMISSION, asked)
    if (!checked.ok)
      throw new TalosError('NODE_REQUEST_INVALID', `the answer to ${ADMIT_TUNNEL} is malformed: ${checked.text}`)
    if ('refused' in checked.value) return checked.value
    return {
      received: checked.value.received,
      hostId: checked.value.hostId,
      attach: (channel: TunnelChannel) => {
        meeting.promise.then(
          socket => carryChannel(socket, channel, longest),
          error => channel.abort(error as Error)
        )
      },
      abandon: () => void meeting.promise.then(socket => socket.destroy()).catch(() => {})
    }
  }
}
