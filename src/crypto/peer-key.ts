import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { TalosError } from '../errors.ts'
import { isEd25519Point } from './checks.ts'

/**
 * The spellings of an agent's Ed25519 public key (docs/wallet.md):
 *
 * - PeerId `12D3Koo…`: base58btc, no multibase prefix, of the identity multihash of libp2p's public-key protobuf;
 *   also read as a CIDv1 with the codec `libp2p-key` (`k51…`, `bafz…`, `z5A…`).
 * - did:key `did:key:z6Mk…`: multibase base58btc of the multicodec `ed25519-pub` and the key.
 * - hex: 64 digits.
 */
const KEY_LENGTH = 32
/** identity multihash of 36 bytes ‖ protobuf {1: Ed25519, 2: 32 bytes} */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
/** CID version 1, multicodec libp2p-key */
const CID_PREFIX = Uint8Array.of(0x01, 0x72, ...PEER_ID_PREFIX)
/** multicodec ed25519-pub as an unsigned varint */
const DID_PREFIX = Uint8Array.of(0xed, 0x01)
/** No spelling is longer; a longer text is refused before it is decoded, since base58 takes quadratic time. */
const MAX_SPELLING = 80

/** The base58btc PeerId of a 32-byte Ed25519 public key. Throws CRYPTO_KEY_INVALID for any other length. */
export function peerIdOf(publicKey: Uint8Array): string {
  return base58btc.baseEncode(prefixed(PEER_ID_PREFIX, publicKey))
}

/** The did:key of a 32-byte Ed25519 public key. Throws CRYPTO_KEY_INVALID for any other length. */
export function didKeyOf(publicKey: Uint8Array): string {
  return `did:key:${base58btc.encode(prefixed(DID_PREFIX, publicKey))}`
}

/** The 64 lower-case hex digits of a 32-byte Ed25519 public key. Throws CRYPTO_KEY_INVALID for any other length. */
export function hexOf(publicKey: Uint8Array): string {
  return Buffer.from(prefixed(new Uint8Array(), publicKey)).toString('hex')
}

/**
 * The 32-byte public key that `spelling` names, or undefined when it is no spelling of an Ed25519 key. Only canonical
 * spellings count (hex in either case), and only canonical encodings of curve points that are not of small order:
 * for a small-order point, signatures verify that nobody made.
 */
export function publicKeyOf(spelling: string): Uint8Array | undefined {
  const key = decoded(spelling)
  return key !== undefined && isEd25519Point(key) ? key : undefined
}

function decoded(spelling: string): Uint8Array | undefined {
  if (spelling.length > MAX_SPELLING) return undefined
  if (/^[0-9a-f]{64}$/i.test(spelling)) return new Uint8Array(Buffer.from(spelling, 'hex'))
  try {
    if (spelling.startsWith('did:key:')) return unprefixed(DID_PREFIX, base58btc.decode(spelling.slice(8)))
    if (spelling.startsWith('12D3Koo')) return unprefixed(PEER_ID_PREFIX, base58btc.baseDecode(spelling))
    for (const base of [base32, base36, base58btc]) {
      if (!spelling.startsWith(base.prefix)) continue
      const bytes = base.decode(spelling)
      if (base.encode(bytes) === spelling) return unprefixed(CID_PREFIX, bytes)
    }
  } catch {
    // a character outside the alphabet
  }
  return undefined
}

function prefixed(prefix: Uint8Array, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== KEY_LENGTH) {
    throw new TalosError('CRYPTO_KEY_INVALID', `an Ed25519 public key has 32 bytes, not ${publicKey.length}`)
  }
  const bytes = new Uint8Array(prefix.length + KEY_LENGTH)
  bytes.set(prefix)
  bytes.set(publicKey, prefix.length)
  return bytes
}

function unprefixed(prefix: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== prefix.length + KEY_LENGTH) return undefined
  return prefix.every((byte, index) => bytes[index] === byte) ? bytes.slice(prefix.length) : undefined
}
