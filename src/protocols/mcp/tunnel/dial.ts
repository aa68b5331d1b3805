import type { Connection, PeerId } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../../errors.ts'
import { FrameStream } from '../../framing/index.ts'
import type { MainSessions, StreamSessions } from '../../sessions/index.ts'
import type { TunnelChannel } from './channel.ts'
import type { OpenRequest, TunnelConnection, TunnelStream } from './client.ts'
import { HANDSHAKE_TIMEOUT, MCP_PROTOCOL, maxFrameLength } from './constants.ts'
import { openChannel } from './handshake.ts'

export interface TunnelDialInit {
  self: PeerId
  /** Whom the tunnel is for: a connection that leads to anybody else is not used. */
  host: PeerId
  /** A connection to the host, dialled if there is none. */
  connect(signal: AbortSignal): Promise<Connection>
  sessions: MainSessions
  streams: StreamSessions
}

/**
 * Opens a stream of a tunnel at its host: dials, shakes hands. Throws TUNNEL_WRONG_PEER, what openChannel() throws, and
 * NETWORK_* when the host cannot be reached.
 */
export async function dialTunnel(
  init: TunnelDialInit,
  request: OpenRequest,
  signal: AbortSignal
): Promise<TunnelStream & { channel: TunnelChannel }> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)])
  for (let retried = false; ; retried = true) {
    const connection = await init.connect(deadline)
    if (!connection.remotePeer.equals(init.host)) {
      const wrong = new TalosError(
        'TUNNEL_WRONG_PEER',
        `at that address is ${connection.remotePeer}, not ${init.host}`,
        {
          hint: 'Its address has changed, or somebody sits in between. Nothing was sent.'
        }
      )
      connection.abort(wrong)
      throw wrong
    }
    const stream = await connection.newStream(MCP_PROTOCOL, { signal: deadline, runOnLimitedConnection: true })
    const frames = new FrameStream(stream, { maxFrameLength: maxFrameLength(request.maxLine) })
    try {
      return {
        ...(await openChannel(frames, init.self, connection, request, init.sessions, init.streams, deadline)),
        connection: tunnelConnection(connection)
      }
    } catch (error) {
      frames.abort(error as Error)
      // the host lost its state, and the session has been set aside: shake hands once more, and once only
      if (!isTalosError(error, 'TUNNEL_NO_SESSION') || retried) throw error
    }
  }
}

export function tunnelConnection(connection: Connection): TunnelConnection {
  return {
    id: connection.id,
    direct: connection.direct,
    leave: silent => leaveConnection(connection, silent)
  }
}

/** See TunnelConnection. Others may use the connection: one that works is closed only when nothing is left on it. */
export function leaveConnection(connection: Connection, silent: boolean): void {
  if (silent) connection.abort(new TalosError('TUNNEL_SILENT', 'the other side fell silent'))
  else if (connection.streams.every(({ status }) => status !== 'open')) void connection.close().catch(() => {})
}
