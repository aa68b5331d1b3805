import { constants } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TalosError } from '../errors.ts'
import { withFileLock } from './file-lock.ts'

/** No file of ours that is read whole is larger; a larger one is refused before it is read. */
const MAX_BYTES = 1024 * 1024

export interface PrivateFile {
  bytes: Buffer
  /** False when another user owns the file or may read or write it. Always true on Windows. */
  isPrivate: boolean
}

/** The file, or undefined when there is none. Throws STORAGE_READ_FAILED for anything but a regular file up to 1 MiB. */
export async function readPrivateFile(path: string): Promise<PrivateFile | undefined> {
  try {
    // without O_NONBLOCK the open of a named pipe would wait for a writer
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await file.stat()
    if (!found.isFile()) throw new Error('it is not a regular file')
    if (found.size > MAX_BYTES) throw new Error(`it has ${found.size} bytes; at most ${MAX_BYTES} are expected`)
    const isPrivate = process.platform === 'win32' || (found.uid === process.geteuid?.() && (found.mode & 0o077) === 0)
    return { bytes: await readFile(file), isPrivate }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new TalosError('STORAGE_READ_FAILED', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Replaces the file by what `change` makes of it, or leaves it when `change` returns undefined or throws. Commands that
 * run side by side take turns, and a crash at any point leaves the old file or the new one, whole. Mode 0600.
 * Throws STORAGE_BUSY, STORAGE_READ_FAILED, STORAGE_WRITE_FAILED.
 */
export async function updatePrivateFile(
  path: string,
  change: (current: Buffer | undefined) => Promise<Uint8Array | undefined> | Uint8Array | undefined
): Promise<void> {
  await withFileLock(path, async stillHeld => {
    const next = await change((await readPrivateFile(path))?.bytes)
    if (next !== undefined) await replaceFile(path, next, stillHeld)
  })
}

async function replaceFile(path: string, bytes: Uint8Array, beforeRename: () => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp` // one name is enough under the lock, and a crash leaves no heap of them
  try {
    await rm(temporary, { force: true })
    await writeSynced(temporary, bytes)
    await beforeRename()
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw asWriteError(path, error)
  }
}

/** Writes a new file (0600) that is on the disk when this returns. Throws STORAGE_WRITE_FAILED, also when it exists. */
export async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeSynced(path, bytes)
    await syncFolder(dirname(path))
  } catch (error) {
    throw asWriteError(path, error)
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } catch (error) {
    // a full disk: what was begun would be taken for the file by the next start
    await rm(path, { force: true })
    throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return // a folder cannot be opened there
  await using handle = await open(folder, 'r')
  await handle.sync()
}

function asWriteError(path: string, error: unknown): TalosError {
  if (error instanceof TalosError) return error
  return new TalosError('STORAGE_WRITE_FAILED', `cannot write ${path}: ${(error as Error).message}`, { cause: error })
}
