import { type CircuitRelayService, circuitRelayServer } from '@libp2p/circuit-relay-v2'
import type { PeerId, Stream, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'

type Init = Parameters<typeof circuitRelayServer>[0]
type Components = Parameters<ReturnType<typeof circuitRelayServer>>[0]

/**
 * The relay of libp2p, which reaches a peer over its newest connection, and tells how much passes through it: all that the initiators of relayed connections send and get. A few
 * hundred bytes for each reservation and connection are their negotiation.
 */
export function relayServer(
  init: Init,
  onRelayed: (bytes: number) => void
): (components: Components) => CircuitRelayService {
  const create = circuitRelayServer(init)
  return components => {
    const { registrar, connectionManager } = components
    const counting = Object.create(registrar, {
      handle: {
        value: (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) =>
          registrar.handle(protocol, (stream, connection) => handler(counted(stream, onRelayed), connection), options)
      },
      unhandle: { value: (protocol: string) => registrar.unhandle(protocol) }
    })
    // the relay takes the first connection that a peer has: of one that came back from a cut link or with another address the old one is dead
    const newestFirst = Object.create(connectionManager, {
      getConnections: { value: (peer: PeerId) => connectionManager.getConnections(peer).toReversed() }
    })
    return create(
      Object.create(components, { registrar: { value: counting }, connectionManager: { value: newestFirst } })
    )
  }
}

/** A listener of `message` would take what comes before the relay listens; so the events themselves are watched. */
function counted(stream: Stream, onBytes: (bytes: number) => void): Stream {
  const { send, dispatchEvent } = stream
  stream.send = data => {
    onBytes(data.byteLength)
    return send.call(stream, data)
  }
  stream.dispatchEvent = event => {
    if (event.type === 'message') onBytes((event as Event & { data: Uint8Array }).data.byteLength)
    return dispatchEvent.call(stream, event)
  }
  return stream
}
