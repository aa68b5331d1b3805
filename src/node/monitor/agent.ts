import type { Counter, Histogram } from 'prom-client'
import type { CallOutcome } from '../../protocols/mcp/host-session.ts'
import { countSessions } from '../../protocols/sessions/index.ts'
import type { AgentNode } from '../agent-node.ts'
import type { NodeEvent } from '../control/methods.ts'
import { VERSION } from '../version.ts'
import { type Monitor, type MonitorAddress, type Readiness, startMonitor } from './http.ts'
import { Metrics } from './metrics.ts'

/** From a tool that answers from memory to one that works for minutes. Seconds. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** What is looked at when somebody asks. */
export interface AgentState {
  /** The node, while it is in this process. */
  node(): AgentNode | undefined
  /** Sessions of agents with what this process serves. */
  tunnels(): number
}

/** An agent, in numbers. */
interface AgentHealth extends Readiness {
  /** Whether the node of the data directory is this process. */
  node: boolean
  /** Seconds since the start. */
  uptime: number
  connections: number
  tunnels: number
}

/** The measurements of a process of an agent: the node, what it serves, or both. */
class AgentMetrics extends Metrics {
  readonly #calls: Counter<'outcome'>
  readonly #latency: Histogram
  readonly #messages: Counter<'state'>

  constructor(startedAt: number, { node, tunnels }: AgentState) {
    super({ version: VERSION, startedAt, connections: () => node()?.libp2p.getConnections() ?? [] })
    this.gauge('talos_sessions', 'Peers with which keys are agreed on', async () => {
      const store = node()?.store
      return store === undefined ? 0 : countSessions(store)
    })
    this.gauge('talos_tunnel_sessions', 'Sessions of agents with what is served here', tunnels)
    this.#calls = this.counter('talos_tunnel_calls_total', 'MCP requests of agents, by how they ended', ['outcome'])
    this.#latency = this.seconds(
      'talos_tunnel_call_seconds',
      'From the arrival of a request to the answer of the MCP server',
      CALL_BUCKETS
    )
    this.#messages = this.counter(
      'talos_messages_total',
      'Messages that came into this state: received, or sent and queued, stored, delivered, read, failed',
      ['state']
    )
    this.totals(
      'talos_messages_refused_total',
      'Envelopes that were not taken: undecryptable here, ours undecryptable there, or forged',
      'reason',
      () => {
        const { unreadableHere = 0, unreadableThere = 0, forged = 0 } = node()?.messageCounts() ?? {}
        return { 'unreadable-here': unreadableHere, 'unreadable-there': unreadableThere, forged }
      }
    )
    this.ownChain(async () => (await node()?.auditCounts()) ?? { height: 0, records: 0, waiting: 0, failures: 0 })
    this.sharedChain(() => node()?.network)
    this.gauges('talos_messages_waiting', 'Messages in the outbox and in the inbox', 'box', () => {
      const { outbox, inbox } = node()?.usage() ?? { outbox: 0, inbox: 0 }
      return { outbox, inbox }
    })
  }

  called(outcome: CallOutcome, milliseconds: number): void {
    this.#calls.labels(outcome).inc()
    if (outcome === 'result' || outcome === 'error') this.#latency.observe(milliseconds / 1000)
  }

  told(event: NodeEvent): void {
    if (event.type === 'message') this.#messages.labels('received').inc()
    else if (event.type === 'message-state') this.#messages.labels(event.state).inc()
  }
}

/** /healthz, /readyz and /metrics of a process of an agent. */
export class AgentMonitor implements AsyncDisposable {
  readonly #startedAt = Date.now()
  readonly #state: AgentState
  readonly #metrics: AgentMetrics
  #http: Monitor | undefined
  /** What /readyz says; false at first. */
  ready = false

  private constructor(state: AgentState) {
    this.#state = state
    this.#metrics = new AgentMetrics(this.#startedAt, state)
  }

  /** Throws NETWORK_PORT_IN_USE, NETWORK_PORT_DENIED, NETWORK_LISTEN_FAILED. */
  static async start(at: MonitorAddress, state: AgentState): Promise<AgentMonitor> {
    const monitor = new AgentMonitor(state)
    try {
      monitor.#http = await startMonitor(at, monitor.#metrics, () => monitor.#health())
      return monitor
    } catch (error) {
      monitor.#metrics.stop()
      throw error
    }
  }

  get url(): string {
    return this.#http!.url
  }

  called(outcome: CallOutcome, milliseconds: number): void {
    this.#metrics.called(outcome, milliseconds)
  }

  /** What happened at the node in this process. */
  told(event: NodeEvent): void {
    this.#metrics.told(event)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ready = false
    this.#metrics.stop()
    await this.#http?.close()
  }

  #health(): AgentHealth {
    const node = this.#state.node()
    return {
      ready: this.ready,
      node: node !== undefined,
      uptime: Math.floor((Date.now() - this.#startedAt) / 1000),
      connections: node?.libp2p.getConnections().length ?? 0,
      tunnels: this.#state.tunnels()
    }
  }
}
