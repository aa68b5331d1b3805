import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { TalosError } from '../../errors.ts'
import { areKdfParameters, type KdfParameters, passphraseKey } from './kdf.ts'
import type { Sealed } from './sealing.ts'

/** Loaded while the passphrase is being processed. */
const loadSealing = () => import('./sealing.ts')

/**
 * The wallet file, version 1 (docs/wallet.md, "The file"). A random master key seals the contents; the passphrase seals the
 * master key, so that a new passphrase leaves the contents alone. All byte strings are lower-case hex.
 */
export interface Keystore extends PublicPart {
  protection: Protection
  /** Sealed under the master key, with the public part authenticated: recovery entropy (32) ‖ storage key (32). */
  contents: Sealed
}

/** Readable without the passphrase; whether it is genuine is known once the wallet has been opened. */
export interface PublicPart {
  name: string
  /** Ed25519 public key, 32 bytes. */
  identity: string
  /** X25519 public key, 32 bytes. */
  agreement: string
  /** Milliseconds since the epoch. */
  created: number
}

type Protection =
  | { kind: 'passphrase'; kdf: KdfParameters & { salt: string }; master: Sealed }
  /** Written on explicit demand only. */
  | { kind: 'insecure-plaintext'; master: string }

export interface Contents {
  /** 32 bytes; the recovery phrase spells them. */
  entropy: Uint8Array
  /** 32 bytes, random, not derived from the phrase. */
  storageKey: Uint8Array
}

const VERSION = 1
const CONTENTS_LABEL = 'talos/wallet/contents/v1'
const MASTER_LABEL = 'talos/wallet/master/v1'

/** A new keystore around `contents`; without a passphrase it is an unsealed one. */
export async function sealKeystore(
  head: PublicPart,
  contents: Contents,
  passphrase: Uint8Array | undefined,
  kdf: KdfParameters
): Promise<Keystore> {
  const master = randomBytes(32)
  const plaintext = Buffer.concat([contents.entropy, contents.storageKey])
  const { seal } = await loadSealing()
  try {
    return {
      ...head,
      protection: await protect(master, head, passphrase, kdf),
      contents: seal(master, CONTENTS_LABEL, publicBytes(head), plaintext)
    }
  } finally {
    master.fill(0)
    plaintext.fill(0)
  }
}

/**
 * The contents. Throws WALLET_PASSPHRASE_WRONG, or WALLET_CORRUPT when the passphrase is right and the rest does not fit.
 * `passphrase` is not looked at for an unsealed keystore.
 */
export async function openKeystore(keystore: Keystore, passphrase: Uint8Array): Promise<Contents> {
  const master = await masterKey(keystore, passphrase)
  const { unseal } = await loadSealing()
  const opened = unseal(master, CONTENTS_LABEL, publicBytes(keystore), keystore.contents)
  master.fill(0)
  if (!opened.ok || opened.plaintext.length !== 64) throw tampered()
  // copies: slice() of a Buffer would be a view of what is wiped next
  const contents = {
    entropy: Uint8Array.from(opened.plaintext.subarray(0, 32)),
    storageKey: Uint8Array.from(opened.plaintext.subarray(32))
  }
  opened.plaintext.fill(0)
  return contents
}

/** The same contents under a new passphrase. Throws as openKeystore. */
export async function rewrapKeystore(
  keystore: Keystore,
  passphrase: Uint8Array,
  next: Uint8Array,
  kdf: KdfParameters
): Promise<Keystore> {
  const master = await masterKey(keystore, passphrase)
  try {
    return { ...keystore, protection: await protect(master, keystore, next, kdf) }
  } finally {
    master.fill(0)
  }
}

async function protect(
  master: Uint8Array,
  head: PublicPart,
  passphrase: Uint8Array | undefined,
  parameters: KdfParameters
): Promise<Protection> {
  if (passphrase === undefined) {
    return { kind: 'insecure-plaintext', master: Buffer.from(master).toString('hex') }
  }
  const salt = randomBytes(16)
  const kdf = { ...parameters, salt: salt.toString('hex') }
  const secret = await passphraseKey({ passphrase, salt, parameters })
  const { seal } = await loadSealing()
  try {
    return { kind: 'passphrase', kdf, master: seal(secret, MASTER_LABEL, masterBytes(head, kdf), master) }
  } finally {
    secret.fill(0)
  }
}

async function masterKey(keystore: Keystore, passphrase: Uint8Array): Promise<Uint8Array> {
  const { protection } = keystore
  if (protection.kind === 'insecure-plaintext') return Uint8Array.from(Buffer.from(protection.master, 'hex'))
  const { kdf } = protection
  const deriving = passphraseKey({ passphrase, salt: Buffer.from(kdf.salt, 'hex'), parameters: kdf })
  const [secret, { unseal }] = await Promise.all([deriving, loadSealing()])
  const opened = unseal(secret, MASTER_LABEL, masterBytes(keystore, kdf), protection.master)
  secret.fill(0)
  if (opened.ok) return opened.plaintext
  if (opened.why === 'tampered') throw tampered()
  throw new TalosError('WALLET_PASSPHRASE_WRONG', 'the passphrase does not open this wallet', {
    hint: 'Try again; with the recovery phrase you can restore the identity (talos wallet import).'
  })
}

/** The file's text. The checksum tells damage from a wrong passphrase; it is no protection against a forger. */
export function encodeKeystore(keystore: Keystore): Uint8Array {
  const plain = plainForm(keystore)
  return Buffer.from(`${JSON.stringify({ ...plain, checksum: checksumOf(plain) }, null, 2)}\n`)
}

/** Throws WALLET_TRUNCATED, WALLET_VERSION, WALLET_KDF_LIMITS or WALLET_CORRUPT. */
export function decodeKeystore(bytes: Uint8Array): Keystore {
  const file = parsed(bytes)
  if (file['talos'] !== 'wallet') throw corrupt('it is not a wallet file')
  if (file['version'] !== VERSION) {
    throw new TalosError(
      'WALLET_VERSION',
      `the wallet has version ${JSON.stringify(file['version'])}; this Talos reads ${VERSION}`,
      {
        hint: 'Use the version of Talos that wrote it, or a newer one.'
      }
    )
  }
  const { checksum, ...rest } = file
  const keystore = keystoreOf(rest)
  const plain = plainForm(keystore)
  if (!sameHex(hex(checksum, 32), checksumOf(plain))) throw corrupt('its checksum does not match')
  if (keystore.protection.kind === 'passphrase' && !areKdfParameters(keystore.protection.kdf)) {
    throw new TalosError('WALLET_KDF_LIMITS', 'the wallet asks for more memory or time than Talos allows', {
      hint: 'The file was not written by Talos, or was changed: restore a backup.'
    })
  }
  return keystore
}

function parsed(bytes: Uint8Array): Record<string, unknown> {
  const text = Buffer.from(bytes).toString('utf8')
  try {
    return object(JSON.parse(text), 'the file')
  } catch (error) {
    if (error instanceof TalosError) throw error
    if (text.trimEnd().endsWith('}')) throw corrupt('it is not JSON')
    throw new TalosError('WALLET_TRUNCATED', 'the wallet file ends too early', { hint: RESTORE })
  }
}

function keystoreOf(file: Record<string, unknown>): Keystore {
  const { talos: _, version: __, name, identity, agreement, created, protection, contents, ...unknown } = file
  if (Object.keys(unknown).length > 0) throw corrupt('it has a field that Talos does not know')
  if (typeof name !== 'string' || !Number.isSafeInteger(created)) throw corrupt('a field is missing or malformed')
  return {
    name,
    identity: hex(identity, 32),
    agreement: hex(agreement, 32),
    created: created as number,
    protection: protectionOf(object(protection, 'protection')),
    contents: sealedOf(contents, 64)
  }
}

function protectionOf(field: Record<string, unknown>): Protection {
  if (field['kind'] === 'insecure-plaintext') return { kind: 'insecure-plaintext', master: hex(field['master'], 32) }
  if (field['kind'] !== 'passphrase') throw corrupt('it is protected in an unknown way')
  const kdf = object(field['kdf'], 'kdf')
  if (kdf['algorithm'] !== 'argon2id') throw corrupt('its key derivation is unknown')
  const { memoryKiB, passes, parallelism } = kdf as Record<string, number>
  if (![memoryKiB, passes, parallelism].every(Number.isSafeInteger)) throw corrupt('a field is missing or malformed')
  return {
    kind: 'passphrase',
    kdf: { memoryKiB: memoryKiB!, passes: passes!, parallelism: parallelism!, salt: hex(kdf['salt'], 16) },
    master: sealedOf(field['master'], 32)
  }
}

function sealedOf(field: unknown, length: number): Sealed {
  const { nonce, commitment, box } = object(field, 'a sealed part')
  return { nonce: hex(nonce, 12), commitment: hex(commitment, 32), box: hex(box, length + 16) }
}

function object(field: unknown, what: string): Record<string, unknown> {
  if (typeof field !== 'object' || field === null || Array.isArray(field)) throw corrupt(`${what} is not an object`)
  return field as Record<string, unknown>
}

function hex(field: unknown, length: number): string {
  if (typeof field !== 'string' || field.length !== 2 * length || !/^[0-9a-f]+$/.test(field)) {
    throw corrupt('a field is missing or malformed')
  }
  return field
}

/** One order of the fields, whatever order the file had: what is hashed and authenticated. */
function plainForm(keystore: Keystore) {
  const { protection, contents } = keystore
  return {
    ...publicForm(keystore),
    protection:
      protection.kind === 'passphrase'
        ? { kind: protection.kind, kdf: kdfForm(protection.kdf), master: sealedForm(protection.master) }
        : { kind: protection.kind, master: protection.master },
    contents: sealedForm(contents)
  }
}

const publicForm = ({ name, identity, agreement, created }: PublicPart) => ({
  talos: 'wallet',
  version: VERSION,
  name,
  identity,
  agreement,
  created
})
const kdfForm = ({ memoryKiB, passes, parallelism, salt }: KdfParameters & { salt: string }) => ({
  algorithm: 'argon2id',
  memoryKiB,
  passes,
  parallelism,
  salt
})
const sealedForm = ({ nonce, commitment, box }: Sealed) => ({ nonce, commitment, box })

const publicBytes = (head: PublicPart) => Buffer.from(JSON.stringify(publicForm(head)))
const masterBytes = (head: PublicPart, kdf: KdfParameters & { salt: string }) =>
  Buffer.from(JSON.stringify({ ...publicForm(head), kdf: kdfForm(kdf) }))

const checksumOf = (plain: object) =>
  createHash('sha256')
    .update(`talos/wallet/checksum/v1\0${JSON.stringify(plain)}`)
    .digest('hex')
const sameHex = (a: string, b: string) => timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))

const RESTORE =
  'Restore a backup (wallet.json.backup-…), or the identity from its recovery phrase (talos wallet import).'
const corrupt = (why: string) =>
  new TalosError('WALLET_CORRUPT', `the wallet file is damaged: ${why}`, { hint: RESTORE })
const tampered = () => corrupt('it was changed after it was sealed')
