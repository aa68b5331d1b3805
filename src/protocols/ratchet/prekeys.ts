import type { AgreementKey, CryptoProvider, KemKey } from '../../crypto/index.ts'
import { encodeBundle } from './bundle.ts'
import { corrupt, Reader, Writer } from './codec.ts'
import type { LocalIdentity } from './identity.ts'

const DAY = 24 * 60 * 60 * 1000

/** Lifetimes in milliseconds and stock levels (docs/spec/session.md §2). */
export const PREKEY_POLICY = {
  /** A new signed prekey and last-resort KEM prekey after this time. */
  rotateAfter: 7 * DAY,
  /**
   * They are deleted this long after they were made: what was sealed at the end of the life of their last bundle has a week to
   * be fetched.
   */
  deleteAfter: 28 * DAY,
  /** So long a peer that stays away can be written to by way of its mailboxes. */
  bundleLifetime: 14 * DAY,
  /** A one-time prekey that was handed out and never used is deleted after this time. */
  issuedLifetime: 8 * DAY,
  /** Unissued one-time prekeys are filled up to `stock` when fewer than `mark` are left. */
  oneTime: { stock: 50, mark: 20 },
  oneTimeKem: { stock: 10, mark: 4 },
  /** One-time prekeys out at once; above it a bundle has none. */
  maxIssued: 1000
} as const

interface Dated<Key> {
  readonly id: number
  readonly key: Key
  readonly createdAt: number
}

interface OneTime<Key> {
  readonly id: number
  readonly key: Key
  /** When it was handed out; undefined while it is in stock. */
  readonly issuedAt: number | undefined
}

/** Our private prekeys, as a value; the caller stores {@link encodePrekeys} of it, sealed. */
export interface Prekeys {
  readonly nextId: number
  /** Newest last. */
  readonly signed: ReadonlyArray<Dated<AgreementKey>>
  readonly lastResortKem: ReadonlyArray<Dated<KemKey>>
  readonly oneTime: ReadonlyArray<OneTime<AgreementKey>>
  readonly oneTimeKem: ReadonlyArray<OneTime<KemKey>>
}

/** The one-time prekeys that a handshake used up: delete them in the same batch that stores the session. */
export interface SpentPrekeys {
  readonly oneTime: number | undefined
  readonly oneTimeKem: number | undefined
}

/** No prekeys yet: {@link maintainPrekeys} makes them. */
export const NO_PREKEYS: Prekeys = { nextId: 1, signed: [], lastResortKem: [], oneTime: [], oneTimeKem: [] }

/** Rotates what is due, deletes what has expired, fills the stock. Returns the same value when nothing was to do. */
export function maintainPrekeys(crypto: CryptoProvider, prekeys: Prekeys, now: number): Prekeys {
  let nextId = prekeys.nextId
  const rotate = <Key>(keys: ReadonlyArray<Dated<Key>>, make: () => Key): ReadonlyArray<Dated<Key>> => {
    const live = keys.filter(key => now - key.createdAt < PREKEY_POLICY.deleteAfter)
    const newest = live.at(-1)
    if (newest !== undefined && now - newest.createdAt < PREKEY_POLICY.rotateAfter) {
      return live.length === keys.length ? keys : live
    }
    return [...live, { id: nextId++, key: make(), createdAt: now }]
  }
  const restock = <Key>(
    keys: ReadonlyArray<OneTime<Key>>,
    level: { stock: number; mark: number },
    make: () => Key
  ): ReadonlyArray<OneTime<Key>> => {
    const live = keys.filter(key => key.issuedAt === undefined || now - key.issuedAt < PREKEY_POLICY.issuedLifetime)
    const inStock = live.filter(key => key.issuedAt === undefined).length
    if (inStock >= level.mark) return live.length === keys.length ? keys : live
    const made = Array.from({ length: level.stock - inStock }, () => ({
      id: nextId++,
      key: make(),
      issuedAt: undefined
    }))
    return [...live, ...made]
  }
  const signed = rotate(prekeys.signed, crypto.x25519.generate)
  const lastResortKem = rotate(prekeys.lastResortKem, crypto.mlKem768.generate)
  const oneTime = restock(prekeys.oneTime, PREKEY_POLICY.oneTime, crypto.x25519.generate)
  const oneTimeKem = restock(prekeys.oneTimeKem, PREKEY_POLICY.oneTimeKem, crypto.mlKem768.generate)
  const same =
    signed === prekeys.signed &&
    lastResortKem === prekeys.lastResortKem &&
    oneTime === prekeys.oneTime &&
    oneTimeKem === prekeys.oneTimeKem
  return same ? prekeys : { nextId, signed, lastResortKem, oneTime, oneTimeKem }
}

/**
 * A signed bundle for one requester. `oneTime` only over a live authenticated stream: each one-time prekey leaves the stock
 * for good, so the result must be stored before the bundle is sent. A copy for a directory (DHT, mailbox) has none.
 */
export function issueBundle(
  crypto: CryptoProvider,
  stored: Prekeys,
  identity: LocalIdentity,
  now: number,
  { oneTime }: { oneTime: boolean }
): { prekeys: Prekeys; bundle: Uint8Array } {
  const prekeys = maintainPrekeys(crypto, stored, now)
  const signed = prekeys.signed.at(-1)!
  const lastResort = prekeys.lastResortKem.at(-1)!
  const pick = <Key>(keys: ReadonlyArray<OneTime<Key>>): OneTime<Key> | undefined => {
    if (!oneTime) return undefined
    const free = keys.filter(key => key.issuedAt === undefined)
    return keys.length - free.length < PREKEY_POLICY.maxIssued ? free[0] : undefined
  }
  const mark = <Key>(keys: ReadonlyArray<OneTime<Key>>, issued: OneTime<Key> | undefined) =>
    issued === undefined ? keys : keys.map(key => (key === issued ? { ...key, issuedAt: now } : key))
  const curve = pick(prekeys.oneTime)
  const kem = pick(prekeys.oneTimeKem)
  const bundle = encodeBundle(identity, {
    expires: now + PREKEY_POLICY.bundleLifetime,
    signed: { id: signed.id, publicKey: signed.key.publicKey },
    lastResortKem: { id: lastResort.id, publicKey: lastResort.key.publicKey },
    oneTime: curve && { id: curve.id, publicKey: curve.key.publicKey },
    oneTimeKem: kem && { id: kem.id, publicKey: kem.key.publicKey }
  })
  return {
    bundle,
    prekeys: { ...prekeys, oneTime: mark(prekeys.oneTime, curve), oneTimeKem: mark(prekeys.oneTimeKem, kem) }
  }
}

/** Without the prekeys that a handshake used up. */
export function spendPrekeys(prekeys: Prekeys, spent: SpentPrekeys): Prekeys {
  return {
    ...prekeys,
    oneTime: prekeys.oneTime.filter(key => key.id !== spent.oneTime),
    oneTimeKem: prekeys.oneTimeKem.filter(key => key.id !== spent.oneTimeKem)
  }
}

const VERSION = 1
/** `issuedAt` of a key in stock. */
const IN_STOCK = 0

/** All private prekeys (docs/spec/session.md §8), for sealed storage only. The caller wipes the result. */
export function encodePrekeys(prekeys: Prekeys): Uint8Array {
  const writer = new Writer(4096)
  writer.u8(VERSION).u32(prekeys.nextId)
  writer.u16(prekeys.signed.length)
  for (const { id, key, createdAt } of prekeys.signed) writer.u32(id).u64(createdAt).secret(key.exportSecret())
  writer.u16(prekeys.lastResortKem.length)
  for (const { id, key, createdAt } of prekeys.lastResortKem) writer.u32(id).u64(createdAt).secret(key.exportSeed())
  writer.u16(prekeys.oneTime.length)
  for (const { id, key, issuedAt } of prekeys.oneTime) {
    writer
      .u32(id)
      .u64(issuedAt ?? IN_STOCK)
      .secret(key.exportSecret())
  }
  writer.u16(prekeys.oneTimeKem.length)
  for (const { id, key, issuedAt } of prekeys.oneTimeKem) {
    writer
      .u32(id)
      .u64(issuedAt ?? IN_STOCK)
      .secret(key.exportSeed())
  }
  return writer.finish()
}

/** @throws STORAGE_SESSION_CORRUPT */
export function decodePrekeys(crypto: CryptoProvider, bytes: Uint8Array): Prekeys {
  const fail = corrupt('The prekey store')
  const reader = new Reader(bytes, fail)
  if (reader.u8() !== VERSION) throw fail('its version is unknown')
  const nextId = reader.u32()
  const secret = <Key>(length: number, restore: (bytes: Uint8Array) => Key): Key => {
    const bytes = reader.bytes(length)
    const key = restore(bytes)
    bytes.fill(0)
    return key
  }
  const curveKey = () => secret(32, crypto.x25519.fromSecret)
  const kemKey = () => secret(64, crypto.mlKem768.fromSeed)
  const list = <Item>(limit: number, item: () => Item): Item[] => {
    const count = reader.u16()
    if (count > limit) throw fail(`it holds ${count} keys of one kind`)
    return Array.from({ length: count }, item)
  }
  const dated = <Key>(key: () => Key) => ({ id: reader.u32(), createdAt: reader.u64(), key: key() })
  const oneTimeKey = <Key>(key: () => Key) => ({ id: reader.u32(), issuedAt: reader.u64() || undefined, key: key() })
  const most = PREKEY_POLICY.maxIssued + 100
  const prekeys = {
    nextId,
    signed: list(100, () => dated(curveKey)),
    lastResortKem: list(100, () => dated(kemKey)),
    oneTime: list(most, () => oneTimeKey(curveKey)),
    oneTimeKem: list(most, () => oneTimeKey(kemKey))
  }
  reader.end()
  return prekeys
}
