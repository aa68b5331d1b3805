import type { Counter } from 'prom-client'
import type { NetworkChain } from '../chain/network-chain.ts'
import { Metrics, type ProcessState } from '../monitor/metrics.ts'
import type { Health } from './health.ts'

/** The measurements of a bootstrap server. */
export class ServerMetrics extends Metrics {
  readonly #requests: Counter<'request' | 'status'>
  readonly #mailboxRequests: Counter<'request' | 'status'>
  readonly #relayed: Counter

  constructor(state: ProcessState, health: () => Health, network: () => NetworkChain | undefined) {
    super(state)
    this.#requests = this.counter('talos_registry_requests_total', 'Requests answered by the registry', [
      'request',
      'status'
    ])
    this.#mailboxRequests = this.counter(
      'talos_mailbox_requests_total',
      'Requests answered by the mailbox; a status other than ok is a refusal',
      ['request', 'status']
    )
    this.#relayed = this.counter('talos_relay_bytes_total', 'Bytes that passed through the relay, both ways', [])
    this.gauge('talos_relay_reservations', 'Peers that are reachable through this relay', () => health().reservations)
    this.gauge('talos_registry_registrations', 'Registrations kept, living and held', () => health().registrations)
    this.gauge('talos_mailbox_recipients', 'Recipients that have a mailbox here', () => health().mailboxes)
    this.gauge('talos_mailbox_items', 'Boxes held', () => health().mailboxItems)
    this.gauge('talos_mailbox_bytes', 'Bytes of the boxes held', () => health().mailboxBytes)
    this.sharedChain(network)
  }

  answered(request: string, status: string): void {
    this.#requests.labels(request, status).inc()
  }

  mailboxAnswered(request: string, status: string): void {
    this.#mailboxRequests.labels(request, status).inc()
  }

  relayed(bytes: number): void {
    this.#relayed.inc(bytes)
  }
}
