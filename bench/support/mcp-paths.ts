import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort, reachable } from '../../test/support/ports.ts'

/** A way to reach the echo server: what to start at the agent's side, the other side being up. */
export interface McpPath {
  name: string
  command: string
  args: string[]
  env?: NodeJS.ProcessEnv
  close(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SERVER = fileURLToPath(new URL('./echo-server.mjs', import.meta.url))
const TALOS = join(ROOT, 'bin/talos.cjs')

export async function directPath(): Promise<McpPath> {
  return { name: 'direct', command: process.execPath, args: [SERVER], close: async () => {} }
}

/** An sshd of our own on a loopback port, with keys made for this run. */
export async function sshPath(): Promise<McpPath | string> {
  const sshd = '/usr/sbin/sshd'
  if (!existsSync(sshd)) return 'ssh (no sshd installed)'
  const folder = mkdtempSync(join(tmpdir(), 'talos-bench-ssh-'))
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
    return join(folder, name)
  }
  const [host, user] = [key('host'), key('user')]
  execFileSync('cp', [`${user}.pub`, join(folder, 'authorized_keys')])
  chmodSync(join(folder, 'authorized_keys'), 0o600)
  const port = await freePort()
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  const options = [
    `HostKey=${host}`,
    `AuthorizedKeysFile=${join(folder, 'authorized_keys')}`,
    'StrictModes=no',
    'ListenAddress=127.0.0.1',
    `PidFile=${join(folder, 'pid')}`,
    'UsePAM=no'
  ]
  const daemon = spawn(sshd, ['-D', '-e', '-p', String(port), ...options.flatMap(option => ['-o', option])], {
    stdio: 'ignore'
  })
  await reachable(port)
  const client = [
    '-i',
    user,
    '-p',
    String(port),
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR'
  ]
  return {
    name: 'ssh',
    command: 'ssh',
    args: [...client, `${userInfo().username}@127.0.0.1`, `${process.execPath} ${SERVER}`],
    close: async () => {
      daemon.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** The pair that people use today: supergateway serves over HTTP, mcp-remote makes standard streams of it again. */
export async function supergatewayPath(): Promise<McpPath | string> {
  const folder = join(ROOT, '.cache/bench-mcp')
  const bin = (name: string) => join(folder, 'node_modules/.bin', name)
  if (!existsSync(bin('supergateway')) || !existsSync(bin('mcp-remote'))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    try {
      const packages = ['supergateway@4.0.0', 'mcp-remote@0.15.1']
      execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
        cwd: folder,
        stdio: 'inherit'
      })
    } catch {
      return 'supergateway + mcp-remote (cannot be installed here)'
    }
  }
  const port = await freePort()
  const args = [
    '--stdio',
    `${process.execPath} ${SERVER}`,
    '--outputTransport',
    'streamableHttp',
    '--stateful',
    '--port',
    String(port)
  ]
  const gateway = spawn(process.execPath, [bin('supergateway'), ...args], { stdio: 'ignore', detached: true })
  await reachable(port)
  return {
    name: 'supergateway + mcp-remote',
    command: process.execPath,
    args: [bin('mcp-remote'), `http://127.0.0.1:${port}/mcp`, '--allow-http', '--transport', 'http-only'],
    env: { MCP_REMOTE_CONFIG_DIR: join(folder, 'config') },
    close: async () => void process.kill(-gateway.pid!, 'SIGKILL')
  }
}

/** Two agents with sealed wallets, over TCP on loopback, the host named in the address book. */
export function talosPath(): Promise<McpPath> {
  return talosBetween('Talos')
}

/** The same with the agent's keys on its disk as mcp-remote keeps its tokens: readable, so that no passphrase is processed. */
export function talosUnsealedPath(): Promise<McpPath> {
  return talosBetween('Talos, unsealed wallet', { isUnsealed: true })
}

/** The same, where a daemon runs for the data directory of each side: mcp-serve and mcp-connect work through it. */
export function talosNodePath(): Promise<McpPath> {
  return talosBetween('Talos, through a running node', { isThroughNode: true })
}

async function talosBetween(title: string, { isThroughNode = false, isUnsealed = false } = {}): Promise<McpPath> {
  const folder = mkdtempSync(join(tmpdir(), 'talos-bench-'))
  const secret = join(folder, 'passphrase')
  writeFileSync(secret, 'correct horse battery staple', { mode: 0o600 })
  const env = (name: string) => ({ TALOS_DATA_DIR: join(folder, name), TALOS_PASSPHRASE_FILE: secret })
  const talos = (name: string, args: string[]) =>
    JSON.parse(
      execFileSync(process.execPath, [TALOS, ...args, '--json'], {
        encoding: 'utf8',
        env: { ...process.env, ...env(name) }
      })
    )
  const [owner, agent] = ['owner', 'agent'].map(name => {
    const seal = isUnsealed && name === 'agent' ? ['--insecure-plaintext'] : []
    return talos(name, ['init', '--name', name, ...seal]).peerId as string
  })
  const running: ChildProcess[] = []
  const start = async (name: string, args: string[]): Promise<{ addresses: string[] }> => {
    const child = spawn(process.execPath, [TALOS, ...args], {
      env: { ...process.env, ...env(name), TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0' },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    running.unshift(child)
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    return JSON.parse(line as string)
  }
  if (isThroughNode) for (const name of ['owner', 'agent']) await start(name, ['daemon', '--json'])
  const serve = ['mcp-serve', '--authorized-peer', agent!, '--json', '--', process.execPath, SERVER]
  const { addresses } = await start('owner', serve)
  talos('agent', ['peers', 'add', 'owner', owner!, addresses[0]!])
  return {
    name: title,
    command: process.execPath,
    args: [TALOS, 'mcp-connect', 'owner', '--quiet'],
    env: env('agent'),
    close: async () => {
      for (const child of running) {
        child.kill()
        await once(child, 'close')
      }
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
