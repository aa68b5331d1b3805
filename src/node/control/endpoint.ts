import { createHash, randomBytes } from 'node:crypto'
import { chmod, lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { TalosError } from '../../errors.ts'
import { endpointFile } from '../data-dir.ts'
import { readPrivateFile } from '../private-file.ts'

/** Of a socket's path, in bytes: 104 with its end on macOS and BSD, 108 on Linux. */
const MAX_PATH = 103

const ENDPOINT = z.object({
  /** Of the control protocol (docs/spec/control.md). */
  protocol: z.int(),
  pid: z.int(),
  /** Of the Unix socket or the named pipe. */
  path: z.string(),
  /** 32 hexadecimal digits that a client shows: a named pipe has no owner. */
  token: z.string()
})

/** Where the node of a data directory can be talked to. */
export type Endpoint = z.output<typeof ENDPOINT>

/** What the node that runs has published, or one that was killed; undefined when there is none. */
export async function readEndpoint(dataDir: string): Promise<Endpoint | undefined> {
  const file = await readPrivateFile(endpointFile(dataDir))
  // another user's file could send us anywhere
  if (file?.isPrivate !== true) return undefined
  try {
    const read = ENDPOINT.safeParse(JSON.parse(file.bytes.toString('utf8')))
    return read.success ? read.data : undefined
  } catch {
    return undefined // half-written by a full disk: as good as none
  }
}

/** Only the process that holds the data directory's store may call it. The old file, if any, is a dead node's. */
export async function publishEndpoint(dataDir: string, endpoint: Endpoint): Promise<void> {
  const temporary = `${endpointFile(dataDir)}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(endpoint)}\n`, { mode: 0o600 })
  await rename(temporary, endpointFile(dataDir))
}

export async function withdrawEndpoint(dataDir: string, { token }: Endpoint): Promise<void> {
  const current = await readEndpoint(dataDir)
  if (current?.token === token) await rm(endpointFile(dataDir), { force: true })
}

/** A new endpoint in the data directory, or elsewhere when its path is too long for a socket. Throws STORAGE_DIR_UNSAFE. */
export async function newEndpoint(dataDir: string, protocol: number): Promise<Endpoint> {
  const token = randomBytes(16).toString('hex')
  const endpoint = { protocol, pid: process.pid, token }
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return { ...endpoint, path: `\\\\.\\pipe\\talos-${name}-${token.slice(0, 8)}` }
  const here = join(dataDir, 'node.sock')
  if (Buffer.byteLength(here) <= MAX_PATH) return { ...endpoint, path: here }
  return { ...endpoint, path: join(await shortFolder(), `${name}.sock`) }
}

/** `<tmp>/talos-<uid>`, ours alone. */
async function shortFolder(): Promise<string> {
  const folder = join(tmpdir(), `talos-${userInfo().uid}`)
  await mkdir(folder, { mode: 0o700 }).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(folder)
  if (!found.isDirectory() || found.uid !== userInfo().uid) {
    throw new TalosError('STORAGE_DIR_UNSAFE', `${folder} is not this user's folder`, {
      hint: 'Remove it, or use a --data-dir with a shorter path, which has room for the socket itself.'
    })
  }
  await chmod(folder, 0o700)
  return folder
}
