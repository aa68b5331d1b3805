import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { TalosError } from '../../errors.ts'

const DEFAULT_PORT = 8765

/** Where a server may be, as the user wrote it. */
export interface ServerAddress {
  /** Addresses without the server's PeerId; any of them will do. */
  addresses: Multiaddr[]
  /** The PeerId, where the user gave one. */
  peerId: string | undefined
}

/**
 * Reads `host:port`, `host` (port 8765), `[ip6]:port` or a multiaddr, with or without `/p2p/<id>`. A host's port may be the
 * TCP or the WebSocket one; `localhost` is either loopback address. Throws REGISTRY_ADDRESS_INVALID.
 */
export function parseServerAddress(text: string): ServerAddress {
  return text.startsWith('/') ? fromMultiaddr(text) : fromHostAndPort(text)
}

function fromMultiaddr(text: string): ServerAddress {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw invalid(text, cause)
  }
  const components = address.getComponents()
  const last = components.at(-1)
  if (last === undefined || components.some(({ name }) => name === 'p2p-circuit')) throw invalid(text)
  if (last.name !== 'p2p') return { addresses: [address], peerId: undefined }
  if (components.length === 1) throw invalid(text)
  return { addresses: [address.decapsulate(`/p2p/${last.value}`)], peerId: last.value }
}

function fromHostAndPort(text: string): ServerAddress {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:[\]/\s]+)(?::(\d+))?$/.exec(text)
  const [, host, digits] = bracketed ?? plain ?? (isIP(text) === 6 ? ['', text] : [])
  const port = digits === undefined ? DEFAULT_PORT : Number(digits)
  if (host === undefined || port < 1 || port > 65535) throw invalid(text)
  try {
    const addresses = hosts(host).flatMap(prefix => [
      multiaddr(`${prefix}/tcp/${port}`),
      multiaddr(`${prefix}/tcp/${port}/ws`)
    ])
    return { addresses, peerId: undefined }
  } catch (cause) {
    throw invalid(text, cause)
  }
}

function hosts(host: string): string[] {
  if (host === 'localhost') return ['/ip4/127.0.0.1', '/ip6/::1']
  const family = isIP(host)
  return [family === 0 ? `/dns/${host}` : `/ip${family}/${host}`]
}

function invalid(text: string, cause?: unknown): TalosError {
  return new TalosError('REGISTRY_ADDRESS_INVALID', `${JSON.stringify(text)} is not the address of a server`, {
    hint: 'For example talos.example:8765, 192.0.2.7:8765, or a multiaddr that `talos server` printed.',
    cause
  })
}
