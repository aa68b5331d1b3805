import { crypto } from '../crypto/index.ts'
import { acceptChangedKey, type ChangedKey, changedKey } from '../protocols/sessions/index.ts'
import { AuditTrail } from './audit/audit-trail.ts'
import { resolveKnownPeer } from './known-peer.ts'
import { withStore } from './store-access.ts'
import type { OpenWalletOptions } from './wallet/index.ts'

export interface AcceptKeyOptions extends OpenWalletOptions {
  /** A name of the address book, PeerId, did:key or hex key. */
  peer: string
  /** Asked with both keys, in hexadecimal digits, before the new one is accepted. */
  confirm: (keys: { peerId: string; pinned: string; offered: string }) => Promise<boolean>
  signal?: AbortSignal
}

/**
 * Accepts the agreement key that a peer has come with in place of the one that was pinned. False when `confirm` said no.
 * Throws SESSION_KEY_NOT_CHANGED, PEER_*, WALLET_*, STORAGE_*, and the reason of the signal: then nothing was accepted.
 */
export async function acceptPeerKey(options: AcceptKeyOptions): Promise<boolean> {
  const { signal } = options
  const context = signal === undefined ? {} : { signal }
  signal?.throwIfAborted()
  const location = options.dataDir === undefined ? {} : { dataDir: options.dataDir }
  const peerId = await resolveKnownPeer(options.peer, location)
  const { pinned, offered } = await withStore<ChangedKey>(options, {
    node: api => api.changedKey({ peer: peerId }, context),
    store: store => changedKey(store, crypto, peerId)
  })
  if (!(await options.confirm({ peerId, pinned: hex(pinned), offered: hex(offered) }))) return false
  signal?.throwIfAborted()
  await withStore(options, {
    node: api => api.acceptKey({ peer: peerId, offered }, context),
    store: async (store, wallet) => {
      await using trail = await AuditTrail.open(store, wallet)
      await acceptChangedKey(store, crypto, peerId, offered, trail.record)
    }
  })
  return true
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
