import type { PeerId } from '@libp2p/interface'
import { listPeers } from './address-book.ts'
import { resolvePeer } from './peer-ref.ts'
import type { WalletLocation } from './wallet/index.ts'

/** The PeerId of a key, or of a name of the address book: no server is asked. Throws PEER_*. */
export async function resolveKnownPeer(reference: string, location: WalletLocation = {}): Promise<string> {
  const book = (await listPeers(location)).map(peer => ({ ...peer, source: 'petname' as const }))
  return resolvePeer(reference, book).peerId
}

/** How long the address book is believed, where it is asked for each message. Milliseconds. */
const BOOK_AGE = 1_000

/** Whether a peer is in the address book, as it is now or was a second ago. Throws STORAGE_*. */
export function addressBookOf(location: WalletLocation): (peer: PeerId) => Promise<boolean> {
  let book: Promise<ReadonlySet<string>> | undefined
  let readAt = 0
  return async peer => {
    if (book === undefined || Date.now() - readAt > BOOK_AGE) {
      readAt = Date.now()
      book = listPeers(location).then(peers => new Set(peers.map(({ peerId }) => peerId)))
      book.catch(() => (book = undefined))
    }
    return (await book).has(peer.toString())
  }
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
