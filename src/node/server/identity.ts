import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TalosError } from '../../errors.ts'
import { readPrivateFile, writeNewFile } from '../private-file.ts'

const SEED_LENGTH = 32
/** 64 digits and a line break at most. */
const MAX_FILE_LENGTH = 128

/**
 * The Ed25519 seed that is a server's identity, from its host key file: 32 raw bytes, mode 0600, made at the first start.
 * Throws STORAGE_KEY_OPEN when others can read it, STORAGE_KEY_CORRUPT, STORAGE_READ_FAILED, STORAGE_WRITE_FAILED.
 */
export async function hostKey(path: string): Promise<Uint8Array> {
  const file = await readPrivateFile(path)
  if (file === undefined) {
    const seed = randomBytes(SEED_LENGTH)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeNewFile(path, seed)
    return seed
  }
  if (!file.isPrivate) {
    throw new TalosError('STORAGE_KEY_OPEN', `the server's key ${path} is open to other users`, {
      hint: `If nobody has read it, close it: chmod 600 '${path}'. If somebody may have, remove it; agents will be told of the new identity.`
    })
  }
  return seedIn(path, file.bytes)
}

/**
 * The seed in a file that is provided from outside, as container platforms do: 32 raw bytes or 64 hexadecimal digits. Its
 * owner is the platform and its mode may let a group read it, so that only access by all is refused.
 * Throws STORAGE_KEY_OPEN, STORAGE_KEY_CORRUPT, STORAGE_READ_FAILED.
 */
export async function providedKey(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, constants.O_RDONLY)
    const found = await file.stat()
    if (process.platform !== 'win32' && (found.mode & 0o007) !== 0) {
      throw new TalosError('STORAGE_KEY_OPEN', `the server's key ${path} is open to every user`, {
        hint: 'Mount it with mode 0400 (0440 for a group).'
      })
    }
    if (!found.isFile() || found.size > MAX_FILE_LENGTH) throw corrupt(path)
    return seedIn(path, await readFile(file))
  } catch (cause) {
    if (cause instanceof TalosError) throw cause
    throw new TalosError('STORAGE_READ_FAILED', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

function seedIn(path: string, bytes: Buffer): Uint8Array {
  if (bytes.byteLength === SEED_LENGTH) return Uint8Array.from(bytes)
  const text = bytes.toString('latin1').trim()
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  throw corrupt(path)
}

function corrupt(path: string): TalosError {
  return new TalosError('STORAGE_KEY_CORRUPT', `${path} does not hold a server's key (32 bytes)`, {
    hint: 'Restore it from a backup. Without it the server gets a new identity, of which agents are warned.'
  })
}
