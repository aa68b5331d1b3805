import { type AgreementKey, type CryptoProvider, type KemKey, SIZES, wipe } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import type { PrekeyBundle } from './bundle.ts'
import { ascii, concat, EMPTY, malformed, Reader, Writer } from './codec.ts'
import type { LocalIdentity } from './identity.ts'
import type { Prekeys } from './prekeys.ts'

const VERSION = 1
const INFO = ascii('talos/mailbox-box/v1\0')
const COMMITMENT_SIZE = 32
const HEADER_SIZE = 2 + 4 + 4 + 32 + SIZES.kemCiphertext + COMMITMENT_SIZE
const LENGTH_SIZE = 4
/** The key is used once. */
const NONCE = new Uint8Array(12)

const KIB = 1024

/**
 * What a box of each class can hold, in bytes; all boxes of a class are equally long. Steps of four: what is held costs its
 * owner four times its size at worst, and its length says one of six things. The largest is a message of 1 MiB and room for
 * what is around it.
 */
export const BOX_CAPACITIES: readonly number[] = [KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB + 64 * KIB]

/** Bytes that a box is longer than the capacity of its class. */
export const BOX_OVERHEAD = HEADER_SIZE + LENGTH_SIZE + SIZES.aeadTag

/** The class of a box that is so many bytes long; undefined when no box is. */
export function boxClassOf(size: number): number | undefined {
  const found = BOX_CAPACITIES.indexOf(size - BOX_OVERHEAD)
  return found === -1 ? undefined : found
}

/**
 * Seals `contents` so that only the owner of the bundle can open it, also against an adversary with a quantum computer later,
 * and nobody learns from it who sealed it, or how long it is within its class (docs/spec/mailbox.md §2). Whoever opens it
 * learns the sender from the contents or not at all.
 *
 * @param bundle verified; its one-time prekeys are not used
 * @throws MAILBOX_TOO_LARGE when no class holds it
 * @throws CRYPTO_BAD_KEY when a key in the bundle is degenerate
 */
export function sealBox(crypto: CryptoProvider, bundle: PrekeyBundle, contents: Uint8Array): Uint8Array {
  const boxClass = BOX_CAPACITIES.findIndex(capacity => contents.length <= capacity)
  if (boxClass === -1) {
    throw new TalosError(
      'MAILBOX_TOO_LARGE',
      `${contents.length} bytes are more than a mailbox takes (${BOX_CAPACITIES.at(-1)})`
    )
  }
  const ephemeral = crypto.x25519.generate()
  const { ciphertext, sharedSecret } = crypto.mlKem768.encapsulate(bundle.lastResortKem.publicKey)
  const head = new Writer(HEADER_SIZE)
    .u8(VERSION)
    .u8(boxClass)
    .u32(bundle.signed.id)
    .u32(bundle.lastResortKem.id)
    .bytes(ephemeral.publicKey)
    .bytes(ciphertext)
    .finish()
  const { key, commitment } = derive(
    crypto,
    [ephemeral.agree(bundle.signed.publicKey), ephemeral.agree(bundle.agreement), sharedSecret],
    head,
    {
      identity: bundle.identity,
      agreement: bundle.agreement,
      signed: bundle.signed.publicKey,
      kem: bundle.lastResortKem.publicKey
    }
  )
  const header = concat(head, commitment)
  const padded = new Uint8Array(LENGTH_SIZE + BOX_CAPACITIES[boxClass]!)
  new DataView(padded.buffer).setUint32(0, contents.length)
  padded.set(contents, LENGTH_SIZE)
  const box = crypto.seal(key, NONCE, padded, header, HEADER_SIZE)
  box.set(header)
  wipe(key, padded)
  return box
}

/**
 * The contents of a box that was sealed for us.
 *
 * @throws SESSION_MALFORMED when it is no box
 * @throws SESSION_SIGNED_PREKEY_GONE when a prekey that it names was deleted, or never was ours
 * @throws SESSION_FORGED when it was not sealed for these keys, or was changed
 */
export function openBox(
  crypto: CryptoProvider,
  identity: Pick<LocalIdentity, 'publicKey' | 'agreement'>,
  prekeys: Prekeys,
  box: Uint8Array
): Uint8Array {
  const fail = malformed('The sealed box')
  const boxClass = boxClassOf(box.length)
  if (boxClass === undefined) throw fail(`no box has ${box.length} bytes`)
  const reader = new Reader(box, fail)
  const version = reader.u8()
  if (version !== VERSION) throw fail(`version ${version} is unknown`)
  if (reader.u8() !== boxClass) throw fail('its class is not that of its length')
  const { signed, kem } = prekeysOf(prekeys, reader.u32(), reader.u32())
  const ephemeral = reader.bytes(32)
  const ciphertext = reader.bytes(SIZES.kemCiphertext)
  const head = box.subarray(0, reader.position)
  const commitment = reader.bytes(COMMITMENT_SIZE)
  const header = box.subarray(0, reader.position)
  const opening = derive(crypto, agreed(identity.agreement, signed, kem, ephemeral, ciphertext), head, {
    identity: identity.publicKey,
    agreement: identity.agreement.publicKey,
    signed: signed.publicKey,
    kem: kem.publicKey
  })
  const isOurs = crypto.timingSafeEqual(commitment, opening.commitment)
  const padded = isOurs ? crypto.open(opening.key, NONCE, reader.rest(), header) : undefined
  wipe(opening.key)
  if (padded === undefined) throw forged('it was not sealed for us, or has been changed')
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0)
  const end = LENGTH_SIZE + length
  if (end > padded.length) throw fail('its contents are longer than it is')
  for (let at = end; at < padded.length; at++) if (padded[at] !== 0) throw fail('its padding is not zero')
  return padded.subarray(LENGTH_SIZE, end)
}

function derive(
  crypto: CryptoProvider,
  secrets: Uint8Array[],
  head: Uint8Array,
  recipient: { identity: Uint8Array; agreement: Uint8Array; signed: Uint8Array; kem: Uint8Array }
): { key: Uint8Array; commitment: Uint8Array } {
  const { identity, agreement, signed, kem } = recipient
  const transcript = crypto.sha256(concat(head, identity, agreement, signed, kem))
  const ikm = concat(...secrets)
  const derived = crypto.hkdf(ikm, EMPTY, concat(INFO, transcript), 32 + COMMITMENT_SIZE)
  const result = { key: derived.slice(0, 32), commitment: derived.slice(32) }
  wipe(ikm, derived, ...secrets)
  return result
}

function prekeysOf(prekeys: Prekeys, signedId: number, kemId: number): { signed: AgreementKey; kem: KemKey } {
  const signed = prekeys.signed.find(({ id }) => id === signedId)
  const kem = prekeys.lastResortKem.find(({ id }) => id === kemId)
  if (signed === undefined || kem === undefined) {
    throw new TalosError('SESSION_SIGNED_PREKEY_GONE', 'The box was sealed for prekeys that are gone')
  }
  return { signed: signed.key, kem: kem.key }
}

function agreed(
  agreement: AgreementKey,
  signed: AgreementKey,
  kem: KemKey,
  ephemeral: Uint8Array,
  ciphertext: Uint8Array
): Uint8Array[] {
  try {
    return [signed.agree(ephemeral), agreement.agree(ephemeral), kem.decapsulate(ciphertext)]
  } catch (cause) {
    throw forged('it holds a key that contributes nothing', cause)
  }
}

function forged(why: string, cause?: unknown): TalosError {
  return new TalosError('SESSION_FORGED', `The sealed box cannot be opened: ${why}`, { cause })
}
