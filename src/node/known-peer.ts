import { listPeers } from './address-book.ts'
import { resolvePeer } from './peer-ref.ts'
import type { WalletLocation } from './wallet/index.ts'

/** The PeerId of a key, or of a name of the address book: no server is asked. Throws PEER_*. */
export async function resolveKnownPeer(reference: string, location: WalletLocation = {}): Promise<string> {
  const book = (await listPeers(location)).map(peer => ({ ...peer, source: 'petname' as const }))
  return resolvePeer(reference, book).peerId
}

/** Whether one of the references means this peer, by the address book of the moment; `*` means everybody. Throws PEER_*. */
export async function isAmong(
  references: readonly string[],
  peerId: string,
  location: WalletLocation
): Promise<boolean> {
  if (references.includes('*')) return true
  const book = (await listPeers(location)).map(peer => ({ ...peer, source: 'petname' as const }))
  return references.some(reference => resolvePeer(reference, book).peerId === peerId)
}
