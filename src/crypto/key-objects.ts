import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

type Curve = 'x25519' | 'ed25519'
type Kind = Curve | 'ml-kem-768'

interface Encoding {
  /** DER up to the key itself. */
  pkcs8: Buffer
  spki: Buffer
  raw: 'raw-private' | 'raw-seed'
}

const ENCODINGS: Record<Kind, Encoding> = {
  x25519: encoding('302e020100300506032b656e04220420', '302a300506032b656e032100', 'raw-private'),
  ed25519: encoding('302e020100300506032b657004220420', '302a300506032b6570032100', 'raw-private'),
  'ml-kem-768': encoding(
    '3054020100300b06096086480165030404020442' + '8040', // the form that holds the seed alone
    '308204b2300b0609608648016503040402038204a100',
    'raw-seed'
  )
}

function encoding(pkcs8: string, spki: string, raw: Encoding['raw']): Encoding {
  return { pkcs8: Buffer.from(pkcs8, 'hex'), spki: Buffer.from(spki, 'hex'), raw }
}

/** The two ways to the same keys; see {@link createKeyObjects}. */
export interface KeyObjects {
  /** @throws what OpenSSL says of a key it cannot use */
  importPrivate(kind: Kind, secret: Uint8Array): KeyObject
  /** @throws what OpenSSL says of a key it cannot use */
  importPublic(kind: Kind, key: Uint8Array): KeyObject
  /** The public half of a private key. */
  exportPublic(kind: Kind, key: KeyObject): Uint8Array
  /** The raw secret of a private key; the caller wipes it. */
  exportPrivate(kind: Curve, key: KeyObject): Uint8Array
  generatePair(kind: Curve): { key: KeyObject; publicKey: Uint8Array }
}

/**
 * Raw keys in and out of KeyObjects. A newer Node 24 reads and writes them as they are (`raw`); before that they go by way of
 * PKCS #8 and SPKI (RFC 8410, RFC 9935), which costs 5 to 15 µs a key more.
 */
export function createKeyObjects(raw: boolean): KeyObjects {
  return raw ? rawKeys : derKeys
}

const derKeys: KeyObjects = {
  importPrivate(kind, secret) {
    const key = Buffer.concat([ENCODINGS[kind].pkcs8, secret])
    try {
      return withoutStacks(() => createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
    } finally {
      key.fill(0)
    }
  },
  importPublic(kind, raw) {
    const key = Buffer.concat([ENCODINGS[kind].spki, raw])
    return withoutStacks(() => createPublicKey({ key, format: 'der', type: 'spki' }))
  },
  exportPublic(kind, key) {
    const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
    return new Uint8Array(der.subarray(ENCODINGS[kind].spki.length))
  },
  exportPrivate(kind, key) {
    const der = key.export({ format: 'der', type: 'pkcs8' })
    const secret = new Uint8Array(der.subarray(ENCODINGS[kind].pkcs8.length))
    der.fill(0)
    return secret
  },
  generatePair(kind) {
    const { privateKey } = generateKeyPairSync(kind as 'x25519') // the types have no union
    return { key: privateKey, publicKey: derKeys.exportPublic(kind, privateKey) }
  }
}

const rawKeys: KeyObjects = {
  importPrivate(kind, secret) {
    const { raw: format } = ENCODINGS[kind]
    return withoutStacks(() => createPrivateKey({ key: view(secret), format, asymmetricKeyType: kind }))
  },
  importPublic(kind, key) {
    return withoutStacks(() => createPublicKey({ key: view(key), format: 'raw-public', asymmetricKeyType: kind }))
  },
  exportPublic: (_kind, key) => plain(createPublicKey(key).export({ format: 'raw-public' })),
  exportPrivate: (_kind, key) => plain(key.export({ format: 'raw-private' })),
  generatePair(kind) {
    // with the public half written on the way there is one KeyObject fewer to make
    const options = { publicKeyEncoding: { format: 'raw-public' } } as const
    const pair: unknown = generateKeyPairSync(kind as 'x25519', options) // the types know only both encodings, or none
    const { privateKey, publicKey } = pair as { privateKey: KeyObject; publicKey: Buffer }
    return { key: privateKey, publicKey: plain(publicKey) }
  }
}

function hasRawFormats(): boolean {
  try {
    rawKeys.importPublic('x25519', new Uint8Array(32).fill(9))
    return true
  } catch {
    return false
  }
}

export const keyObjects = createKeyObjects(hasRawFormats())

/**
 * Node 24 finds out what it was given by throwing and catching errors; the stacks of those are two thirds of the price of
 * importing a key.
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

/** The view of a Buffer that is no Buffer: results behave alike whichever provider made them. */
export function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** The other way round, for types that ask for a Buffer. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
