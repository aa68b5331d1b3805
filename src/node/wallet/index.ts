import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { didKeyOf, hexOf, peerIdOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import { prepareDataDir, resolveDataDir } from '../data-dir.ts'
import { nameProblem } from '../peer-name.ts'
import { readPrivateFile, updatePrivateFile, writeNewFile } from '../private-file.ts'
import { DEFAULT_KDF, type KdfParameters } from './kdf.ts'
import { type Contents, encodeKeystore, type Keystore, rewrapKeystore, sealKeystore } from './keystore.ts'
import { hidePassphrases, type PassphraseSource, passphraseBytes } from './passphrase.ts'
import { entropyOf, phraseOf } from './phrase.ts'
import {
  beginUnsealing,
  FILE,
  isSealed,
  type OpenWalletOptions,
  passphraseFor,
  readKeystore,
  type Unsealing,
  type WalletLocation
} from './unsealing.ts'
import { type Wallet, walletOf } from './wallet.ts'

export { type PassphraseSource, passphraseFromEnvironment, SHORT_PASSPHRASE } from './passphrase.ts'
export { type OpenWalletOptions, passphraseMissing, type Unsealing, type WalletLocation } from './unsealing.ts'
export type { Wallet, WalletIdentity } from './wallet.ts'

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
  return openingOf(await beginUnsealing(options))
}

/** As beginOpening(), where the unsealing has begun. */
export function openingOf(unsealing: Unsealing): WalletOpening {
  const { keystore } = unsealing
  const wallet = withContents(unsealing, contents => walletOf(contents, keystore.name, isSealed(keystore)))
  wallet.catch(() => {}) // it is told where the wallet is used
  return { publicKey: Uint8Array.from(Buffer.from(keystore.identity, 'hex')), wallet }
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
  return await withContents(await beginUnsealing(options), ({ entropy }) => phraseOf(entropy))
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
  await withContents(await beginUnsealing(options), async (_, keystore, { file, bytes, passphrase }) => {
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
  { keystore, file, bytes, passphrase, contents: opening }: Unsealing,
  use: (
    contents: Contents,
    keystore: Keystore,
    from: { file: string; bytes: Buffer; passphrase: Uint8Array }
  ) => T | Promise<T>
): Promise<T> {
  try {
    const contents = await opening
    try {
      return await use(contents, keystore, { file, bytes, passphrase })
    } finally {
      contents.entropy.fill(0)
      contents.storageKey.fill(0)
    }
  } finally {
    passphrase.fill(0)
  }
}

function exists(file: string): TalosError {
  return new TalosError('WALLET_EXISTS', `there is a wallet already: ${file}`, {
    hint: 'Use another --data-dir for a second identity; --force replaces this one and keeps a backup beside it.'
  })
}
