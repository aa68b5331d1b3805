import { createHash } from 'node:crypto'
import { constants, readdirSync } from 'node:fs'
import {
  access,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  statfs,
  unlink
} from 'node:fs/promises'
import { join } from 'node:path'
import { TalosError } from '../../errors.ts'
import { CHUNK_LENGTH } from './constants.ts'
import { namesLike } from './names.ts'
import { asFolderError, syncFolder } from './sink.ts'

const PARTIAL = '.partial'

/** File systems that have no hard links say one of these. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES']

/** The folder that files arrive in, with `.partial` in it for those that have not arrived yet. Throws FILE_FOLDER, FILE_DISK_FULL. */
export class DownloadFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  /** Where what is received is kept until it is complete. */
  partial(id: string): string {
    return join(this.#path, PARTIAL, id)
  }

  /** Makes it, if it is not there, so that one that cannot be used is told before something is offered. */
  async check(): Promise<void> {
    await this.#guard(async () => {
      await mkdir(this.#path, { recursive: true, mode: 0o700 })
      await access(this.#path, constants.W_OK | constants.X_OK)
    })
  }

  /** Makes the transfer's own folder, if it is not there, and returns it. Links in its place are not followed. */
  async prepare(id: string): Promise<string> {
    return this.#guard(async () => {
      await mkdir(this.#path, { recursive: true, mode: 0o700 })
      const root = await realpath(this.#path)
      let folder = root
      for (const name of [PARTIAL, id]) {
        folder = join(folder, name)
        await mkdir(folder, { mode: 0o700 }).catch(unless('EEXIST'))
        if (!(await lstat(folder)).isDirectory()) {
          throw new TalosError('FILE_FOLDER', `${folder} is not a directory`, { hint: 'Move it out of the way.' })
        }
      }
      return folder
    })
  }

  /** Whole chunks of the entry that was being received. */
  async chunks(id: string): Promise<number> {
    const stats = await lstat(join(this.partial(id), 'part')).catch(() => undefined)
    return stats?.isFile() === true ? Math.floor(stats.size / CHUNK_LENGTH) : 0
  }

  async free(): Promise<number> {
    return this.#guard(async () => {
      await mkdir(this.#path, { recursive: true, mode: 0o700 })
      const { bavail, bsize } = await statfs(this.#path)
      return bavail * bsize
    })
  }

  /** A name for something new, like the given one. It is not taken yet. */
  async nameFor(name: string): Promise<string> {
    return this.#guard(async () => {
      for (const candidate of namesLike(name)) {
        if ((await lstat(join(this.#path, candidate)).catch(() => undefined)) === undefined) return candidate
      }
      throw new Error('no name is left')
    })
  }

  /**
   * Moves what is complete to `name` in the download folder, in one step and over nothing. False when the name was taken
   * meanwhile. Done once more after a crash it finds what it did.
   */
  async publish(id: string, name: string, directory: boolean): Promise<boolean> {
    return this.#guard(async () => {
      const [from, to] = [join(this.partial(id), directory ? 'tree' : 'part'), join(this.#path, name)]
      const source = await lstat(from).catch(() => undefined)
      if (source === undefined) return true // a crash came after the move
      const published = await (directory ? moveDirectory(from, to) : moveFile(from, to, source.ino))
      if (!published) return false
      syncFolder(this.#path)
      await this.discard(id)
      return true
    })
  }

  async discard(id: string): Promise<void> {
    await this.#guard(() => rm(this.partial(id), { recursive: true, force: true }))
  }

  /** Removes partial folders that no record is of. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(join(this.#path, PARTIAL)).catch(() => [])) {
      if (/^[0-9a-f]{32}$/.test(name) && !known.has(name)) await this.discard(name)
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      throw cause instanceof TalosError ? cause : asFolderError(cause, this.partial('x'))
    }
  }
}

/** Our own id of a peer's transfer: no peer can choose another's. 32 hexadecimal digits. */
export function incomingId(peer: string, transferId: string): string {
  return createHash('sha256').update(`${peer}\0${transferId}`).digest('hex').slice(0, 32)
}

async function moveFile(from: string, to: string, inode: number): Promise<boolean> {
  try {
    await link(from, to) // fails when anything is there, unlike rename()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      if ((await lstat(to)).ino !== inode) return false
    } else if (NO_LINKS.includes(code ?? '')) {
      return placeAndReplace(from, to)
    } else throw error
  }
  await unlink(from)
  return true
}

/** Without links: an empty file of our own making takes the name first, and is then replaced. */
async function placeAndReplace(from: string, to: string): Promise<boolean> {
  try {
    await (await open(to, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)).close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  await rename(from, to)
  return true
}

async function moveDirectory(from: string, to: string): Promise<boolean> {
  try {
    await mkdir(to, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // an empty one is what a crash between the two steps leaves, and nothing that could be lost
    const stats = await lstat(to)
    if (!stats.isDirectory() || readdirSync(to).length > 0) return false
  }
  if (process.platform === 'win32') await rmdir(to)
  await rename(from, to)
  return true
}

function unless(expected: string): (error: NodeJS.ErrnoException) => void {
  return error => {
    if (error.code !== expected) throw error
  }
}
