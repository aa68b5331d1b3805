import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PolicyWitness } from '../../chain/policy.ts'
import { publicKeyOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import type { AgentNode } from '../agent-node.ts'

/** A connection to a witness: by the address that the policy has for it, or what is known of its PeerId. Throws WITNESS_ADDRESS_INVALID, NETWORK_*. */
export async function connectWitness(
  node: Pick<AgentNode, 'connect'>,
  { name, key, url }: PolicyWitness,
  signal: AbortSignal
): Promise<Connection> {
  const [, address = '', peerId] =
    /^(\/.+)?\/p2p\/([A-Za-z0-9]+)$/.exec(url ?? `/p2p/${key.name.replace(/^talos-witness\//, '')}`) ?? []
  if (peerId === undefined || publicKeyOf(peerId) === undefined) {
    throw new TalosError('WITNESS_ADDRESS_INVALID', `the policy does not say where the witness ${name} is`, {
      hint: 'After its key stands /p2p/ and its PeerId, or a multiaddr that ends so.'
    })
  }
  return node.connect(peerIdFromString(peerId), signal, address === '' ? [] : [`${address}/p2p/${peerId}`])
}
