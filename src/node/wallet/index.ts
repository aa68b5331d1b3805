import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { didKeyOf, hexOf, peerIdOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import { checkDataDir, prepareDataDir, resolveDataDir } from '../data-dir.ts'
import { nameProblem } from '../peer-name.ts'
import { readPrivateFile, updatePrivateFile, writeNewFile } from '../private-file.ts'
import { DEFAULT_KDF, type KdfParameters } from './kdf.ts'
import {
  type Contents,
  decodeKeystore,
  encodeKeystore,
  type Keystore,
  openKeystore,
  rewrapKeystore,
  sealKeystore
} from './keystore.ts'
import { hidePassphrases, type PassphraseSource, passphraseBytes, passphraseFromEnvironment } from './passphrase.ts'
import { entropyOf, phraseOf } from './phrase.ts'
import { type Wallet, walletOf } from './wallet.ts'

export { type PassphraseSource, passphraseFromEnvironment, SHORT_PASSPHRASE } from './passphrase.ts'
export type { Wallet, WalletIdentity } from './wallet.ts'

const FILE = 'wallet.json'

export interface WalletLocation {
  /** @default TALOS_DATA_DIR, else the platform's data directory */
  dataDir?: string
}

export interface OpenWalletOptions extends WalletLocation {
  /** @default TALOS_PASSPHRASE, else the file that TALOS_PASSPHRASE_FILE names */
  passphrase?: PassphraseSource
  /** Asks a person, when neither `passphrase` nor the environment gives one. */
  prompt?: () => Promise<string>
}

export interface CreateWalletOptions extends OpenWalletOptions {
  /** The display name: 1 to 64 printable characters without spaces. */
  name: string
  /** The 24 words of an identity to restore. @default a new identity */
  phrase?: string | (() => Promise<string>)
  /** Store the keys without a passphrase: who reads the file is this agent. @default false */
  insecurePlaintext?: boolean
  /** Replace a wallet that is there, after a backup beside it. @default false */
  force?: boolean
  /** The cost of guessing the passphrase. @default 64 MiB, 3 passes */
  kdf?: KdfParameters
}

export interface CreatedWallet {
  wallet: Wallet
  dataDir: string
  /** Where the wallet that `force` replaced is now. */
  backup?: string
}

/**
 * Makes the wallet of a data directory. Throws WALLET_EXISTS (before it asks for a passphrase), WALLET_NAME_INVALID,
 * WALLET_PHRASE_INVALID, WALLET_PASSPHRASE_MISSING, WALLET_PASSPHRASE_EMPTY, and what the file system makes of it (STORAGE_*).
 */
export async function createWallet(options: CreateWalletOptions): Promise<CreatedWallet> {
  const dataDir = resolveDataDir(options.dataDir)
  const file = join(dataDir, FILE)
  const name = options.name.normalize('NFC')
  const problem = nameProblem(name)
  if (problem !== undefined) throw new TalosError('WALLET_NAME_INVALID', `the name ${problem}`)
  hidePassphrases()
  await prepareDataDir(dataDir)
  if (options.force !== true && (await readPrivateFile(file)) !== undefined) throw exists(file)

  const phrase = typeof options.phrase === 'function' ? await options.phrase() : options.phrase
  const entropy = phrase === undefined ? new Uint8Array(randomBytes(32)) : await entropyOf(phrase)
  const passphrase = options.insecurePlaintext === true ? undefined : await passphraseFor(options)
  const contents = { entropy, storageKey: new Uint8Array(randomBytes(32)) }
  const wallet = walletOf(contents, name, passphrase !== undefined)
  const head = {
    name,
    identity: wallet.hex,
    agreement: Buffer.from(wallet.identity.agreement.publicKey).toString('hex'),
    created: Date.now()
  }
  const keystore = encodeKeystore(await sealKeystore(head, contents, passphrase, options.kdf ?? DEFAULT_KDF))
  contents.entropy.fill(0)
  contents.storageKey.fill(0)
  let backup: string | undefined
  await updatePrivateFile(file, async current => {
    if (current !== undefined) {
      if (options.force !== true) throw exists(file)
      backup = `${file}.backup-${new Date().toISOString().replaceAll(':', '-')}`
      await writeNewFile(backup, current)
    }
    return keystore
  })
  return { wallet, dataDir, ...(backup === undefined ? {} : { backup }) }
}

/**
 * Opens the wallet of a data directory. Throws WALLET_NOT_FOUND, WALLET_PERMISSIONS, WALLET_TRUNCATED, WALLET_CORRUPT,
 * WALLET_VERSION, WALLET_KDF_LIMITS (all before it asks for a passphrase), WALLET_PASSPHRASE_MISSING,
 * WALLET_PASSPHRASE_EMPTY, WALLET_PASSPHRASE_WRONG. The file is never changed.
 */
export async function openWallet(options: OpenWalletOptions = {}): Promise<Wallet> {
  return (await beginOpening(options)).wallet
}

/** A wallet whose passphrase is being processed, off the main thread: there is time for other things. */
export interface WalletOpening {
  /** The identity that the file names, 32 bytes. Nothing vouches for it before the wallet is open. */
  readonly publicKey: Uint8Array
  /** Rejects with what openWallet() throws. */
  readonly wallet: Promise<Wallet>
}

/** As openWallet(), for callers with something to do meanwhile. Throws what openWallet() throws before it processes the passphrase. */
export async function beginOpening(options: OpenWalletOptions = {}): Promise<WalletOpening> {
  const begun = Promise.withResolvers<Uint8Array>()
  const wallet = withContents(
    options,
    (contents, { name, protection }) => walletOf(contents, name, protection.kind === 'passphrase'),
    ({ identity }) => begun.resolve(Uint8Array.from(Buffer.from(identity, 'hex')))
  )
  wallet.catch(begun.reject)
  return { publicKey: await begun.promise, wallet }
}

export interface WalletSummary {
  name: string
  peerId: string
  did: string
  hex: string
  sealed: boolean
  /** Milliseconds since the epoch. */
  created: number
  dataDir: string
}

/** What the wallet file says without its passphrase. Nothing vouches for it before the wallet has been opened. */
export async function readWalletSummary(location: WalletLocation = {}): Promise<WalletSummary> {
  const { keystore, dataDir } = await readKeystore(location)
  const key = Buffer.from(keystore.identity, 'hex')
  return {
    name: keystore.name,
    peerId: peerIdOf(key),
    did: didKeyOf(key),
    hex: hexOf(key),
    sealed: isSealed(keystore),
    created: keystore.created,
    dataDir
  }
}

/** The 24 words that restore the identity. Throws as openWallet. */
export async function exportPhrase(options: OpenWalletOptions = {}): Promise<string> {
  return await withContents(options, ({ entropy }) => phraseOf(entropy))
}

export interface ChangePassphraseOptions extends OpenWalletOptions {
  /** Asked for once the present passphrase has been found right. */
  next: PassphraseSource
  /** @default 64 MiB, 3 passes */
  kdf?: KdfParameters
}

/**
 * Seals the wallet with another passphrase; an unsealed one becomes sealed. The keys stay. Throws as openWallet, and
 * WALLET_CHANGED when another command changed the file meanwhile.
 */
export async function changePassphrase(options: ChangePassphraseOptions): Promise<void> {
  await withContents(options, async (_, keystore, { file, bytes, passphrase }) => {
    const next = passphraseBytes(typeof options.next === 'string' ? options.next : await options.next())
    const rewrapped = encodeKeystore(await rewrapKeystore(keystore, passphrase, next, options.kdf ?? DEFAULT_KDF))
    await updatePrivateFile(file, current => {
      if (current === undefined || !current.equals(bytes)) {
        throw new TalosError('WALLET_CHANGED', 'another command has changed the wallet meanwhile', {
          hint: 'Try again.'
        })
      }
      return rewrapped
    })
  })
}

/** Opens the keystore for `use` and wipes what was opened. */
async function withContents<T>(
  options: OpenWalletOptions,
  use: (
    contents: Contents,
    keystore: Keystore,
    from: { file: string; bytes: Buffer; passphrase: Uint8Array }
  ) => T | Promise<T>,
  onUnsealing: (keystore: Keystore) => void = () => {}
): Promise<T> {
  hidePassphrases()
  const { keystore, file, bytes } = await readKeystore(options)
  const passphrase = isSealed(keystore) ? await passphraseFor(options) : new Uint8Array()
  const unsealing = openKeystore(keystore, passphrase)
  onUnsealing(keystore)
  const contents = await unsealing
  try {
    return await use(contents, keystore, { file, bytes, passphrase })
  } finally {
    contents.entropy.fill(0)
    contents.storageKey.fill(0)
    passphrase.fill(0)
  }
}

async function readKeystore(location: WalletLocation) {
  const dataDir = resolveDataDir(location.dataDir)
  const file = join(dataDir, FILE)
  const found = (await checkDataDir(dataDir)) ? await readPrivateFile(file) : undefined
  if (found === undefined) {
    throw new TalosError('WALLET_NOT_FOUND', `there is no wallet in ${dataDir}`, {
      hint: 'Make one with `talos init --name <name>`, or say where it is with --data-dir.'
    })
  }
  if (!found.isPrivate) {
    throw new TalosError('WALLET_PERMISSIONS', `other users can read ${file}, or it belongs to one`, {
      hint: `Close it (chmod 600 '${file}'). If somebody may have copied it, change the passphrase or make a new identity.`
    })
  }
  const keystore = decodeKeystore(found.bytes)
  return { dataDir, file, bytes: found.bytes, keystore }
}

const isSealed = (keystore: Keystore) => keystore.protection.kind === 'passphrase'

async function passphraseFor({ passphrase, prompt }: OpenWalletOptions): Promise<Uint8Array> {
  if (typeof passphrase === 'string') return passphraseBytes(passphrase)
  const given = passphrase === undefined ? await passphraseFromEnvironment() : await passphrase()
  if (given !== undefined) return passphraseBytes(given)
  if (prompt !== undefined) return passphraseBytes(await prompt())
  throw passphraseMissing()
}

/** The error for a wallet that needs a passphrase where nobody can be asked for one. */
export function passphraseMissing(variable = 'TALOS_PASSPHRASE'): TalosError {
  return new TalosError(
    'WALLET_PASSPHRASE_MISSING',
    'the wallet needs a passphrase, and there is no terminal to ask on',
    {
      hint: `Set ${variable}, or ${variable}_FILE to a file that holds it, or run this on a terminal.`
    }
  )
}

function exists(file: string): TalosError {
  return new TalosError('WALLET_EXISTS', `there is a wallet already: ${file}`, {
    hint: 'Use another --data-dir for a second identity; --force replaces this one and keeps a backup beside it.'
  })
}
