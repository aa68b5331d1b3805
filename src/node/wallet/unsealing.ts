import { join } from 'node:path'
import { TalosError } from '../../errors.ts'
import { checkDataDir, resolveDataDir } from '../data-dir.ts'
import { readPrivateFile } from '../private-file.ts'
import { type Contents, decodeKeystore, type Keystore, openKeystore } from './keystore.ts'
import { hidePassphrases, type PassphraseSource, passphraseBytes, passphraseFromEnvironment } from './passphrase.ts'

// Deriving the key from a passphrase takes a quarter of a second on a processor of its own. What is imported here comes before it
// can begin, so nothing is that could come after.

export const FILE = 'wallet.json'

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

/** A keystore whose passphrase is being processed, off the main thread. */
export interface Unsealing {
  readonly keystore: Keystore
  readonly file: string
  /** The file. */
  readonly bytes: Buffer
  /** Wiped by who takes the contents; so are these. */
  readonly passphrase: Uint8Array
  /** Rejects with WALLET_PASSPHRASE_WRONG, WALLET_CORRUPT, WALLET_KDF_FAILED. */
  readonly contents: Promise<Contents>
}

/** Throws what openWallet() throws before it processes the passphrase. */
export async function beginUnsealing(options: OpenWalletOptions = {}): Promise<Unsealing> {
  hidePassphrases()
  const { keystore, file, bytes } = await readKeystore(options)
  const passphrase = isSealed(keystore) ? await passphraseFor(options) : new Uint8Array()
  const contents = openKeystore(keystore, passphrase)
  contents.catch(() => {}) // it is told where they are used
  return { keystore, file, bytes, passphrase, contents }
}

/** Throws WALLET_NOT_FOUND, WALLET_PERMISSIONS, and what decodeKeystore() throws. */
export async function readKeystore(location: WalletLocation) {
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

export const isSealed = (keystore: Keystore): boolean => keystore.protection.kind === 'passphrase'

export async function passphraseFor({ passphrase, prompt }: OpenWalletOptions): Promise<Uint8Array> {
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
