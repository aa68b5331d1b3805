import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { isTalosError, TalosError } from '../errors.ts'

/** One owner's part of the database: string keys, byte values. */
export type Store = ReturnType<typeof sublevel>

/** The one handle on a data directory's database. Every owner works in a sublevel of its own. */
export interface Storage extends AsyncDisposable {
  /** The part of `owner` (lower-case letters and hyphens): a name that no other owner uses. */
  of(owner: string): Store
  /** Writes what is in memory and releases the lock. No part is of use afterwards. */
  close(): Promise<void>
}

/**
 * Opens `<dataDir>/store`, a LevelDB database, and creates it when there is none. The process that holds it is the node.
 * Throws STORAGE_LOCKED, STORAGE_CORRUPT, STORAGE_FULL, STORAGE_DENIED or STORAGE_FAILED.
 */
export async function openStorage(dataDir: string): Promise<Storage> {
  const folder = join(dataDir, 'store')
  let level: Level<string, Uint8Array>
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // it opens by itself when it is made, and would make the folder readable for others
    level = new Level(folder, { valueEncoding: 'view' })
    await level.open()
  } catch (cause) {
    throw asStorageError(folder, cause)
  }
  return {
    of: owner => sublevel(level, owner),
    close: () => level.close(),
    [Symbol.asyncDispose]: () => level.close()
  }
}

/** What a failed open, read or write means, in words and with a remedy. */
export function asStorageError(folder: string, cause: unknown): TalosError {
  if (isTalosError(cause)) return cause
  const error = cause as NodeJS.ErrnoException
  const inner = (error.cause ?? error) as NodeJS.ErrnoException
  const text = `${inner.code ?? ''} ${inner.message}`
  if (text.includes('LEVEL_LOCKED')) {
    return new TalosError('STORAGE_LOCKED', `another Talos process uses ${folder}`, {
      hint: 'Stop it, or give this one a --data-dir of its own.',
      cause
    })
  }
  if (/LEVEL_CORRUPTION|Corruption/.test(text)) {
    return new TalosError('STORAGE_CORRUPT', `the database ${folder} is damaged: ${inner.message}`, {
      hint: 'Move the folder away and start again; the identity is kept elsewhere.',
      cause
    })
  }
  if (/ENOSPC|EDQUOT|No space left|quota exceeded/i.test(text)) {
    return new TalosError('STORAGE_FULL', `no space is left for ${folder}`, { hint: 'Free some and try again.', cause })
  }
  if (/EACCES|EPERM|EROFS|Permission denied|Read-only/i.test(text)) {
    return new TalosError('STORAGE_DENIED', `no permission to use ${folder}: ${inner.message}`, {
      hint: 'Run as the user that owns it, or give another --data-dir.',
      cause
    })
  }
  return new TalosError('STORAGE_FAILED', `cannot use the database ${folder}: ${inner.message}`, { cause })
}

function sublevel(level: Level<string, Uint8Array>, owner: string) {
  return level.sublevel<string, Uint8Array>(owner, { valueEncoding: 'view' })
}
