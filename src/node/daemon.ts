import { TalosError } from '../errors.ts'
import type { NodeEvent, NodeGreeting } from './control/methods.ts'
import { type JoinOptions, joinNode } from './join.ts'

export interface RunningDaemon extends AsyncDisposable {
  readonly greeting: NodeGreeting
  /** Multiaddrs that others are told. */
  addresses(): string[]
  /** Resolves when another process has asked it to end. */
  readonly ended: Promise<void>
}

export interface DaemonOptions extends Omit<JoinOptions, 'role'> {
  onEvent?: (event: NodeEvent) => void
}

/**
 * Makes this process the node of its data directory; another command that is the node goes on through it. Throws NODE_RUNNING
 * when a daemon runs, and as joinNode().
 */
export async function startDaemon(options: DaemonOptions = {}): Promise<RunningDaemon> {
  const { onEvent = () => {}, ...join } = options
  const node = await joinNode({ ...join, role: 'daemon' })
  const { greeting, own } = node
  if (own === undefined) {
    await node[Symbol.asyncDispose]()
    throw new TalosError('NODE_RUNNING', `a daemon runs for this data directory already (process ${greeting.pid})`, {
      hint: '"talos daemon --stop" ends it.'
    })
  }
  node.api.onEvent(onEvent)
  return {
    greeting,
    addresses: () => own.libp2p.getMultiaddrs().map(String),
    ended: node.ended,
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]()
  }
}
