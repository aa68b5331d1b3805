import { CODE_IP4, CODE_IP6, CODE_P2P_CIRCUIT, type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** A provider gives one customer at least this much of IPv6, in bytes: counting single addresses would limit nobody. */
const IP6_CUSTOMER_LENGTH = 8

/**
 * What limits per network address count by: the IPv4 address, the /64 network of an IPv6 address, one bucket for all that
 * come through a relay, and one for all else.
 */
export function networkAddressOf(address: Multiaddr): string {
  // components read from bytes carry theirs
  const components = multiaddr(address.bytes).getComponents()
  if (components.some(component => component.code === CODE_P2P_CIRCUIT)) return 'relayed'
  const host = components.find(component => component.code === CODE_IP4 || component.code === CODE_IP6)
  if (host === undefined) return 'other'
  // after a code of one byte
  const bytes = host.bytes!.subarray(1)
  if (host.code === CODE_IP4) return bytes.join('.')
  const isMapped = bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (isMapped) return bytes.subarray(12).join('.')
  return `${Buffer.from(bytes.subarray(0, IP6_CUSTOMER_LENGTH)).toString('hex')}/64`
}
