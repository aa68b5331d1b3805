import type { PeerId } from '@libp2p/interface'
import type { TunnelOffer } from '../../protocols/mcp/tunnel/host.ts'
import type { SessionStore } from '../../protocols/sessions/index.ts'

const PREFIX = 'offer/'

/** What is offered, or about to be. */
export type Offering = Pick<TunnelOffer, 'services' | 'authorizedPeers'>

/**
 * Keeps who may use a service, until it is offered again. When the program that serves has ended, or the node was started anew
 * and that program is not back yet, such a peer is told to try again instead of being turned away for good.
 */
export async function rememberOffer(store: SessionStore, { services, authorizedPeers }: Offering): Promise<void> {
  const peers = new TextEncoder().encode(authorizedPeers.join(' '))
  await store.transact(async transaction => {
    for (const service of services) transaction.put(keyOf(service), peers.slice())
  })
}

/** Whether the last offer of that service, or of any, authorised the peer. */
export async function isAwaited(store: SessionStore, peer: PeerId, service?: string): Promise<boolean> {
  return store.transact(async transaction => {
    const keys = service === undefined ? await transaction.keys(PREFIX) : [keyOf(service)]
    for (const key of keys) {
      const peers = new TextDecoder().decode(await transaction.get(key))
      if (peers.split(' ').includes(peer.toString())) return true
    }
    return false
  })
}

/** A service's name may be any text, a key is ASCII. */
const keyOf = (service: string): string => `${PREFIX}${Buffer.from(service).toString('hex')}`
