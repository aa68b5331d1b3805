import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIP } from 'node:net'
import { listenFailed } from '../server/listen.ts'
import type { Metrics } from './metrics.ts'

/** Requests at a time: a scraper and a probe or two. */
const MAX_CONNECTIONS = 32
const REQUEST_TIMEOUT = 5_000

/** Where to serve /healthz, /readyz and /metrics. */
export interface MonitorAddress {
  /** 0 for any free one. */
  port: number
  /** @default 127.0.0.1 */
  host?: string
}

/** What is found out each time that somebody looks: counts, and nothing that says who or what. */
export interface Readiness {
  /** False while starting and stopping: send nobody here. */
  ready: boolean
}

/** `GET /healthz`, `/readyz` and `/metrics`, over HTTP. */
export interface Monitor {
  /** `http://127.0.0.1:9090` */
  url: string
  close(): Promise<void>
}

/** Throws NETWORK_PORT_IN_USE, NETWORK_PORT_DENIED, NETWORK_LISTEN_FAILED. */
export async function startMonitor(
  { port: wanted, host = '127.0.0.1' }: MonitorAddress,
  metrics: Metrics,
  health: () => Readiness
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
      server.listen(wanted, host, resolve)
    })
  } catch (cause) {
    throw listenFailed(host, wanted, cause as NodeJS.ErrnoException)
  }
  const { port } = server.address() as AddressInfo
  return { url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`, close: () => closed(server) }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
  health: () => Readiness
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
