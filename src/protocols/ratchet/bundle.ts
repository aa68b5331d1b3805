import { type CryptoProvider, SIZES, signStatement, verifyStatement } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { concat, malformed, Reader, sameBytes, Writer } from './codec.ts'
import type { LocalIdentity } from './identity.ts'

const VERSION = 1
const HAS_ONE_TIME = 1
const HAS_ONE_TIME_KEM = 2
const LABEL = 'talos/prekey-bundle/v1'

/** Largest encoded bundle: both one-time keys present. Check it before reading one from the wire. */
export const MAX_BUNDLE_SIZE =
  2 + 32 + 32 + 8 + (4 + 32) + (4 + SIZES.kemPublicKey) + (4 + 32) + (4 + SIZES.kemPublicKey) + 64

export interface PublicPrekey {
  readonly id: number
  readonly publicKey: Uint8Array
}

/** A verified prekey bundle: everything that starts a session with its owner. */
export interface PrekeyBundle {
  /** Ed25519, 32 bytes. */
  readonly identity: Uint8Array
  /** X25519 identity key; the bundle's signature is `identity`'s word for it. */
  readonly agreement: Uint8Array
  /** Milliseconds since the epoch after which nobody should start a session with it. */
  readonly expires: number
  readonly signed: PublicPrekey
  readonly lastResortKem: PublicPrekey
  readonly oneTime: PublicPrekey | undefined
  readonly oneTimeKem: PublicPrekey | undefined
}

/** The signed bytes that travel (docs/spec/session.md §3). */
export function encodeBundle(
  identity: LocalIdentity,
  bundle: Pick<PrekeyBundle, 'expires' | 'signed' | 'lastResortKem' | 'oneTime' | 'oneTimeKem'>
): Uint8Array {
  const writer = new Writer(MAX_BUNDLE_SIZE)
  writer.u8(VERSION)
  writer.u8(
    (bundle.oneTime === undefined ? 0 : HAS_ONE_TIME) | (bundle.oneTimeKem === undefined ? 0 : HAS_ONE_TIME_KEM)
  )
  writer.bytes(identity.publicKey).bytes(identity.agreement.publicKey)
  writer.u64(bundle.expires)
  for (const prekey of [bundle.signed, bundle.lastResortKem, bundle.oneTime, bundle.oneTimeKem]) {
    if (prekey !== undefined) writer.u32(prekey.id).bytes(prekey.publicKey)
  }
  const body = writer.finish()
  return concat(body, signStatement(identity, LABEL, body))
}

/**
 * Checks a bundle as received: size, version, that it belongs to `expectedPublicKey` (the dialled peer), expiry, and the
 * signature over all of it, the agreement key included.
 *
 * @throws SESSION_MALFORMED SESSION_BUNDLE_PEER SESSION_BUNDLE_EXPIRED SESSION_BUNDLE_SIGNATURE
 */
export function verifyBundle(
  crypto: CryptoProvider,
  bytes: Uint8Array,
  expectedPublicKey: Uint8Array,
  now: number
): PrekeyBundle {
  const fail = malformed('The prekey bundle')
  if (bytes.length > MAX_BUNDLE_SIZE) throw fail(`it has ${bytes.length} bytes, more than ${MAX_BUNDLE_SIZE}`)
  const reader = new Reader(bytes, fail)
  const version = reader.u8()
  if (version !== VERSION) throw fail(`version ${version} is unknown`)
  const flags = reader.flags(HAS_ONE_TIME | HAS_ONE_TIME_KEM)
  const prekey = (length: number): PublicPrekey => ({ id: reader.u32(), publicKey: reader.bytes(length) })
  const bundle: PrekeyBundle = {
    identity: reader.bytes(32),
    agreement: reader.bytes(32),
    expires: reader.u64(),
    signed: prekey(32),
    lastResortKem: prekey(SIZES.kemPublicKey),
    oneTime: (flags & HAS_ONE_TIME) !== 0 ? prekey(32) : undefined,
    oneTimeKem: (flags & HAS_ONE_TIME_KEM) !== 0 ? prekey(SIZES.kemPublicKey) : undefined
  }
  const body = bytes.subarray(0, reader.position)
  const signature = reader.bytes(SIZES.signature)
  reader.end()
  if (!sameBytes(bundle.identity, expectedPublicKey)) {
    throw new TalosError('SESSION_BUNDLE_PEER', 'The prekey bundle belongs to another peer than the one that was asked')
  }
  if (bundle.expires <= now) {
    throw new TalosError('SESSION_BUNDLE_EXPIRED', 'The prekey bundle has expired', {
      hint: 'Ask the peer for a fresh one, and check the clocks of both machines.'
    })
  }
  if (!verifyStatement(crypto, bundle.identity, LABEL, body, signature)) {
    throw new TalosError('SESSION_BUNDLE_SIGNATURE', 'The prekey bundle is not signed by the peer it names')
  }
  return bundle
}
