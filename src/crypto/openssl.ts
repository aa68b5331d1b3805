import nodeCrypto, {
  type BinaryLike,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  diffieHellman,
  hash,
  type KeyObject,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify
} from 'node:crypto'
import { badKey, isStrictEd25519Key, requireContribution, requireLength } from './checks.ts'
import { keyObjects, plain } from './key-objects.ts'
import type { AgreementKey, CryptoProvider, Encapsulation, KemKey, SigningKey } from './provider.ts'
import { SIZES } from './provider.ts'
import { release } from './release.ts'

/**
 * Public keys as KeyObjects. An import costs a quarter of what the key is then used for, and the same key
 * is used again (two agreements per ratchet step, every signature of a peer).
 */
class PublicKeys {
  readonly #kind: 'x25519' | 'ed25519'
  readonly #keys = new Map<string, KeyObject>()

  constructor(kind: 'x25519' | 'ed25519') {
    this.#kind = kind
  }

  get(raw: Uint8Array): KeyObject {
    const name = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('latin1')
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = keyObjects.importPublic(this.#kind, raw)
      if (this.#keys.size >= 256) this.#keys.delete(this.#keys.keys().next().value!)
      this.#keys.set(name, key)
    }
    return key
  }
}

const ed25519Keys = new PublicKeys('ed25519')
const x25519Keys = new PublicKeys('x25519')

class OpensslAgreementKey implements AgreementKey {
  readonly #key: KeyObject
  readonly publicKey: Uint8Array

  constructor({ key, publicKey }: { key: KeyObject; publicKey: Uint8Array }) {
    this.#key = key
    this.publicKey = publicKey
  }

  agree(publicKey: Uint8Array): Uint8Array {
    return agree(this.#key, publicKey)
  }

  exportSecret(): Uint8Array {
    return keyObjects.exportPrivate('x25519', this.#key)
  }
}

/**
 * A key from its bytes, which OpenSSL gets when it is needed: a session that is read, used once and written back has often no
 * need of its ratchet key but to write it again, and to import it costs as much as what it is then used for.
 */
class LazyAgreementKey implements AgreementKey {
  readonly #secret: Uint8Array
  #key: KeyObject | undefined
  #publicKey: Uint8Array | undefined

  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(secret)
  }

  get publicKey(): Uint8Array {
    this.#publicKey ??= keyObjects.exportPublic('x25519', this.#imported())
    return this.#publicKey
  }

  agree(publicKey: Uint8Array): Uint8Array {
    return agree(this.#imported(), publicKey)
  }

  exportSecret(): Uint8Array {
    return new Uint8Array(this.#secret)
  }

  [Symbol.dispose](): void {
    this.#secret.fill(0)
  }

  #imported(): KeyObject {
    this.#key ??= keyObjects.importPrivate('x25519', this.#secret)
    return this.#key
  }
}

let spare: AgreementKey | undefined
let isMaking = false

/** One is made ahead, while this thread waits for a disk or a peer: a ratchet needs one for each answer. */
function generateAgreementKey(): AgreementKey {
  const key = spare ?? newAgreementKey()
  spare = undefined
  if (!isMaking) {
    isMaking = true
    setImmediate(() => {
      isMaking = false
      spare = newAgreementKey()
    }).unref()
  }
  return key
}

const newAgreementKey = (): AgreementKey => new OpensslAgreementKey(keyObjects.generatePair('x25519'))

function agree(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  requireLength('An X25519 public key', publicKey, SIZES.publicKey)
  let shared: Buffer
  try {
    shared = diffieHellman({ privateKey, publicKey: x25519Keys.get(publicKey) })
  } catch (cause) {
    throw badKey('The X25519 public key', cause)
  }
  return requireContribution(plain(shared))
}

class OpensslSigningKey implements SigningKey {
  readonly publicKey: Uint8Array
  readonly #key: KeyObject

  constructor({ key, publicKey }: { key: KeyObject; publicKey: Uint8Array }) {
    this.#key = key
    this.publicKey = publicKey
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
    this.#key = keyObjects.importPrivate('ml-kem-768', seed)
    this.publicKey = keyObjects.exportPublic('ml-kem-768', this.#key)
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

const hmacSha256 = hmacOver('sha256', 64)
const NO_SALT = new Uint8Array(32)

/** HKDF (RFC 5869) from {@link hmacOver}: a job of OpenSSL's own costs as much as four hashes before it begins. */
function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const key = hmacSha256(salt.length === 0 ? NO_SALT : salt, ikm)
  const result = new Uint8Array(length)
  const input = new Uint8Array(32 + info.length + 1)
  let from = 32 // the first block has none before it
  input.set(info, 32)
  for (let at = 0, counter = 1; at < length; at += 32, counter++) {
    input[input.length - 1] = counter
    const block = hmacSha256(key, from === 0 ? input : input.subarray(from))
    result.set(length - at < 32 ? block.subarray(0, length - at) : block, at)
    input.set(block)
    from = 0
    block.fill(0)
  }
  key.fill(0)
  input.fill(0)
  return result
}

const AEAD = 'chacha20-poly1305'
const AEAD_OPTIONS = { authTagLength: SIZES.aeadTag }
const AAD_OPTIONS = { plaintextLength: 0 } // the types want it; only CCM reads it

function seal(key: KeyObject, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array, headroom = 0): Uint8Array {
  const cipher = createCipheriv(AEAD, key, nonce, AEAD_OPTIONS)
  cipher.setAAD(ad, AAD_OPTIONS)
  const sealed = new Uint8Array(headroom + plaintext.length + SIZES.aeadTag)
  const encrypted = cipher.update(plaintext)
  sealed.set(encrypted, headroom)
  release(encrypted)
  cipher.final()
  sealed.set(cipher.getAuthTag(), headroom + plaintext.length)
  return sealed
}

function open(key: KeyObject, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - SIZES.aeadTag
  if (length < 0) return undefined
  const decipher = createDecipheriv(AEAD, key, nonce, AEAD_OPTIONS)
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
}

// read from the default import: a named import that an older Node lacks would fail to link
function hasMlKem(): boolean {
  try {
    keyObjects.importPrivate('ml-kem-768', new Uint8Array(SIZES.kemSeed))
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
      const { ciphertext, sharedKey } = nodeCrypto.encapsulate(keyObjects.importPublic('ml-kem-768', publicKey))
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
    generate: () => new OpensslSigningKey(keyObjects.generatePair('ed25519')),
    fromSeed: seed => {
      requireLength('An Ed25519 seed', seed, 32)
      const key = keyObjects.importPrivate('ed25519', seed)
      return new OpensslSigningKey({ key, publicKey: keyObjects.exportPublic('ed25519', key) })
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
    generate: generateAgreementKey,
    fromSecret: secret => {
      requireLength('An X25519 secret', secret, 32)
      const key = keyObjects.importPrivate('x25519', secret)
      return new OpensslAgreementKey({ key, publicKey: keyObjects.exportPublic('x25519', key) })
    },
    lazy: secret => {
      requireLength('An X25519 secret', secret, 32)
      return new LazyAgreementKey(secret)
    }
  },
  mlKem768,
  seal: (key, ...rest) => seal(createSecretKey(key), ...rest),
  open: (key, ...rest) => open(createSecretKey(key), ...rest),
  aead: secret => {
    const key = createSecretKey(secret)
    return { seal: (...rest) => seal(key, ...rest), open: (...rest) => open(key, ...rest) }
  },
  sha256: data => plain(hash('sha256', data as BinaryLike, 'buffer')),
  hmacSha256,
  hmacSha512: hmacOver('sha512', 128),
  hkdf,
  randomBytes,
  timingSafeEqual: (a, b) => a.length === b.length && timingSafeEqual(a, b)
}

/** As ed25519.verify(), in threads of its own: for many signatures at once. Whatever is handed over must not change before it resolves. */
export function verifyBeside(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (signature.length !== SIZES.signature || !isStrictEd25519Key(publicKey)) return Promise.resolve(false)
  try {
    const key = ed25519Keys.get(publicKey)
    return new Promise(resolve => verify(null, message, key, signature, (error, valid) => resolve(!error && valid)))
  } catch {
    return Promise.resolve(false)
  }
}
