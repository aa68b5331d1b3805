import { type AgreementKey, type CryptoProvider, type KemKey, SIZES, wipe } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import type { PrekeyBundle } from './bundle.ts'
import { ascii, concat, EMPTY, malformed, Reader, sameBytes, Writer } from './codec.ts'
import type { LocalIdentity } from './identity.ts'

const VERSION = 1
const ONE_TIME = 1
const ONE_TIME_KEM = 2
const NO_KEY = new Uint8Array(32)
const DOMAIN_SEPARATION = new Uint8Array(32).fill(0xff)
const KEY_INFO = ascii('talos/pqxdh/v1\0')
const ROOT_INFO = ascii('talos/session-root/v1')
const SID_INFO = ascii('talos/session-id/v1')

/** What the sessions of this version are made with, in words. */
export const KEY_AGREEMENT = 'PQXDH: X25519 + ML-KEM-768'

/** Bytes of a session id. */
export const SID_SIZE = 16

/** Bytes of the handshake that the initiator puts before every message until it hears back. */
export const INITIATION_SIZE = 2 + 8 + 32 + 32 + 64 + 32 + 4 + 4 + 4 + SIZES.kemCiphertext

/** The initiator's half of the handshake as it travels (docs/spec/session.md §4). Nothing in it is trusted yet. */
export interface Initiation {
  readonly bytes: Uint8Array
  /** When the initiator made it, milliseconds; both sides order sessions by it. */
  readonly createdAt: number
  readonly identity: Uint8Array
  readonly agreement: Uint8Array
  readonly agreementCertificate: Uint8Array
  readonly ephemeral: Uint8Array
  readonly signedId: number
  readonly oneTimeId: number | undefined
  readonly kemId: number
  /** Whether `kemId` names a one-time KEM prekey rather than a last-resort one. */
  readonly kemOneTime: boolean
  readonly kemCiphertext: Uint8Array
}

/** What both sides hold after the handshake. */
export interface HandshakeResult {
  /** HKDF(SK, "talos/session-id/v1"): names the session, and is its replay id. */
  readonly sid: Uint8Array
  /** Root key of the Double Ratchet, 32 bytes. */
  readonly rootKey: Uint8Array
}

/** @throws SESSION_MALFORMED */
export function parseInitiation(bytes: Uint8Array): Initiation {
  const fail = malformed('The session handshake')
  const reader = new Reader(bytes, fail)
  const version = reader.u8()
  if (version !== VERSION) throw fail(`version ${version} is unknown`)
  const flags = reader.flags(ONE_TIME | ONE_TIME_KEM)
  const createdAt = reader.u64()
  const identity = reader.bytes(32)
  const agreement = reader.bytes(32)
  const agreementCertificate = reader.bytes(64)
  const ephemeral = reader.bytes(32)
  const signedId = reader.u32()
  const oneTimeId = reader.u32()
  const kemId = reader.u32()
  const kemCiphertext = reader.bytes(SIZES.kemCiphertext)
  reader.end()
  const hasOneTime = (flags & ONE_TIME) !== 0
  if (!hasOneTime && oneTimeId !== 0) throw fail('it names a one-time prekey that it does not use')
  return {
    bytes,
    createdAt,
    identity,
    agreement,
    agreementCertificate,
    ephemeral,
    signedId,
    oneTimeId: hasOneTime ? oneTimeId : undefined,
    kemId,
    kemOneTime: (flags & ONE_TIME_KEM) !== 0,
    kemCiphertext
  }
}

function derive(
  crypto: CryptoProvider,
  secrets: Uint8Array[],
  initiation: Uint8Array,
  responder: {
    identity: Uint8Array
    agreement: Uint8Array
    signed: Uint8Array
    oneTime: Uint8Array | undefined
    kem: Uint8Array
  }
): HandshakeResult {
  // every byte either side contributed: a changed key, id or ciphertext changes SK, so nothing needs to be checked twice
  const transcript = concat(
    initiation,
    responder.identity,
    responder.agreement,
    responder.signed,
    responder.oneTime ?? NO_KEY,
    responder.kem
  )
  const ikm = concat(DOMAIN_SEPARATION, ...secrets)
  const sk = crypto.hkdf(ikm, EMPTY, concat(KEY_INFO, crypto.sha256(transcript)), 32)
  const result = {
    sid: crypto.hkdf(sk, EMPTY, SID_INFO, SID_SIZE),
    rootKey: crypto.hkdf(sk, EMPTY, ROOT_INFO, 32)
  }
  wipe(ikm, sk, ...secrets)
  return result
}

/**
 * Starts a PQXDH handshake with the owner of a verified bundle.
 *
 * @param useOneTime false after the peer answered that the bundle's one-time prekey is gone
 * @throws SESSION_SELF when the bundle is one's own
 * @throws CRYPTO_BAD_KEY when a key in the bundle is degenerate
 */
export function initiate(
  crypto: CryptoProvider,
  identity: LocalIdentity,
  bundle: PrekeyBundle,
  createdAt: number,
  useOneTime = true
): HandshakeResult & { initiation: Uint8Array; oneTime: boolean } {
  if (sameBytes(identity.publicKey, bundle.identity)) {
    throw new TalosError('SESSION_SELF', 'A peer cannot open a session with itself')
  }
  const oneTime = useOneTime ? bundle.oneTime : undefined
  const oneTimeKem = useOneTime ? bundle.oneTimeKem : undefined
  const kem = oneTimeKem ?? bundle.lastResortKem
  const ephemeral = crypto.x25519.generate()
  const { ciphertext, sharedSecret } = crypto.mlKem768.encapsulate(kem.publicKey)
  const initiation = new Writer(INITIATION_SIZE)
    .u8(VERSION)
    .u8((oneTime === undefined ? 0 : ONE_TIME) | (oneTimeKem === undefined ? 0 : ONE_TIME_KEM))
    .u64(createdAt)
    .bytes(identity.publicKey)
    .bytes(identity.agreement.publicKey)
    .bytes(identity.agreementCertificate)
    .bytes(ephemeral.publicKey)
    .u32(bundle.signed.id)
    .u32(oneTime?.id ?? 0)
    .u32(kem.id)
    .bytes(ciphertext)
    .finish()
  const secrets = [
    identity.agreement.agree(bundle.signed.publicKey),
    ephemeral.agree(bundle.agreement),
    ephemeral.agree(bundle.signed.publicKey)
  ]
  if (oneTime !== undefined) secrets.push(ephemeral.agree(oneTime.publicKey))
  secrets.push(sharedSecret)
  const result = derive(crypto, secrets, initiation, {
    identity: bundle.identity,
    agreement: bundle.agreement,
    signed: bundle.signed.publicKey,
    oneTime: oneTime?.publicKey,
    kem: kem.publicKey
  })
  return { ...result, initiation, oneTime: oneTime !== undefined || oneTimeKem !== undefined }
}

/** The private keys that an initiation names. */
export interface ResponderPrekeys {
  signed: AgreementKey
  oneTime: AgreementKey | undefined
  kem: KemKey
}

/**
 * The responder's half. It authenticates nothing by itself: only a message that opens under the result does.
 *
 * @throws SESSION_FORGED when a key in the initiation is degenerate
 */
export function respond(
  crypto: CryptoProvider,
  identity: LocalIdentity,
  initiation: Initiation,
  prekeys: ResponderPrekeys
): HandshakeResult {
  let secrets: Uint8Array[]
  try {
    secrets = [
      prekeys.signed.agree(initiation.agreement),
      identity.agreement.agree(initiation.ephemeral),
      prekeys.signed.agree(initiation.ephemeral)
    ]
    if (prekeys.oneTime !== undefined) secrets.push(prekeys.oneTime.agree(initiation.ephemeral))
    secrets.push(prekeys.kem.decapsulate(initiation.kemCiphertext))
  } catch (cause) {
    throw new TalosError('SESSION_FORGED', 'The session handshake holds a key that contributes nothing', { cause })
  }
  return derive(crypto, secrets, initiation.bytes, {
    identity: identity.publicKey,
    agreement: identity.agreement.publicKey,
    signed: prekeys.signed.publicKey,
    oneTime: prekeys.oneTime?.publicKey,
    kem: prekeys.kem.publicKey
  })
}
