import { type AgreementKey, type CryptoProvider, crypto, wipe } from '../../crypto/index.ts'
import { didKeyOf, hexOf, peerIdOf } from '../../crypto/peer-key.ts'
import { certifyAgreementKey, type LocalIdentity } from '../../protocols/ratchet/identity.ts'
import type { Contents } from './keystore.ts'

/** The keys by which this agent is known, as sessions need them, and the seed. */
export interface WalletIdentity extends LocalIdentity {
  /** The 32-byte Ed25519 seed (RFC 8032 private key), for libp2p's private key. */
  readonly seed: Uint8Array
}

/** An open wallet. Printing or serialising it shows no secret. */
export interface Wallet {
  readonly name: string
  /** `12D3Koo…` */
  readonly peerId: string
  /** `did:key:z6Mk…` */
  readonly did: string
  /** 64 digits. */
  readonly hex: string
  /** False when it was opened from an `--insecure-plaintext` file. */
  readonly sealed: boolean
  readonly identity: WalletIdentity
  /**
   * A 32-byte key for storage, one per label. It comes from a random key that the recovery phrase does not hold: a restored
   * identity starts with fresh sessions, and the phrase alone opens no stored data.
   */
  deriveKey(label: string): Uint8Array
}

/** The wallet that `contents` are; they are copied, so that the caller can wipe them. */
export function walletOf(contents: Contents, name: string, sealed: boolean): Wallet {
  return new OpenWallet(contents, name, sealed)
}

class OpenWallet implements Wallet {
  readonly name: string
  readonly peerId: string
  readonly did: string
  readonly hex: string
  readonly sealed: boolean
  readonly #identity: WalletIdentity
  readonly #storageKey: Uint8Array

  constructor(contents: Contents, name: string, sealed: boolean) {
    this.#identity = new DerivedIdentity(contents.entropy)
    this.#storageKey = contents.storageKey.slice()
    this.name = name
    this.peerId = peerIdOf(this.#identity.publicKey)
    this.did = didKeyOf(this.#identity.publicKey)
    this.hex = hexOf(this.#identity.publicKey)
    this.sealed = sealed
  }

  get identity(): WalletIdentity {
    return this.#identity
  }

  deriveKey(label: string): Uint8Array {
    return derive(this.#storageKey, `talos/storage/v1\0${label}`)
  }
}

/** The identity that 32 bytes of recovery entropy stand for: HKDF-SHA-256, empty salt, one label a key. */
class DerivedIdentity implements WalletIdentity {
  readonly publicKey: Uint8Array
  readonly agreementCertificate: Uint8Array
  readonly #seed: Uint8Array
  readonly #signing: ReturnType<CryptoProvider['ed25519']['fromSeed']>
  readonly #agreement: AgreementKey

  constructor(entropy: Uint8Array) {
    this.#seed = derive(entropy, 'talos/wallet/ed25519/v1')
    this.#signing = crypto.ed25519.fromSeed(this.#seed)
    const secret = derive(entropy, 'talos/wallet/x25519/v1')
    this.#agreement = crypto.x25519.fromSecret(secret)
    wipe(secret)
    this.publicKey = this.#signing.publicKey
    this.agreementCertificate = certifyAgreementKey(this.#signing, this.#agreement.publicKey)
  }

  get seed(): Uint8Array {
    return this.#seed
  }

  get agreement(): AgreementKey {
    return this.#agreement
  }

  sign(bytes: Uint8Array): Uint8Array {
    return this.#signing.sign(bytes)
  }
}

const derive = (secret: Uint8Array, label: string) =>
  crypto.hkdf(secret, new Uint8Array(), new TextEncoder().encode(label), 32)
