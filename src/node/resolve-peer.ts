import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { peerIdOf, publicKeyOf } from '../crypto/peer-key.ts'
import type { AgentNode } from './agent-node.ts'

/** Who is meant by a key, a name of the address book, or a registered name. Throws PEER_*, REGISTRY_*. */
export async function resolveAt(node: AgentNode, reference: string, signal: AbortSignal | undefined): Promise<PeerId> {
  const key = publicKeyOf(reference)
  if (key !== undefined) return peerIdFromString(peerIdOf(key))
  const directory = await node.directory(signal)
  const { peerId } = await directory.resolve(reference, signal === undefined ? {} : { signal })
  return peerIdFromString(peerId)
}
