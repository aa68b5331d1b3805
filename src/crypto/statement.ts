import { TalosError } from '../errors.ts'
import type { CryptoProvider } from './provider.ts'

const encoder = new TextEncoder()

/**
 * What is signed when `label` (`talos/<what>/v<n>`) says what `bytes` are: label ‖ 0x00 ‖ bytes. A signature made for one
 * purpose therefore never verifies for another.
 *
 * @throws CRYPTO_BAD_LABEL for a label of another form (a programming error)
 */
export function statement(label: string, bytes: Uint8Array): Uint8Array {
  if (!/^talos\/[a-z0-9-]+\/v[0-9]+$/.test(label)) {
    throw new TalosError('CRYPTO_BAD_LABEL', `'${label}' is not of the form talos/<what>/v<number>`)
  }
  const prefix = encoder.encode(`${label}\0`)
  const whole = new Uint8Array(prefix.length + bytes.length)
  whole.set(prefix)
  whole.set(bytes, prefix.length)
  return whole
}

/** The 64-byte Ed25519 signature of {@link statement}. */
export function signStatement(
  signer: { sign(bytes: Uint8Array): Uint8Array },
  label: string,
  bytes: Uint8Array
): Uint8Array {
  return signer.sign(statement(label, bytes))
}

/** True when `signature` is `publicKey`'s for {@link statement}; never throws for bad input. */
export function verifyStatement(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  label: string,
  bytes: Uint8Array,
  signature: Uint8Array
): boolean {
  return crypto.ed25519.verify(publicKey, statement(label, bytes), signature)
}
