import { networkInterfaces } from 'node:os'
import type { Multiaddr } from '@multiformats/multiaddr'

/** True for an address that leads through a relay. */
export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}

/** True for an address of a network. The others (a socket in the file system) are of this machine, and no peer may send us there. */
export function isOfNetwork(address: Multiaddr): boolean {
  const [first] = address.getComponents()
  return first !== undefined && /^(?:ip4|ip6|dns|dns4|dns6|dnsaddr)$/.test(first.name)
}

/** True for WebSocket, with TLS or without. */
export function isWebSocket(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'ws' || name === 'wss')
}

/** True for an address of this machine only. A relay at a loopback address is, like that address itself, of use here only. */
export function isLoopback(address: Multiaddr): boolean {
  const host = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value ?? ''
  return host.startsWith('127.') || host === '::1'
}

/** Whether this machine has IPv6 at all: to listen on it where it is switched off fails. */
export function hasIp6(): boolean {
  return Object.values(networkInterfaces()).some(addresses => addresses?.some(({ family }) => family === 'IPv6'))
}
