import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from 'node:crypto'
import { didKeyOf, hexOf, peerIdOf } from '../../crypto/peer-key.ts'
import type { Contents } from './keystore.ts'

/** The keys by which this agent is known. The secrets are getters: printing or serialising the object shows none. */
export interface WalletIdentity {
  /** Ed25519, 32 bytes: the libp2p key, the PeerId, the DID. */
  readonly publicKey: Uint8Array
  /** The 32-byte Ed25519 seed (RFC 8032 private key), for libp2p's private key. */
  readonly seed: Uint8Array
  /** The 64-byte Ed25519 signature. The caller separates domains. */
  sign(bytes: Uint8Array): Uint8Array
  /** X25519, independent of the signing key. 32 bytes each. */
  readonly agreement: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
}

/** An open wallet. */
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

export function walletOf(contents: Contents, name: string, sealed: boolean): Wallet {
  return new OpenWallet(contents, name, sealed)
}

/** The identity that 32 bytes of recovery entropy stand for. HKDF-SHA-256, empty salt, one label a key. */
export function identityOf(entropy: Uint8Array): WalletIdentity {
  return new DerivedIdentity(entropy)
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
    this.#identity = identityOf(contents.entropy)
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
    return hkdf(this.#storageKey, `talos/storage/v1\0${label}`)
  }
}

class DerivedIdentity implements WalletIdentity {
  readonly publicKey: Uint8Array
  readonly #seed: Uint8Array
  readonly #signingKey: KeyObject
  readonly #agreement: { publicKey: Uint8Array; secretKey: Uint8Array }

  constructor(entropy: Uint8Array) {
    this.#seed = hkdf(entropy, 'talos/wallet/ed25519/v1')
    this.#signingKey = privateKey('Ed25519', this.#seed)
    this.publicKey = publicBytes(this.#signingKey)
    const secretKey = hkdf(entropy, 'talos/wallet/x25519/v1')
    this.#agreement = { publicKey: publicBytes(privateKey('X25519', secretKey)), secretKey }
  }

  get seed(): Uint8Array {
    return this.#seed
  }

  get agreement(): { publicKey: Uint8Array; secretKey: Uint8Array } {
    return this.#agreement
  }

  sign(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, bytes, this.#signingKey))
  }
}

function hkdf(secret: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), label, 32))
}

/** RFC 8410: PKCS #8 for a raw 32-byte private key. */
const PKCS8 = { Ed25519: '302e020100300506032b657004220420', X25519: '302e020100300506032b656e04220420' }

function privateKey(curve: keyof typeof PKCS8, raw: Uint8Array): KeyObject {
  const der = Buffer.concat([Buffer.from(PKCS8[curve], 'hex'), raw])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** The raw key is the last 32 bytes of the SubjectPublicKeyInfo. */
function publicBytes(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
}
