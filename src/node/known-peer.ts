import { listPeers } from './address-book.ts'
import { resolvePeer } from './peer-ref.ts'
import type { WalletLocation } from './wallet/index.ts'

/** The PeerId of a key, or of a name of the address book: no server is asked. Throws PEER_*. */
export async function resolveKnownPeer(reference: string, location: WalletLocation = {}): Promise<string> {
  const book = (await listPeers(location)).map(peer => ({ ...peer, source: 'petname' as const }))
  return resolvePeer(reference, book).peerId
}
