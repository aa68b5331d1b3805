import { TalosError } from '../errors.ts'

export function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw new TalosError('CRYPTO_BAD_KEY', `${what} must be ${length} bytes, not ${bytes?.length}`)
  }
}

export function badKey(what: string, cause?: unknown): TalosError {
  return new TalosError('CRYPTO_BAD_KEY', `${what} is not a valid key`, { cause })
}

/** An all-zero X25519 output means that the other side's point had small order and contributed nothing (RFC 7748 §6.1). */
export function requireContribution(shared: Uint8Array): Uint8Array {
  let seen = 0
  for (const byte of shared) seen |= byte
  if (seen === 0) throw badKey('An X25519 public key of small order')
  return shared
}

// y-coordinates of the points of small order on edwards25519: 1, -1, 0 and the two of order 8
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
].map(hex => Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)))

/**
 * False for an Ed25519 public key whose y is not below 2^255 - 19 (a second spelling of another key) and for the points of
 * small order, for which signatures on any message can be made. OpenSSL accepts both kinds; all of Talos refuses them.
 */
export function isStrictEd25519Key(key: Uint8Array): boolean {
  if (key.length !== 32) return false
  const top = key[31]! & 0x7f
  if (top === 0x7f && key[0]! >= 0xed) {
    let full = true
    for (let i = 1; i < 31; i++) full &&= key[i] === 0xff
    if (full) return false
  }
  return !SMALL_ORDER.some(y => {
    if (top !== y[31]) return false
    for (let i = 0; i < 31; i++) if (key[i] !== y[i]) return false
    return true
  })
}

const P = 2n ** 255n - 19n
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n

/**
 * Whether `key` is the canonical encoding of a point of edwards25519 that is not of small order (RFC 8032 §5.1.3): there is
 * an x with x²(dy² + 1) = y² - 1, which is so when the product of the two sides' factors is a square (Euler's criterion).
 * For public keys only: it takes a time that depends on the key.
 */
export function isEd25519Point(key: Uint8Array): boolean {
  if (!isStrictEd25519Key(key)) return false
  let y = BigInt(key[31]! & 0x7f)
  for (let i = 30; i >= 0; i--) y = (y << 8n) | BigInt(key[i]!)
  const y2 = (y * y) % P
  return power((y2 - 1n) * (D * y2 + 1n), (P - 1n) / 2n) === 1n
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base % P; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % P
    square = (square * square) % P
  }
  return result
}
