import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { randomBytes as systemRandom } from '@noble/hashes/utils.js'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { badKey, isStrictEd25519Key, requireContribution, requireLength } from './checks.ts'
import type { AgreementKey, CryptoProvider, KemKey, SigningKey } from './provider.ts'
import { SIZES } from './provider.ts'

class NobleAgreementKey implements AgreementKey {
  readonly publicKey: Uint8Array
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    requireLength('An X25519 secret', secret, 32)
    this.#secret = new Uint8Array(secret)
    this.publicKey = x25519.getPublicKey(this.#secret)
  }

  agree(publicKey: Uint8Array): Uint8Array {
    requireLength('An X25519 public key', publicKey, SIZES.publicKey)
    let shared: Uint8Array
    try {
      shared = x25519.getSharedSecret(this.#secret, publicKey)
    } catch (cause) {
      throw badKey('The X25519 public key', cause)
    }
    return requireContribution(shared)
  }

  exportSecret(): Uint8Array {
    return new Uint8Array(this.#secret)
  }
}

class NobleSigningKey implements SigningKey {
  readonly publicKey: Uint8Array
  readonly #seed: Uint8Array

  constructor(seed: Uint8Array) {
    requireLength('An Ed25519 seed', seed, 32)
    this.#seed = new Uint8Array(seed)
    this.publicKey = ed25519.getPublicKey(this.#seed)
  }

  sign(message: Uint8Array): Uint8Array {
    return ed25519.sign(message, this.#seed)
  }
}

class NobleKemKey implements KemKey {
  readonly publicKey: Uint8Array
  readonly #seed: Uint8Array
  readonly #secretKey: Uint8Array

  constructor(seed: Uint8Array) {
    requireLength('An ML-KEM-768 seed', seed, SIZES.kemSeed)
    this.#seed = new Uint8Array(seed)
    const { publicKey, secretKey } = ml_kem768.keygen(this.#seed)
    this.publicKey = publicKey
    this.#secretKey = secretKey
  }

  decapsulate(ciphertext: Uint8Array): Uint8Array {
    requireLength('An ML-KEM-768 ciphertext', ciphertext, SIZES.kemCiphertext)
    return ml_kem768.decapsulate(ciphertext, this.#secretKey)
  }

  exportSeed(): Uint8Array {
    return new Uint8Array(this.#seed)
  }
}

const { Point } = ed25519
const { Fn } = Point

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

/** RFC 8032 §5.1.7 without the cofactor, as OpenSSL computes it; noble's own `verify` clears the cofactor and so accepts more. */
function verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIZES.signature || !isStrictEd25519Key(publicKey)) return false
  const r = signature.subarray(0, 32)
  const s = littleEndian(signature.subarray(32))
  if (s >= Fn.ORDER) return false
  try {
    const a = Point.fromBytes(publicKey, false)
    const k = littleEndian(sha512.create().update(r).update(publicKey).update(message).digest()) % Fn.ORDER
    const expected = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k)).toBytes()
    return constantTimeEqual(expected, r)
  } catch {
    return false
  }
}

function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

function seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array, headroom = 0): Uint8Array {
  const sealed = new Uint8Array(headroom + plaintext.length + SIZES.aeadTag)
  chacha20poly1305(key, nonce, ad).encrypt(plaintext, sealed.subarray(headroom))
  return sealed
}

function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined {
  if (sealed.length < SIZES.aeadTag) return undefined
  try {
    return chacha20poly1305(key, nonce, ad).decrypt(sealed)
  } catch {
    return undefined
  }
}

/**
 * Pure JavaScript, for runtimes without node:crypto and as the second opinion in tests. `randomBytes` is injected, so that a
 * test can make every key, salt and encapsulation reproducible.
 */
export function createNoble(randomBytes: (length: number) => Uint8Array = systemRandom): CryptoProvider {
  return {
    name: 'noble',
    ed25519: {
      generate: () => new NobleSigningKey(randomBytes(32)),
      fromSeed: seed => new NobleSigningKey(seed),
      verify: verifyStrict
    },
    x25519: {
      generate: () => new NobleAgreementKey(randomBytes(32)),
      fromSecret: secret => new NobleAgreementKey(secret),
      lazy: secret => new NobleAgreementKey(secret)
    },
    mlKem768: {
      generate: () => new NobleKemKey(randomBytes(SIZES.kemSeed)),
      fromSeed: seed => new NobleKemKey(seed),
      encapsulate: publicKey => {
        requireLength('An ML-KEM-768 public key', publicKey, SIZES.kemPublicKey)
        try {
          const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, randomBytes(32))
          return { ciphertext: cipherText, sharedSecret }
        } catch (cause) {
          throw badKey('The ML-KEM-768 public key', cause)
        }
      }
    },
    seal,
    open,
    aead: secret => {
      const key = new Uint8Array(secret)
      return { seal: (...rest) => seal(key, ...rest), open: (...rest) => open(key, ...rest) }
    },
    sha256: data => sha256(data),
    hmacSha256: (key, data) => hmac(sha256, key, data),
    hmacSha512: (key, data) => hmac(sha512, key, data),
    hkdf: (ikm, salt, info, length) => hkdf(sha256, ikm, salt, info, length),
    randomBytes,
    timingSafeEqual: constantTimeEqual
  }
}

export const noble: CryptoProvider = createNoble()
