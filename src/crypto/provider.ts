/** An X25519 private key (RFC 7748). The secret stays inside the provider unless it is exported for sealed storage. */
export interface AgreementKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /**
   * The shared secret with `publicKey` (32 bytes). An all-zero result, which a small-order point forces, is refused.
   *
   * @throws CRYPTO_BAD_KEY when `publicKey` is not 32 bytes or contributes nothing
   */
  agree(publicKey: Uint8Array): Uint8Array
  /** A copy of the 32-byte secret; the caller wipes it. */
  exportSecret(): Uint8Array
  /** Wipes the secret, where it is still in this memory. The key must not be used afterwards. */
  [Symbol.dispose]?(): void
}

/** An Ed25519 private key (RFC 8032). */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** The 64-byte signature of `message`. */
  sign(message: Uint8Array): Uint8Array
}

/** An ML-KEM-768 private key (FIPS 203), kept as its 64-byte seed `d ‖ z`. */
export interface KemKey {
  /** 1,184 bytes. */
  readonly publicKey: Uint8Array
  /**
   * The 32-byte secret inside `ciphertext`. A forged ciphertext yields an unrelated secret (implicit rejection), no error.
   *
   * @throws CRYPTO_BAD_KEY when `ciphertext` is not 1,088 bytes
   */
  decapsulate(ciphertext: Uint8Array): Uint8Array
  /** A copy of the 64-byte seed; the caller wipes it. */
  exportSeed(): Uint8Array
}

export interface Encapsulation {
  /** 1,088 bytes, for the holder of the KEM key. */
  ciphertext: Uint8Array
  /** 32 bytes. */
  sharedSecret: Uint8Array
}

/** {@link CryptoProvider.seal} and {@link CryptoProvider.open} with a copy of a key. */
export interface Aead {
  seal(nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array, headroom?: number): Uint8Array
  open(nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined
}

/**
 * The primitives of Talos behind one interface: OpenSSL (`openssl`, node:crypto) where Node runs, pure JavaScript (`noble`)
 * elsewhere. Both give the same bytes for the same input and accept and refuse the same keys and signatures; the tests hold
 * them to it. Every call is synchronous. Results are fresh buffers that the caller owns and may wipe.
 */
export interface CryptoProvider {
  readonly name: string

  readonly ed25519: {
    generate(): SigningKey
    /** @throws CRYPTO_BAD_KEY when `seed` is not 32 bytes */
    fromSeed(seed: Uint8Array): SigningKey
    /**
     * Strict: a 32-byte canonical public key that is not of small order, a 64-byte signature with S below the group order,
     * and the equation without cofactor. Anything else is false, never an exception.
     */
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  }

  readonly x25519: {
    generate(): AgreementKey
    /** @throws CRYPTO_BAD_KEY when `secret` is not 32 bytes */
    fromSecret(secret: Uint8Array): AgreementKey
    /** The same for a key that will perhaps not be used before it is disposed of: nothing is computed until it is. */
    lazy(secret: Uint8Array): AgreementKey
  }

  readonly mlKem768: {
    generate(): KemKey
    /** @throws CRYPTO_BAD_KEY when `seed` is not 64 bytes */
    fromSeed(seed: Uint8Array): KemKey
    /** @throws CRYPTO_BAD_KEY when `publicKey` is not a valid encapsulation key (FIPS 203 §7.2) */
    encapsulate(publicKey: Uint8Array): Encapsulation
  }

  /**
   * ChaCha20-Poly1305 (RFC 8439): ciphertext ‖ 16-byte tag, after `headroom` zero bytes for the caller's header.
   * Key 32 bytes, nonce 12 bytes.
   */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array, headroom?: number): Uint8Array
  /** The plaintext of ciphertext ‖ tag, or undefined when it does not verify. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined
  /** The same under one key for as long as the process runs: to import it costs a third of what sealing a few bytes does. */
  aead(key: Uint8Array): Aead

  sha256(data: Uint8Array): Uint8Array
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array
  /** HKDF-SHA-256 (RFC 5869). An empty salt means 32 zero bytes. */
  hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array

  randomBytes(length: number): Uint8Array
  /** Compares in time that depends on the lengths only; false when they differ. */
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean
}

/** Lengths in bytes of what crosses the interface. */
export const SIZES = {
  publicKey: 32,
  signature: 64,
  kemPublicKey: 1184,
  kemCiphertext: 1088,
  kemSeed: 64,
  aeadTag: 16
} as const

/**
 * Overwrites secrets that are no longer needed. Best effort: a runtime may have copied them before, and strings cannot be
 * wiped at all, so secrets are never made into strings on a path that repeats.
 */
export function wipe(...secrets: Array<Uint8Array | undefined>): void {
  for (const secret of secrets) secret?.fill(0)
}
