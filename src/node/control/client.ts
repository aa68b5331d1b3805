import { connect, type Socket } from 'node:net'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import { isTalosError, TalosError } from '../../errors.ts'
import type { NodeStreams } from '../streams/types.ts'
import type { NodeTunnels } from '../tunnels/types.ts'
import { callMethod, connectionOver, fromJson, hear } from './connection.ts'
import { readEndpoint } from './endpoint.ts'
import {
  CONTROL_PROTOCOL,
  METHODS,
  type MethodName,
  type NodeApi,
  type NodeEvent,
  type NodeGreeting
} from './methods.ts'
import type { RemoteStreams } from './stream-client.ts'
import { RemoteTunnels } from './tunnel-client.ts'

/** A node that does not answer a greeting within this time is stuck, or no node. Milliseconds. */
const HELLO_TIMEOUT = 5_000

/** The node of a data directory, in another process. */
export interface RemoteNode extends AsyncDisposable {
  readonly greeting: NodeGreeting
  readonly api: NodeApi
  readonly tunnels: NodeTunnels
  readonly streams: NodeStreams
  /** Resolves when the connection to it has ended. */
  readonly ended: Promise<void>
}

/**
 * Connects to the node that runs in another process, if one does. Throws NODE_VERSION when it is of an incompatible version,
 * NODE_STUCK when it does not answer, and the reason of the signal.
 */
export async function attach(dataDir: string, signal?: AbortSignal): Promise<RemoteNode | undefined> {
  signal?.throwIfAborted()
  const endpoint = await readEndpoint(dataDir)
  if (endpoint === undefined) return undefined
  const socket = await open(endpoint.path)
  if (socket === undefined) return undefined
  if (endpoint.protocol !== CONTROL_PROTOCOL) {
    socket.destroy()
    throw new TalosError(
      'NODE_VERSION',
      `the node that runs here (process ${endpoint.pid}) is of another version of Talos`,
      {
        hint: 'End it and start it again.'
      }
    )
  }
  const connection = connectionOver(socket)
  const ended = new Promise<void>(resolve => connection.onClose(() => resolve()))
  connection.listen()
  const timeout = AbortSignal.timeout(HELLO_TIMEOUT)
  try {
    const greeting = await callMethod(
      connection,
      'hello',
      { token: endpoint.token },
      signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    )
    const { streams, close } = remoteStreams(connection, endpoint.path)
    return {
      greeting: greeting as NodeGreeting,
      api: remoteApi(connection),
      tunnels: new RemoteTunnels(connection, endpoint.path),
      streams,
      ended,
      [Symbol.asyncDispose]: async () => {
        close()
        connection.end()
        socket.destroySoon()
      }
    }
  } catch (error) {
    socket.destroy()
    // it ended meanwhile, or the socket is not its own any more
    if (isTalosError(error, 'NODE_GONE') || isTalosError(error, 'NODE_DENIED')) return undefined
    if (!timeout.aborted || signal?.aborted === true) throw error
    throw new TalosError('NODE_STUCK', `the node that runs here (process ${endpoint.pid}) does not answer`, {
      hint: 'Is it stopped, or very busy? End it and try again.'
    })
  }
}

/** Undefined when nobody listens there: the node was killed. */
function open(path: string): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.on('error', () => {}) // its end is what matters
      resolve(socket)
    })
    socket.once('error', () => resolve(undefined))
  })
}

/** Few commands stream: what it takes is loaded when one does. */
function remoteStreams(connection: MessageConnection, path: string): { streams: NodeStreams; close: () => void } {
  let loaded: Promise<RemoteStreams> | undefined
  const load = async (): Promise<RemoteStreams> => {
    const module = await import('./stream-client.ts')
    return new module.RemoteStreams(connection, path)
  }
  const remote = (): Promise<RemoteStreams> => {
    loaded ??= load()
    return loaded
  }
  return {
    streams: {
      open: async (peer, options) => (await remote()).open(peer, options),
      onOffer: async decider => (await remote()).onOffer(decider)
    },
    // whoever asked for streams was told why there are none
    close: () =>
      void loaded?.then(
        streams => streams.close(),
        () => {}
      )
  }
}

function remoteApi(connection: MessageConnection): NodeApi {
  const methods = (Object.keys(METHODS) as MethodName[]).map(name => [
    name,
    (params: unknown, context: { signal?: AbortSignal } = {}) => callMethod(connection, name, params, context.signal)
  ])
  const listeners = new Set<(event: NodeEvent) => void>()
  let subscribed = false
  hear(connection, 'event', (json: unknown) => {
    const event = fromJson(json) as NodeEvent
    for (const listener of listeners) listener(event)
  })
  return {
    ...Object.fromEntries(methods),
    onEvent: (listener: (event: NodeEvent) => void) => {
      listeners.add(listener)
      if (!subscribed) void callMethod(connection, 'subscribe', {}).catch(() => {})
      subscribed = true
      return () => listeners.delete(listener)
    },
    release: () => {}
  }
}
