import { read } from 'node:fs'
import { open } from 'node:fs/promises'
import { TalosError } from '../../errors.ts'

/** A passphrase, or a function that asks for it and is called only when it is needed. */
export type PassphraseSource = string | (() => Promise<string>)

/** A passphrase file may be a descriptor (`/dev/fd/3`) that has no size: reading stops here. */
const MAX_FILE_BYTES = 4096

/** An inherited descriptor: what is read from it, since it may be a socket, which cannot be opened by that path. */
const DESCRIPTOR = /^\/dev\/fd\/(\d+)$/

/** Shorter ones are warned of: argon2id slows guessing down, it does not make four letters many. */
export const SHORT_PASSPHRASE = 12

/** What was read and removed, by environment, so that a second wallet in this process still opens. */
const taken = new WeakMap<NodeJS.ProcessEnv, Map<string, string>>()

/**
 * The passphrase from `<variable>`, else from the file that `<variable>_FILE` names (one trailing line break is not part of
 * it), else undefined. Both variables are removed from the environment, so that no child process inherits them.
 * Throws WALLET_PASSPHRASE_FILE when the file cannot be read or is longer than 4 KiB.
 */
export async function passphraseFromEnvironment(
  variable: 'TALOS_PASSPHRASE' | 'TALOS_NEW_PASSPHRASE' = 'TALOS_PASSPHRASE',
  env: NodeJS.ProcessEnv = process.env
): Promise<string | undefined> {
  const value = take(env, variable)
  const file = take(env, `${variable}_FILE`)
  return value ?? (file === undefined ? undefined : await passphraseFile(file))
}

/** Removes all passphrase variables, also when the wallet turns out to need none. */
export function hidePassphrases(env: NodeJS.ProcessEnv = process.env): void {
  for (const variable of ['TALOS_PASSPHRASE', 'TALOS_NEW_PASSPHRASE']) {
    take(env, variable)
    take(env, `${variable}_FILE`)
  }
}

/** The bytes that go into the KDF: UTF-8 of the NFC form, so that every keyboard's way to compose é is the same passphrase. */
export function passphraseBytes(passphrase: string): Uint8Array {
  if (passphrase === '') {
    throw new TalosError('WALLET_PASSPHRASE_EMPTY', 'the passphrase is empty', {
      hint: 'Choose one of several words. A wallet without one needs --insecure-plaintext.'
    })
  }
  return new TextEncoder().encode(passphrase.normalize('NFC'))
}

function take(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const known = taken.get(env) ?? new Map<string, string>()
  taken.set(env, known)
  const value = env[variable]
  if (value !== undefined) {
    known.set(variable, value)
    delete env[variable]
  }
  return known.get(variable)
}

async function passphraseFile(path: string): Promise<string> {
  const bytes = Buffer.alloc(MAX_FILE_BYTES + 1)
  try {
    const descriptor = DESCRIPTOR.exec(path)?.[1]
    let length: number
    if (descriptor !== undefined) length = await fill(bytes, Number(descriptor))
    else {
      await using file = await open(path)
      length = await fill(bytes, file.fd)
    }
    if (length > MAX_FILE_BYTES) throw new Error(`it is longer than ${MAX_FILE_BYTES} bytes`)
    return bytes.toString('utf8', 0, length).replace(/\r?\n$/, '')
  } catch (cause) {
    const why = `cannot read the passphrase file ${path}: ${(cause as Error).message}`
    throw new TalosError('WALLET_PASSPHRASE_FILE', why, { cause })
  } finally {
    bytes.fill(0)
  }
}

/** Reads until the end, or until `bytes` is full. */
async function fill(bytes: Buffer, descriptor: number): Promise<number> {
  for (let length = 0; ; ) {
    const count = await new Promise<number>((resolve, reject) => {
      const done = (error: Error | null, bytesRead: number): void => (error ? reject(error) : resolve(bytesRead))
      read(descriptor, bytes, length, bytes.length - length, null, done)
    })
    length += count
    if (count === 0 || length === bytes.length) return length
  }
}
