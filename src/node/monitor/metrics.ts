import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Connection } from '@libp2p/interface'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { NetworkChain } from '../chain/network-chain.ts'

/** What every Talos process measures. */
export interface ProcessState {
  version: string
  /** Milliseconds since the epoch. */
  startedAt: number
  connections(): readonly Connection[]
}

/** How exactly the event loop's delay is measured, in milliseconds. */
const RESOLUTION = 20

/**
 * The measurements of one process, in a registry of their own, so that two nodes in one process do not mix. docs/metrics.md lists
 * all names. No label may hold what comes from a peer.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION })

  constructor({ version, startedAt, connections }: ProcessState) {
    new Gauge({ name: 'talos_info', help: 'The version that runs', labelNames: ['version'], registers: this.registers })
      .labels(version)
      .set(1)
    this.gauge('talos_uptime_seconds', 'Seconds since the start', () => (Date.now() - startedAt) / 1000)
    this.gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
    this.gauge('process_cpu_seconds', 'User and system CPU time', cpuSeconds)
    this.gauges('talos_connections', 'Open connections, direct or through a relay', 'path', () => {
      const relayed = connections().filter(({ direct }) => !direct).length
      return { direct: connections().length - relayed, relayed }
    })
    this.#delay.enable()
    this.gauges(
      'talos_event_loop_lag_seconds',
      'How late timers ran since the last look; 0.5, 0.99 and 1 of them were not later',
      'quantile',
      () => this.#lag()
    )
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  stop(): void {
    this.#delay.disable()
  }

  protected get registers(): Registry[] {
    return [this.#registry]
  }

  protected gauge(name: string, help: string, value: () => number | Promise<number>): void {
    const { registers } = this
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await value())
      }
    })
  }

  protected gauges(name: string, help: string, label: string, values: () => Record<string, number>): void {
    const { registers } = this
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const [key, value] of Object.entries(values())) this.labels(key).set(value)
      }
    })
  }

  /** Numbers that are counted elsewhere and only grow. */
  protected totals(
    name: string,
    help: string,
    label: string | undefined,
    values: () => Record<string, number> | Promise<Record<string, number>>
  ): void {
    const { registers } = this
    new Counter({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers,
      async collect() {
        const found = await values()
        this.reset()
        for (const [key, value] of Object.entries(found)) {
          if (label === undefined) this.inc(value)
          else this.labels(key).inc(value)
        }
      }
    })
  }

  /** Of the agent's own chain. */
  protected ownChain(
    counts: () => Promise<{ height: number; records: number; waiting: number; failures: number }>
  ): void {
    this.gauge('talos_audit_height', 'Blocks of the own chain after the first', async () => (await counts()).height)
    this.gauge('talos_audit_records', 'Records of the own chain', async () => (await counts()).records)
    this.gauge(
      'talos_audit_waiting_records',
      'Of these, those that are in no block yet',
      async () => (await counts()).waiting
    )
    this.totals('talos_audit_seal_failures_total', 'Times that a block could not be made', undefined, async () => ({
      all: (await counts()).failures
    }))
  }

  /** Of the chain that is shared with others; zeros while there is none. */
  protected sharedChain(network: () => NetworkChain | undefined): void {
    this.gauge(
      'talos_chain_height',
      'Blocks of the shared chain after the first',
      () => network()?.shared.tip.height ?? 0
    )
    this.gauge(
      'talos_chain_waiting_records',
      'Records that wait for a block',
      () => network()?.shared.mempool.size ?? 0
    )
    this.gauge('talos_chain_peers', 'Connected nodes that keep the same chain', () => network()?.peerCount ?? 0)
    this.totals('talos_chain_reorganisations_total', 'Changes that took blocks back', undefined, () => ({
      all: network()?.counts.reorganisations ?? 0
    }))
    this.totals('talos_chain_blocks_checked_total', 'Blocks that were checked', undefined, () => ({
      all: network()?.counts.blocks ?? 0
    }))
    this.totals(
      'talos_blocks_rejected_total',
      'Blocks that were not valid, by the first violation',
      'reason',
      () => network()?.counts.rejected ?? {}
    )
    this.totals(
      'talos_signatures_verified_total',
      'Signatures of blocks and records that were checked',
      undefined,
      () => ({
        all: network()?.counts.signatures ?? 0
      })
    )
    this.totals(
      'talos_validation_duration_seconds_sum',
      'Time spent in checks of blocks, by layer',
      'layer',
      () => network()?.counts.seconds ?? {}
    )
    this.totals(
      'talos_validation_duration_seconds_count',
      'Blocks of which a layer was checked',
      'layer',
      () => network()?.counts.layers ?? {}
    )
  }

  protected counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: this.registers })
  }

  /** @param buckets in seconds */
  protected seconds(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: this.registers })
  }

  #lag(): Record<string, number> {
    // a sampled delay includes the wait that was asked for; NaN when nothing was sampled
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000) || 0
    const lag = {
      '0.5': late(this.#delay.percentile(50)),
      '0.99': late(this.#delay.percentile(99)),
      '1': late(this.#delay.max)
    }
    this.#delay.reset()
    return lag
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
