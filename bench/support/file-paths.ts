import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Party } from '../../test/support/file-parties.ts'
import { freePort, reachable } from '../../test/support/ports.ts'
import type { StockOrder } from './stock-stream.ts'

/** A way to bring a file from one folder to another. */
export interface FilePath {
  name: string
  /** Resolves when it is there. Milliseconds, when the path itself knows better than a clock around it. */
  carry(file: string, target: string, bytes: number): Promise<number | undefined>
  close(): Promise<void>
}

/** What the bar is set against. */
export const BARE = 'bare libp2p stream'

const nothing = async (): Promise<void> => {}

export const cpPath: FilePath = {
  name: 'cp',
  carry: async (file, target) => void (await finished(spawn('cp', [file, target]))),
  close: nothing
}

/** An sshd of our own on a loopback port, with keys made for this run. */
export async function scpPath(folder: string): Promise<FilePath | string> {
  const sshd = '/usr/sbin/sshd'
  if (!existsSync(sshd) || spawnSync('scp').error !== undefined) return 'scp (scp or sshd is not installed)'
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
    return join(folder, name)
  }
  const [host, user] = [key('host'), key('user')]
  copyFileSync(`${user}.pub`, join(folder, 'authorized_keys'))
  chmodSync(join(folder, 'authorized_keys'), 0o600)
  const port = await freePort()
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const settings = [
    `HostKey=${host}`,
    `AuthorizedKeysFile=${join(folder, 'authorized_keys')}`,
    'StrictModes=no',
    'ListenAddress=127.0.0.1',
    `PidFile=${join(folder, 'pid')}`,
    'UsePAM=no',
    'Subsystem=sftp internal-sftp'
  ]
  const options = (lines: string[]): string[] => lines.flatMap(line => ['-o', line])
  const daemon = spawn(sshd, ['-f', '/dev/null', '-D', '-e', '-p', String(port), ...options(settings)], {
    stdio: 'ignore'
  })
  await reachable(port)
  const client = options(['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'])
  const to = `${userInfo().username}@127.0.0.1`
  return {
    name: 'scp',
    carry: async (file, target) =>
      void (await finished(spawn('scp', ['-q', '-i', user, '-P', String(port), ...client, file, `${to}:${target}`]))),
    close: async () => void daemon.kill()
  }
}

export async function wormholePath(): Promise<FilePath | string> {
  if (spawnSync('wormhole', ['--version']).error !== undefined) return 'magic-wormhole (not installed)'
  return 'magic-wormhole (needs its rendezvous server on the Internet)'
}

/** libp2p as it comes, in two processes: a stream from memory to nowhere, and a file from disk to disk, checked by nobody. */
export async function stockPaths(): Promise<FilePath[]> {
  const program = fileURLToPath(new URL('./stock-stream.ts', import.meta.url))
  const [sender, receiver] = [fork(program), fork(program)]
  const [[{ address }]] = (await Promise.all([receiver, sender].map(child => once(child, 'message')))) as [
    [{ address: string }],
    unknown[]
  ]
  const tell = async (order: StockOrder): Promise<number> => {
    sender.send(order)
    const [{ wall, error }] = await once(sender, 'message')
    if (error !== undefined) throw new Error(error)
    return wall
  }
  return [
    {
      name: BARE,
      carry: (_, __, bytes) => tell({ order: 'bytes', address, bytes }),
      close: nothing
    },
    {
      name: 'a file over bare libp2p',
      carry: (path, target) => tell({ order: 'file', address, path, target: join(target, 'file') }),
      close: async () => {
        sender.kill()
        receiver.kill()
      }
    }
  ]
}

/** Two agents in two processes, and a stream between their nodes that is nothing but a stream. */
export async function talosPaths(folder: string): Promise<FilePath[]> {
  const [alice, bob] = [await Party.start(join(folder, 'alice')), await Party.start(join(folder, 'bob'))]
  await alice.tell({ order: 'meet', peer: bob.peer, address: bob.address })
  return [
    {
      name: 'a stream between Talos nodes',
      carry: async (_, __, bytes) => (await alice.tell({ order: 'bare', peer: bob.peer, bytes })).wall,
      close: nothing
    },
    {
      name: 'Talos',
      carry: async file => (await alice.tell({ order: 'send', peer: bob.peer, path: file })).wall,
      close: async () => {
        await alice.kill()
        await bob.kill()
      }
    }
  ]
}

async function finished(child: ChildProcess): Promise<void> {
  const [status] = await once(child, 'exit')
  if (status !== 0) throw new Error(`${child.spawnfile} ended with status ${status}`)
}
