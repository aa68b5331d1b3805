import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { crypto, signStatement, verifyStatement } from '../../crypto/index.ts'
import { peerIdOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import {
  CLOCK_SKEW,
  MAILBOX_VALIDITY,
  MAX_ADDRESS_LENGTH,
  MAX_ADDRESSES,
  MAX_LIFETIME,
  MAX_MAILBOXES,
  MAX_REGISTRATION_LENGTH,
  REGISTRATION_LABEL,
  REGISTRATION_VERSION
} from './constants.ts'
import { Registration as RegistrationPb } from './pb/registry.ts'

/** What an agent says of itself. Times are milliseconds since the epoch. */
export interface Registration {
  name: string
  /** 32 bytes, Ed25519. */
  publicKey: Uint8Array
  /** Where it listens, without a trailing `/p2p/<itself>`. */
  addresses: Multiaddr[]
  /** Where to leave messages while it is away, each with `/p2p/<mailbox>` at its end. */
  mailboxes: Multiaddr[]
  issuedAt: number
  expiresAt: number
  /** Grows with every registration of the same key; a registry refuses an older one. */
  sequence: number
}

/** A registration as it travels: the bytes that were signed, and the signature. Never encoded again. */
export interface SignedRegistration {
  registration: Uint8Array
  signature: Uint8Array
}

export interface RegistrationSigner {
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** The beginning of a PeerId, and what may be (a part of) a key in hexadecimal digits. */
const LIKE_A_KEY = /^12d3koo|^0x|^[0-9a-f]{16,}$/i
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/i

/**
 * True for a name that can be registered: 1 to 63 ASCII letters, digits, dots, hyphens and underscores, beginning and ending
 * with a letter or digit (ASCII: strangers choose these names, and none may look like another), that looks like no key.
 */
export function isRegistrableName(name: string): boolean {
  return NAME.test(name) && !LIKE_A_KEY.test(name)
}

/** Names are kept as written and compared without regard to case. */
export function nameKey(name: string): string {
  return name.toLowerCase()
}

export function signRegistration(registration: Registration, signer: RegistrationSigner): SignedRegistration {
  const bytes = RegistrationPb.encode({
    version: REGISTRATION_VERSION,
    name: registration.name,
    publicKey: Uint8Array.from(registration.publicKey),
    addresses: registration.addresses.map(address => Uint8Array.from(address.bytes)),
    mailboxes: registration.mailboxes.map(address => Uint8Array.from(address.bytes)),
    issuedAt: BigInt(registration.issuedAt),
    expiresAt: BigInt(registration.expiresAt),
    sequence: BigInt(registration.sequence)
  })
  return { registration: bytes, signature: signStatement(signer, REGISTRATION_LABEL, bytes) }
}

/**
 * The registration in `signed`, once its form and its signature have been checked; its times have not (see checkTimes).
 * Throws REGISTRY_RECORD_MALFORMED, REGISTRY_NAME_INVALID or REGISTRY_SIGNATURE_INVALID.
 */
export function openRegistration(signed: SignedRegistration): Registration {
  const registration = readRegistration(signed.registration)
  checkSignature(registration, signed)
  return registration
}

/** Throws REGISTRY_SIGNATURE_INVALID unless `signed`, of which `registration` was read, is signed by the key in it. */
export function checkSignature(registration: Registration, signed: SignedRegistration): void {
  if (verifyStatement(crypto, registration.publicKey, REGISTRATION_LABEL, signed.registration, signed.signature)) return
  throw new TalosError('REGISTRY_SIGNATURE_INVALID', 'the signature of a registration is not by the key in it')
}

/** True until the registration has expired by a clock that may be CLOCK_SKEW off. */
export function isAlive(registration: Registration, now: number): boolean {
  return now < registration.expiresAt + CLOCK_SKEW
}

/** True while a registration, alive or not, says where the mailboxes of its peer are. */
export function namesMailboxes(registration: Registration, now: number): boolean {
  const { issuedAt, mailboxes } = registration
  return mailboxes.length > 0 && issuedAt <= now + CLOCK_SKEW && now < issuedAt + MAILBOX_VALIDITY
}

/** Throws REGISTRY_TIME_INVALID unless the registration is valid at `now` by a clock that may be CLOCK_SKEW off. */
export function checkTimes(registration: Registration, now: number): void {
  const { issuedAt, expiresAt } = registration
  const problem =
    issuedAt > now + CLOCK_SKEW
      ? `begins in the future, at ${isoTime(issuedAt)}`
      : !isAlive(registration, now)
        ? `expired at ${isoTime(expiresAt)}`
        : expiresAt <= issuedAt
          ? 'ends before it begins'
          : expiresAt - issuedAt > MAX_LIFETIME
            ? `lasts longer than ${MAX_LIFETIME / 3_600_000} hours`
            : undefined
  if (problem === undefined) return
  throw new TalosError('REGISTRY_TIME_INVALID', `the registration ${problem}; it is ${isoTime(now)} here`, {
    hint: 'Check that the clocks of both machines are right.'
  })
}

function isoTime(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString()
}

/** The registration in `bytes`, its form checked, its signature not. Throws REGISTRY_RECORD_MALFORMED, REGISTRY_NAME_INVALID. */
export function readRegistration(bytes: Uint8Array): Registration {
  if (bytes.byteLength > MAX_REGISTRATION_LENGTH) throw malformed(`it has ${bytes.byteLength} bytes`)
  let fields: RegistrationPb
  try {
    fields = RegistrationPb.decode(bytes, { limits: { addresses: MAX_ADDRESSES, mailboxes: MAX_MAILBOXES } })
  } catch (cause) {
    throw malformed((cause as Error).message, cause)
  }
  if (fields.version !== REGISTRATION_VERSION) throw malformed(`version ${fields.version} is not known`)
  if (fields.publicKey.byteLength !== 32) throw malformed('its key does not have 32 bytes')
  if (!isRegistrableName(fields.name)) {
    throw new TalosError('REGISTRY_NAME_INVALID', `${JSON.stringify(fields.name)} cannot be registered as a name`, {
      hint: 'A name has 1 to 63 letters, digits, dots, hyphens or underscores, and begins and ends with a letter or digit.'
    })
  }
  const self = peerIdOf(fields.publicKey)
  return {
    name: fields.name,
    publicKey: Uint8Array.from(fields.publicKey),
    addresses: fields.addresses.map(address => decodeAddress(address, self)),
    mailboxes: fields.mailboxes.map(decodeMailbox),
    issuedAt: integer(fields.issuedAt),
    expiresAt: integer(fields.expiresAt),
    sequence: integer(fields.sequence)
  }
}

/** An address that ends in a PeerId would send a reader to that peer: only the registering one may stand there. */
function decodeAddress(bytes: Uint8Array, self: string): Multiaddr {
  if (bytes.byteLength > MAX_ADDRESS_LENGTH) throw malformed(`an address has ${bytes.byteLength} bytes`)
  try {
    const address = multiaddr(bytes)
    const last = address.getComponents().at(-1)
    if (last?.name !== 'p2p') return address
    if (last.value === self) return address.decapsulate(`/p2p/${self}`)
  } catch (cause) {
    throw malformed('an address is not a multiaddr', cause)
  }
  throw malformed('an address leads to another peer')
}

function decodeMailbox(bytes: Uint8Array): Multiaddr {
  if (bytes.byteLength > MAX_ADDRESS_LENGTH) throw malformed(`the address of a mailbox has ${bytes.byteLength} bytes`)
  try {
    const address = multiaddr(bytes)
    const components = address.getComponents()
    if (components.length > 1 && components.at(-1)!.name === 'p2p') return address
  } catch (cause) {
    throw malformed('the address of a mailbox is not a multiaddr', cause)
  }
  throw malformed('the address of a mailbox does not say whose it is')
}

function integer(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`the number ${value} is too large`)
  return Number(value)
}

function malformed(why: string, cause?: unknown): TalosError {
  return new TalosError('REGISTRY_RECORD_MALFORMED', `a registration is malformed: ${why}`, { cause })
}
