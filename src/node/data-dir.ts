import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'
import { TalosError } from '../errors.ts'

/** Modes mean nothing to Windows; its profile folders are private to the user. */
const HAS_MODES = process.platform !== 'win32'

/**
 * The absolute path of the data directory: `dataDir` (the flag), else TALOS_DATA_DIR, else the platform's folder for
 * application data (`~/.local/share/talos`, `~/Library/Application Support/talos`, `%LOCALAPPDATA%\talos\Data`).
 */
export function resolveDataDir(dataDir?: string, env: NodeJS.ProcessEnv = process.env): string {
  return resolve(dataDir || env['TALOS_DATA_DIR'] || envPaths('talos', { suffix: '' }).data)
}

/** Where the node that runs says how to talk to it. */
export const endpointFile = (dataDir: string): string => join(dataDir, 'node.json')

/**
 * Makes sure that the data directory exists, belongs to this user, and is closed to all others (0700). An own empty folder
 * that is open is closed. Throws STORAGE_DIR_UNSAFE or STORAGE_DIR_UNUSABLE, with the folder as it was.
 */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unusable(dataDir, cause)
  }
  if (await isOpenToOthers(dataDir)) {
    if ((await readdir(dataDir)).length > 0) throw openToOthers(dataDir)
    await chmod(dataDir, 0o700)
  }
}

/** The same check for a command that only reads. True when the folder is there and safe, false when there is none. */
export async function checkDataDir(dataDir: string): Promise<boolean> {
  try {
    if (await isOpenToOthers(dataDir)) throw openToOthers(dataDir)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Throws STORAGE_DIR_UNSAFE when the folder is another user's, STORAGE_DIR_UNUSABLE when it is no folder. */
async function isOpenToOthers(dataDir: string): Promise<boolean> {
  const found = await stat(dataDir).catch(cause => {
    throw cause.code === 'ENOENT' ? cause : unusable(dataDir, cause)
  })
  if (!found.isDirectory()) throw unusable(dataDir, new Error('it is not a directory'))
  if (!HAS_MODES) return false
  if (found.uid !== process.geteuid?.()) {
    throw new TalosError('STORAGE_DIR_UNSAFE', `the data directory ${dataDir} belongs to another user`, {
      hint: 'Run Talos as that user, or choose a folder of your own with --data-dir.'
    })
  }
  return (found.mode & 0o077) !== 0
}

function openToOthers(dataDir: string): TalosError {
  return new TalosError('STORAGE_DIR_UNSAFE', `the data directory ${dataDir} is open to other users`, {
    hint: `Close it (chmod 700 '${dataDir}'), or choose another one with --data-dir.`
  })
}

function unusable(dataDir: string, cause: unknown): TalosError {
  return new TalosError(
    'STORAGE_DIR_UNUSABLE',
    `cannot use the data directory ${dataDir}: ${(cause as Error).message}`,
    {
      hint: 'Choose another one with --data-dir or TALOS_DATA_DIR.',
      cause
    }
  )
}
