import { openssl, verifyBeside } from './openssl.ts'
import type { CryptoProvider } from './provider.ts'

export {
  type Aead,
  type AgreementKey,
  type CryptoProvider,
  type KemKey,
  SIZES,
  wipe
} from './provider.ts'
export { isAesQuicker } from './quicker-cipher.ts'
export { release } from './release.ts'
export { signStatement, statement, verifyStatement } from './statement.ts'
export { verifyBeside }

/** The provider that Talos uses on Node; the other one is `noble` in noble.ts. */
export const crypto: CryptoProvider = openssl
