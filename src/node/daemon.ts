import { TalosError } from '../errors.ts'
import type { NodeEvent, NodeGreeting } from './control/methods.ts'
import { type JoinedNode, type JoinOptions, joinNode } from './join.ts'
import type { MonitorAddress } from './monitor/http.ts'
import { monitorAt } from './monitor/monitor-at.ts'
import { policyLine } from './witness/own-witness.ts'

export interface RunningDaemon extends AsyncDisposable {
  readonly greeting: NodeGreeting
  /** Multiaddrs that others are told. */
  addresses(): string[]
  /** Where /metrics is, when it was asked for. */
  readonly metricsUrl: string | undefined
  /** The line of a policy file that names this node, when it is a witness for others. */
  readonly witness: string | undefined
  /** Resolves when another process has asked it to end. */
  readonly ended: Promise<void>
}

export interface DaemonOptions extends Omit<JoinOptions, 'role'> {
  /** Serve /healthz, /readyz and /metrics over HTTP. */
  metrics?: MonitorAddress
  onEvent?: (event: NodeEvent) => void
}

/**
 * Makes this process the node of its data directory; another command that is the node goes on through it. Throws NODE_RUNNING
 * when a daemon runs, NETWORK_PORT_* and NETWORK_LISTEN_FAILED for the metrics, and as joinNode().
 */
export async function startDaemon(options: DaemonOptions = {}): Promise<RunningDaemon> {
  const { onEvent = () => {}, metrics, ...join } = options
  let node: JoinedNode | undefined
  const monitor = await monitorAt(metrics, { node: () => node?.own, tunnels: () => 0 })
  async function end(): Promise<void> {
    if (monitor !== undefined) monitor.ready = false
    await node?.[Symbol.asyncDispose]()
    await monitor?.[Symbol.asyncDispose]()
  }
  try {
    node = await joinNode({ ...join, role: 'daemon' })
    const { greeting, own, api, ended } = node
    if (own === undefined) {
      throw new TalosError('NODE_RUNNING', `a daemon runs for this data directory already (process ${greeting.pid})`, {
        hint: '"talos daemon --stop" ends it.'
      })
    }
    api.onEvent(event => {
      monitor?.told(event)
      onEvent(event)
    })
    if (monitor !== undefined) monitor.ready = true
    return {
      greeting,
      addresses: () => own.libp2p.getMultiaddrs().map(String),
      metricsUrl: monitor?.url,
      witness: own.services.witness && policyLine(greeting.name, own.services.witness, greeting.peerId),
      ended,
      [Symbol.asyncDispose]: end
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** As startDaemon(), for a node that is a witness. Throws WITNESS_FOR_NOBODY when nobody is named whom it would serve. */
export async function startWitness(options: DaemonOptions = {}): Promise<RunningDaemon> {
  const daemon = await startDaemon(options)
  if (daemon.witness !== undefined) return daemon
  await daemon[Symbol.asyncDispose]()
  throw new TalosError('WITNESS_FOR_NOBODY', 'nobody is named whose chain this witness would sign', {
    hint: "Name them: --allow <peer>, or --allow '*' for everybody."
  })
}
