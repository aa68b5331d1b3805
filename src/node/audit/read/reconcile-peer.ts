import type { PeerId } from '@libp2p/interface'
import { NOTE_KEY, openCheckpoint, originIn } from '../../../chain/index.ts'
import { crypto } from '../../../crypto/index.ts'
import { publicKeyOf } from '../../../crypto/peer-key.ts'
import { TalosError } from '../../../errors.ts'
import { askPeer, digestOf } from '../../../protocols/audit/index.ts'
import type { AgentNode } from '../../agent-node.ts'
import { exportedRecords } from './exported-file.ts'
import { type ReconcileReport, reconcile, type TheirRecord, type Window } from './reconcile.ts'

/**
 * Compares with the peer itself, if its owner lets us.
 *
 * @throws AUDIT_REFUSED, AUDIT_BUSY, AUDIT_UNSUPPORTED, AUDIT_PROTOCOL, NETWORK_*
 */
export async function reconcileWithPeer(
  node: AgentNode,
  peer: PeerId,
  window: Window,
  signal: AbortSignal
): Promise<ReconcileReport> {
  const connection = await node.connect(peer, signal)
  const { nonce, checkpoint, entries } = await askPeer(connection, signal)
  const state = checkpointOf(checkpoint, peer)
  async function* theirs(): AsyncGenerator<TheirRecord> {
    for await (const { digests, ...entry } of entries) {
      yield {
        ...entry,
        has: field => {
          const digest = digests.get(field.name)
          return digest && crypto.timingSafeEqual(digest, digestOf(crypto, nonce, field))
        }
      }
    }
  }
  const report = await reconcile(node.audit.chain, peer.toString(), theirs(), window)
  return { ...report, source: 'peer', checkpoint: state }
}

/**
 * Compares with a file that the peer exported.
 *
 * @throws AUDIT_FILE_INVALID, STORAGE_READ_FAILED
 */
export async function reconcileWithFile(
  node: AgentNode,
  peer: PeerId,
  path: string,
  window: Window
): Promise<ReconcileReport> {
  const counts = { proved: 0 }
  const theirs = exportedRecords(path, peer.toString(), node.wallet.peerId, counts)
  const report = await reconcile(node.audit.chain, peer.toString(), theirs, window)
  return { ...report, source: 'file', proved: counts.proved }
}

function checkpointOf(note: string, peer: PeerId): { origin: string; size: number } {
  try {
    const name = originIn(note)
    const log = { name, type: NOTE_KEY.ed25519, publicKey: publicKeyOf(peer.toString())! }
    const { origin, size } = openCheckpoint(note, { log })
    return { origin, size }
  } catch (cause) {
    throw new TalosError('AUDIT_PROTOCOL', 'the peer broke the rules: it did not sign its checkpoint', { cause })
  }
}
