import nodeCrypto, {
  type BinaryLike,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
  type KeyObject,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify
} from 'node:crypto'
import { badKey, isStrictEd25519Key, requireContribution, requireLength } from './checks.ts'
import type { AgreementKey, CryptoProvider, Encapsulation, KemKey, SigningKey } from './provider.ts'
import { SIZES } from './provider.ts'
import { release } from './release.ts'

// PKCS #8 up to the key itself (RFC 8410, RFC 9935 seed form)
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const ML_KEM_768_PKCS8 = Buffer.from('3054020100300b06096086480165030404020442' + '8040', 'hex')
const ML_KEM_768_SPKI = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex')

/** The view of a Buffer that is no Buffer: results behave alike whichever provider made them. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function importPrivate(prefix: Buffer, secret: Uint8Array): KeyObject {
  const key = Buffer.concat([prefix, secret])
  try {
    return withoutStacks(() => createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  } finally {
    key.fill(0)
  }
}

function exportPublic(key: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url'))
}

/**
 * Node 24 finds out what it was given by throwing and catching errors; the stacks of those are two thirds of the price of
 * importing a key (30 µs, 10 µs without).
 */
function withoutStacks<Result>(run: () => Result): Result {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return run()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/**
 * Public keys as KeyObjects. An import costs a quarter of what the key is then used for, and the same key
 * is used again (two agreements per ratchet step, every signature of a peer).
 */
class PublicKeys {
  readonly #curve: string
  readonly #keys = new Map<string, KeyObject>()

  constructor(curve: string) {
    this.#curve = curve
  }

  get(raw: Uint8Array): KeyObject {
    const x = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('base64url')
    let key = this.#keys.get(x)
    if (key === undefined) {
      key = withoutStacks(() => createPublicKey({ key: { kty: 'OKP', crv: this.#curve, x }, format: 'jwk' }))
      if (this.#keys.size >= 256) this.#keys.delete(this.#keys.keys().next().value!)
      this.#keys.set(x, key)
    }
    return key
  }
}

const ed25519Keys = new PublicKeys('Ed25519')
const x25519Keys = new PublicKeys('X25519')

class OpensslAgreementKey implements AgreementKey {
  readonly publicKey: Uint8Array
  readonly #key: KeyObject

  constructor(key: KeyObject) {
    this.#key = key
    this.publicKey = exportPublic(key)
  }

  agree(publicKey: Uint8Array): Uint8Array {
    requireLength('An X25519 public key', publicKey, SIZES.publicKey)
    let shared: Buffer
    try {
      shared = diffieHellman({ privateKey: this.#key, publicKey: x25519Keys.get(publicKey) })
    } catch (cause) {
      throw badKey('The X25519 public key', cause)
    }
    return requireContribution(plain(shared))
  }

  exportSecret(): Uint8Array {
    return exportTail(this.#key, X25519_PKCS8.length)
  }
}

function exportTail(key: KeyObject, prefix: number): Uint8Array {
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const secret = new Uint8Array(der.subarray(prefix))
  der.fill(0)
  return secret
}

class OpensslSigningKey implements SigningKey {
  readonly publicKey: Uint8Array
  readonly #key: KeyObject

  constructor(key: KeyObject) {
    this.#key = key
    this.publicKey = exportPublic(key)
  }

  sign(message: Uint8Array): Uint8Array {
    return plain(sign(null, message, this.#key))
  }
}

class OpensslKemKey implements KemKey {
  readonly publicKey: Uint8Array
  readonly #key: KeyObject
  readonly #seed: Uint8Array

  constructor(seed: Uint8Array) {
    this.#seed = new Uint8Array(seed)
    this.#key = importPrivate(ML_KEM_768_PKCS8, seed)
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' })
    this.publicKey = new Uint8Array(spki.subarray(ML_KEM_768_SPKI.length))
  }

  decapsulate(ciphertext: Uint8Array): Uint8Array {
    requireLength('An ML-KEM-768 ciphertext', ciphertext, SIZES.kemCiphertext)
    return plain(nodeCrypto.decapsulate(this.#key, ciphertext))
  }

  exportSeed(): Uint8Array {
    return new Uint8Array(this.#seed)
  }
}

// 4 KB of randomness at a time: a call for 16 bytes costs 2 µs, a piece of the pool 0.05 µs
const pool = new Uint8Array(4096)
let poolAt = pool.length

function randomBytes(length: number): Uint8Array {
  if (length > 256) return randomFillSync(new Uint8Array(length))
  if (poolAt + length > pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const bytes = pool.slice(poolAt, poolAt + length)
  pool.fill(0, poolAt, poolAt + length)
  poolAt += length
  return bytes
}

/**
 * HMAC from two one-shot hashes (RFC 2104): half the cost of `createHmac` with a KeyObject, a sixth of it with raw bytes.
 * The pads live in two scratch buffers that are wiped before the call returns.
 */
function hmacOver(algorithm: 'sha256' | 'sha512', block: number): (key: Uint8Array, data: Uint8Array) => Uint8Array {
  const size = algorithm === 'sha256' ? 32 : 64
  const small = new Uint8Array(block + 256)
  const outer = new Uint8Array(block + size)
  const digest = (bytes: Uint8Array) => hash(algorithm, bytes as BinaryLike, 'buffer')
  return (key, data) => {
    const short = key.length > block ? digest(key) : key
    const inner = data.length > 256 ? new Uint8Array(block + data.length) : small.subarray(0, block + data.length)
    inner.fill(0x36, 0, block)
    outer.fill(0x5c, 0, block)
    for (let i = 0; i < short.length; i++) {
      const byte = short[i]!
      inner[i]! ^= byte
      outer[i]! ^= byte
    }
    inner.set(data, block)
    outer.set(digest(inner), block)
    const mac = plain(digest(outer))
    inner.fill(0)
    outer.fill(0)
    return mac
  }
}

const AEAD = 'chacha20-poly1305'
const AEAD_OPTIONS = { authTagLength: SIZES.aeadTag }
const AAD_OPTIONS = { plaintextLength: 0 } // the types want it; only CCM reads it

// read from the default import: a named import that an older Node lacks would fail to link
function hasMlKem(): boolean {
  try {
    importPrivate(ML_KEM_768_PKCS8, new Uint8Array(SIZES.kemSeed))
    return typeof nodeCrypto.encapsulate === 'function'
  } catch {
    return false
  }
}

const opensslMlKem: CryptoProvider['mlKem768'] = {
  generate: () => {
    const seed = randomBytes(SIZES.kemSeed)
    const key = new OpensslKemKey(seed)
    seed.fill(0)
    return key
  },
  fromSeed: seed => {
    requireLength('An ML-KEM-768 seed', seed, SIZES.kemSeed)
    return new OpensslKemKey(seed)
  },
  encapsulate: (publicKey): Encapsulation => {
    requireLength('An ML-KEM-768 public key', publicKey, SIZES.kemPublicKey)
    try {
      const spki = Buffer.concat([ML_KEM_768_SPKI, publicKey])
      const key = withoutStacks(() => createPublicKey({ key: spki, format: 'der', type: 'spki' }))
      const { ciphertext, sharedKey } = nodeCrypto.encapsulate(key)
      return { ciphertext: plain(ciphertext), sharedSecret: plain(sharedKey) }
    } catch (cause) {
      throw badKey('The ML-KEM-768 public key', cause)
    }
  }
}

// loaded only where it is needed: the curves of @noble alone take longer to load than all of the rest
const mlKem768 = hasMlKem() ? opensslMlKem : (await import('./noble.ts')).noble.mlKem768

/** node:crypto, with ML-KEM-768 from @noble/post-quantum where this Node has none (before 24.7). */
export const openssl: CryptoProvider = {
  name: 'openssl',
  ed25519: {
    generate: () => new OpensslSigningKey(generateKeyPairSync('ed25519').privateKey),
    fromSeed: seed => {
      requireLength('An Ed25519 seed', seed, 32)
      return new OpensslSigningKey(importPrivate(ED25519_PKCS8, seed))
    },
    verify: (publicKey, message, signature) => {
      if (signature.length !== SIZES.signature || !isStrictEd25519Key(publicKey)) return false
      try {
        return verify(null, message, ed25519Keys.get(publicKey), signature)
      } catch {
        return false
      }
    }
  },
  x25519: {
    generate: () => new OpensslAgreementKey(generateKeyPairSync('x25519').privateKey),
    fromSecret: secret => {
      requireLength('An X25519 secret', secret, 32)
      return new OpensslAgreementKey(importPrivate(X25519_PKCS8, secret))
    }
  },
  mlKem768,
  seal: (key, nonce, plaintext, ad, headroom = 0) => {
    const cipher = createCipheriv(AEAD, createSecretKey(key), nonce, AEAD_OPTIONS)
    cipher.setAAD(ad, AAD_OPTIONS)
    const sealed = new Uint8Array(headroom + plaintext.length + SIZES.aeadTag)
    const encrypted = cipher.update(plaintext)
    sealed.set(encrypted, headroom)
    release(encrypted)
    cipher.final()
    sealed.set(cipher.getAuthTag(), headroom + plaintext.length)
    return sealed
  },
  open: (key, nonce, sealed, ad) => {
    const length = sealed.length - SIZES.aeadTag
    if (length < 0) return undefined
    const decipher = createDecipheriv(AEAD, createSecretKey(key), nonce, AEAD_OPTIONS)
    decipher.setAAD(ad, AAD_OPTIONS)
    decipher.setAuthTag(sealed.subarray(length))
    const plaintext = decipher.update(sealed.subarray(0, length))
    try {
      decipher.final()
    } catch {
      plaintext.fill(0)
      return undefined
    }
    return plain(plaintext)
  },
  sha256: data => plain(hash('sha256', data as BinaryLike, 'buffer')),
  hmacSha256: hmacOver('sha256', 64),
  hmacSha512: hmacOver('sha512', 128),
  hkdf: (ikm, salt, info, length) => new Uint8Array(hkdfSync('sha256', createSecretKey(ikm), salt, info, length)),
  randomBytes,
  timingSafeEqual: (a, b) => a.length === b.length && timingSafeEqual(a, b)
}
