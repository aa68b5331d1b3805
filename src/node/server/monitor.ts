import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIP } from 'node:net'
import { Counter, Gauge, Registry } from 'prom-client'
import { listenFailed } from './listen.ts'

/** Requests at a time: a scraper and a probe or two. */
const MAX_CONNECTIONS = 32
const REQUEST_TIMEOUT = 5_000

/** What is measured each time that somebody looks. */
export interface Health {
  /** False while starting and stopping: send nobody here. */
  ready: boolean
  /** Seconds since the start. */
  uptime: number
  connections: number
  reservations: number
  registrations: number
  /** Recipients of the mailbox, and what it holds for them. */
  mailboxes: number
  mailboxItems: number
  mailboxBytes: number
}

/** The measurements of a server, in a registry of their own, so that two servers in one process do not mix. */
export class ServerMetrics {
  readonly #registry = new Registry()
  readonly #requests: Counter<'request' | 'status'>
  readonly #mailboxRequests: Counter<'request' | 'status'>

  constructor(version: string, health: () => Health) {
    const registers = [this.#registry]
    this.#requests = new Counter({
      name: 'talos_registry_requests_total',
      help: 'Requests answered by the registry',
      labelNames: ['request', 'status'],
      registers
    })
    this.#mailboxRequests = new Counter({
      name: 'talos_mailbox_requests_total',
      help: 'Requests answered by the mailbox; a status other than ok is a refusal',
      labelNames: ['request', 'status'],
      registers
    })
    new Gauge({ name: 'talos_info', help: 'The version that runs', labelNames: ['version'], registers })
      .labels(version)
      .set(1)
    const gauges: Array<[name: string, help: string, value: () => number]> = [
      ['talos_uptime_seconds', 'Seconds since the start', () => health().uptime],
      ['talos_connections', 'Open connections', () => health().connections],
      ['talos_relay_reservations', 'Peers that are reachable through this relay', () => health().reservations],
      ['talos_registry_registrations', 'Registrations kept, living and held', () => health().registrations],
      ['talos_mailbox_recipients', 'Recipients that have a mailbox here', () => health().mailboxes],
      ['talos_mailbox_items', 'Boxes held', () => health().mailboxItems],
      ['talos_mailbox_bytes', 'Bytes of the boxes held', () => health().mailboxBytes],
      ['process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss()],
      ['process_cpu_seconds', 'User and system CPU time', () => cpuSeconds()]
    ]
    for (const [name, help, value] of gauges) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value())
        }
      })
    }
  }

  answered(request: string, status: string): void {
    this.#requests.labels(request, status).inc()
  }

  mailboxAnswered(request: string, status: string): void {
    this.#mailboxRequests.labels(request, status).inc()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }
}

/** `GET /healthz`, `/readyz` and `/metrics`, over HTTP. */
export interface Monitor {
  /** `http://127.0.0.1:9090` */
  url: string
  close(): Promise<void>
}

/** Throws NETWORK_PORT_IN_USE, NETWORK_PORT_DENIED, NETWORK_LISTEN_FAILED. */
export async function startMonitor(
  at: { host: string; port: number },
  metrics: ServerMetrics,
  health: () => Health
): Promise<Monitor> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT, headersTimeout: REQUEST_TIMEOUT },
    (request, response) => {
      answer(request, response, metrics, health).catch(error => response.destroy(error as Error))
    }
  )
  server.maxConnections = MAX_CONNECTIONS
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(at.port, at.host, resolve)
    })
  } catch (cause) {
    throw listenFailed(at.host, at.port, cause as NodeJS.ErrnoException)
  }
  const { port } = server.address() as AddressInfo
  return { url: `http://${isIP(at.host) === 6 ? `[${at.host}]` : at.host}:${port}`, close: () => closed(server) }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: ServerMetrics,
  health: () => Health
): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'GET only\n')
  const now = health()
  switch (request.url?.split('?', 1)[0]) {
    case '/healthz':
      return send(200, 'application/json', `${JSON.stringify({ status: 'ok', ...now })}\n`)
    case '/readyz':
      return send(now.ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready: now.ready })}\n`)
    case '/metrics':
      return send(200, metrics.contentType, await metrics.text())
    default:
      return send(404, 'text/plain', 'try /healthz, /readyz or /metrics\n')
  }
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
