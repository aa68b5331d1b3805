export { didKeyOf, hexOf, peerIdOf, publicKeyOf } from './crypto/peer-key.ts'
export { isTalosError, TalosError, type TalosErrorOptions } from './errors.ts'
export { addPeer, type KnownPeer, listPeers, removePeer } from './node/address-book.ts'
export { resolveDataDir } from './node/data-dir.ts'
export { type PeerCandidate, type ResolvedPeer, resolvePeer } from './node/peer-ref.ts'
export {
  type ChangePassphraseOptions,
  type CreatedWallet,
  type CreateWalletOptions,
  changePassphrase,
  createWallet,
  exportPhrase,
  type OpenWalletOptions,
  openWallet,
  type PassphraseSource,
  passphraseFromEnvironment,
  passphraseMissing,
  readWalletSummary,
  SHORT_PASSPHRASE,
  type Wallet,
  type WalletIdentity,
  type WalletLocation,
  type WalletSummary
} from './node/wallet/index.ts'
