import { hexOf, peerIdOf, publicKeyOf } from '../crypto/peer-key.ts'
import { TalosError } from '../errors.ts'

/**
 * The multiaddrs in canonical form, each once. Throws PEER_ADDRESS_INVALID for one that is none, or that leads to another
 * peer than `publicKey`'s (a relay on the way may be anybody).
 */
export async function peerAddresses(publicKey: Uint8Array, addresses: readonly string[]): Promise<string[]> {
  const { multiaddr, CODE_P2P, CODE_P2P_CIRCUIT } = await import('@multiformats/multiaddr')
  const canonical = addresses.map(text => {
    const address = parsed(text, multiaddr)
    const components = address.getComponents()
    const target = components.slice(components.findLastIndex(({ code }) => code === CODE_P2P_CIRCUIT) + 1)
    for (const { code, value } of target) {
      if (code === CODE_P2P && !isKey(value, publicKey)) {
        throw new TalosError('PEER_ADDRESS_INVALID', `${text} leads to ${value}, not to ${peerIdOf(publicKey)}`)
      }
    }
    return address.toString()
  })
  return [...new Set(canonical)]
}

function parsed<T extends { getComponents(): unknown[] }>(text: string, multiaddr: (text: string) => T): T {
  try {
    const address = multiaddr(text)
    if (address.getComponents().length > 0) return address
  } catch {
    // said below, with an example
  }
  throw new TalosError('PEER_ADDRESS_INVALID', `${JSON.stringify(text)} is not a multiaddr`, {
    hint: 'For example /ip4/192.0.2.7/tcp/4001 or /dns4/tools.example/tcp/443/tls/ws.'
  })
}

function isKey(spelling: string | undefined, publicKey: Uint8Array): boolean {
  const key = spelling === undefined ? undefined : publicKeyOf(spelling)
  return key !== undefined && hexOf(key) === hexOf(publicKey)
}
