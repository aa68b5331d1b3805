import { openssl } from './openssl.ts'
import type { CryptoProvider } from './provider.ts'

export { createNoble, noble } from './noble.ts'
export { openssl } from './openssl.ts'
export {
  type AgreementKey,
  type CryptoProvider,
  type KemKey,
  SIZES,
  wipe
} from './provider.ts'
export { signStatement, statement, verifyStatement } from './statement.ts'

/** The provider that Talos uses on Node. */
export const crypto: CryptoProvider = openssl
