import { compareBytes } from './bytes.ts'
import { FormatError } from './format-error.ts'

const SPACE = 2n ** 256n

/** The number that a header's hash must not exceed: compact form of Bitcoin, one byte of exponent and three of mantissa. */
export function targetOf(bits: number): bigint {
  const [exponent, mantissa] = [bits >>> 24, BigInt(bits & 0xffffff)]
  const target = exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3))
  if ((bits & 0x800000) !== 0 || target === 0n || target >= SPACE || bitsOf(target) !== bits >>> 0) {
    throw new FormatError('BITS_INVALID', `0x${(bits >>> 0).toString(16).padStart(8, '0')} is no target`)
  }
  return target
}

/** The compact form of the largest target that has one and is not above `target`. */
export function bitsOf(target: bigint): number {
  let exponent = Math.ceil(target.toString(2).length / 8)
  let mantissa = Number(exponent <= 3 ? target << BigInt(8 * (3 - exponent)) : target >> BigInt(8 * (exponent - 3)))
  if (mantissa > 0x7fffff) {
    mantissa >>= 8
    exponent++
  }
  return ((exponent << 24) | mantissa) >>> 0
}

/** The bits for `digits` leading zero digits of a hash in hexadecimal: 16^digits hashes on average. */
export function bitsOfDifficulty(digits: number): number {
  return bitsOf((1n << BigInt(256 - 4 * digits)) - 1n)
}

/** Hashes that a header with these bits took on average: what is summed up to compare chains. */
export function workOf(bits: number): bigint {
  return SPACE / (targetOf(bits) + 1n)
}

let cachedBits = -1
let cachedTarget = ''
let cachedBytes = new Uint8Array(0)

/** The target as a string of 32 characters, one for each byte. @throws CHAIN_FORMAT when `bits` are no target */
export function targetText(bits: number): string {
  if (bits !== cachedBits) remember(bits)
  return cachedTarget
}

function remember(bits: number): void {
  const bytes = Buffer.from(targetOf(bits).toString(16).padStart(64, '0'), 'hex')
  cachedTarget = bytes.toString('binary')
  cachedBytes = new Uint8Array(bytes)
  cachedBits = bits
}

/** Whether a header's hash (big-endian) is at most the target. @throws CHAIN_FORMAT when `bits` are no target */
export function meetsTarget(hash: Uint8Array, bits: number): boolean {
  if (bits !== cachedBits) remember(bits)
  return compareBytes(hash, cachedBytes) <= 0
}

/** Zero digits that a hash within `bits` begins with. */
export function difficultyOf(bits: number): number {
  return 64 - targetOf(bits).toString(16).length
}
