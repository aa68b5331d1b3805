import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, Ed25519PublicKey } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'

/** Who a node is. Its secret stays where it is. */
export interface NodeSigner {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** An Ed25519 signature by that key. It may take its time: a wallet that is being unsealed signs as soon as it is open. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/**
 * A signer as libp2p wants it. libp2p signs with it, when it shakes hands and for its peer record; the secret itself, which
 * its own key store would take, it does not get.
 */
export function privateKeyOf(signer: NodeSigner): Ed25519PrivateKey {
  const publicKey = publicKeyFromRaw(signer.publicKey) as Ed25519PublicKey
  return {
    type: 'Ed25519',
    publicKey,
    get raw(): Uint8Array {
      throw new TalosError('INTERNAL', "a node's secret key is asked for")
    },
    sign: bytes => signer.sign(bytes instanceof Uint8Array ? bytes : bytes.subarray()),
    equals: other => publicKey.equals(other?.publicKey)
  }
}
