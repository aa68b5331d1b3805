import { type AgreementKey, type CryptoProvider, SIZES, signStatement, verifyStatement } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { concat } from './codec.ts'

const LABEL = 'talos/agreement-key/v1'

/** What a session needs of the wallet. */
export interface LocalIdentity {
  /** Ed25519, 32 bytes: the PeerId's key. */
  readonly publicKey: Uint8Array
  /** An Ed25519 signature by that key. */
  sign(bytes: Uint8Array): Uint8Array
  /** The X25519 identity key: independent of the Ed25519 key, never derived from it by conversion. */
  readonly agreement: AgreementKey
  /** {@link certifyAgreementKey} of it, 64 bytes. */
  readonly agreementCertificate: Uint8Array
}

/** The Ed25519 key's statement that `agreementKey` is its owner's: 64 bytes, made once and kept with the wallet. */
export function certifyAgreementKey(
  signer: { publicKey: Uint8Array; sign(bytes: Uint8Array): Uint8Array },
  agreementKey: Uint8Array
): Uint8Array {
  return signStatement(signer, LABEL, concat(signer.publicKey, agreementKey))
}

/** @throws SESSION_IDENTITY_INVALID when the certificate is not `publicKey`'s for this agreement key */
export function verifyAgreementKey(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  agreementKey: Uint8Array,
  certificate: Uint8Array
): void {
  const sized = agreementKey.length === SIZES.publicKey && certificate.length === SIZES.signature
  if (!sized || !verifyStatement(crypto, publicKey, LABEL, concat(publicKey, agreementKey), certificate)) {
    throw new TalosError('SESSION_IDENTITY_INVALID', 'The peer’s agreement key is not certified by its identity key')
  }
}
