import { lookup } from 'node:dns/promises'
import { createServer, isIP } from 'node:net'
import { TalosError } from '../../errors.ts'
import { hasIp6 } from '../network/addresses.ts'

/** Both families of "all interfaces"; the second only where there is IPv6. */
const EVERYWHERE = ['0.0.0.0', '::']

export interface Endpoint {
  host: string
  port: number
  webSocket: boolean
}

/**
 * Where a server listens: TCP and WebSocket at each address of `host`, or at all addresses of the machine without one.
 * Throws NETWORK_HOST_INVALID, NETWORK_PORT_INVALID.
 */
export async function endpoints(host: string | undefined, port: number, wsPort: number): Promise<Endpoint[]> {
  if (wsPort > 65_535 || (port === wsPort && port !== 0)) {
    throw new TalosError('NETWORK_PORT_INVALID', `${wsPort} cannot be the WebSocket port beside TCP port ${port}`, {
      hint: 'Choose another one with --ws-port.'
    })
  }
  const hosts = host === undefined ? EVERYWHERE.filter(one => one !== '::' || hasIp6()) : await addressesOf(host)
  return hosts.flatMap(one => [
    { host: one, port, webSocket: false },
    { host: one, port: wsPort, webSocket: true }
  ])
}

export function multiaddrOf({ host, port, webSocket }: Endpoint): string {
  return `/${isIP(host) === 6 ? 'ip6' : 'ip4'}/${host}/tcp/${port}${webSocket ? '/ws' : ''}`
}

/** Throws NETWORK_PORT_IN_USE, NETWORK_PORT_DENIED or NETWORK_LISTEN_FAILED if it cannot be listened on at this moment. */
export async function checkFree({ host, port, webSocket }: Endpoint): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject)
      server.listen({ host, port, ipv6Only: isIP(host) === 6 }, resolve)
    })
  } catch (cause) {
    throw listenFailed(host, port, cause as NodeJS.ErrnoException, webSocket)
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
}

/** What a failed listen means, in words and with a remedy. */
export function listenFailed(host: string, port: number, cause: NodeJS.ErrnoException, webSocket = false): TalosError {
  const where = `${isIP(host) === 6 ? `[${host}]` : host}:${port}${webSocket ? ' (WebSocket)' : ''}`
  switch (cause.code) {
    case 'EADDRINUSE':
      return new TalosError('NETWORK_PORT_IN_USE', `the port is in use already: ${where}`, {
        hint: webSocket
          ? 'The WebSocket port is one above --port; choose another with --ws-port.'
          : 'Is a server running already? Choose another port.',
        cause
      })
    case 'EACCES':
      return new TalosError('NETWORK_PORT_DENIED', `this user may not listen on ${where}`, {
        hint: 'Choose a port above 1023.',
        cause
      })
    default:
      return new TalosError('NETWORK_LISTEN_FAILED', `cannot listen on ${where}: ${cause.message}`, { cause })
  }
}

async function addressesOf(host: string): Promise<string[]> {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return [bare]
  try {
    const found = await lookup(bare, { all: true })
    return [...new Set(found.map(({ address }) => address))]
  } catch (cause) {
    throw new TalosError('NETWORK_HOST_INVALID', `${JSON.stringify(host)} is no address of this machine`, {
      hint: 'Give an IP address of this machine, or leave --host out for all of them.',
      cause
    })
  }
}
