export { didKeyOf, hexOf, peerIdOf, publicKeyOf } from './crypto/peer-key.ts'
export { isTalosError, TalosError, type TalosErrorOptions } from './errors.ts'
