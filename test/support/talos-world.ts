import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { LiveProcess } from './live-process.ts'
import { type Run, TALOS, talos } from './talos.ts'

/** One agent's machine: a data directory, and the processes that run on it. */
export interface Machine {
  name: string
  dataDir: string
  peerId: string
  env: NodeJS.ProcessEnv
  /** Runs a command to its end. */
  run(...args: string[]): Promise<Run>
  /** Runs a command to its end and returns what it printed; fails when it failed. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>
  /** Starts a command that goes on, with --json; killed when the test ends. */
  start(...args: string[]): LiveProcess
}

/** A server and agents that know it, all real processes on this computer, gone when the test ends. */
export class TalosWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'talos-test-'))
  server!: LiveProcess
  address!: string
  readonly #context: TestContext

  /** @param context of the test, which may be one of several at a time */
  constructor(context: TestContext) {
    this.#context = context
    context.onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  static async start(context: TestContext): Promise<TalosWorld> {
    const world = new TalosWorld(context)
    await world.startServer('0')
    return world
  }

  /** With the same disk as before, if it ran before. */
  async startServer(port = portOf(this.address), flags: string[] = []): Promise<void> {
    this.server = this.#live([
      'server',
      '--json',
      '--host',
      '127.0.0.1',
      '--port',
      port,
      '--data-dir',
      join(this.folder, 'server'),
      ...flags
    ])
    const { addresses } = await this.server.event<{ addresses: string[] }>('ready')
    this.address = addresses.find(address => !address.includes('/ws'))!
  }

  async machine(name: string): Promise<Machine> {
    const dataDir = join(this.folder, name)
    const env = { TALOS_SERVERS: this.address, TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0' }
    const run = (...args: string[]): Promise<Run> => talos([...args, '--data-dir', dataDir], { env, timeout: 60_000 })
    const json = async <T>(...args: string[]): Promise<T> => {
      const { status, stdout, stderr } = await run(...args, '--json')
      if (status !== 0) throw new Error(`talos ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
      return JSON.parse(stdout) as T
    }
    const { peerId } = await json<{ peerId: string }>('init', '--name', name, '--insecure-plaintext')
    return {
      name,
      dataDir,
      peerId,
      env,
      run,
      json,
      start: (...args) => this.#live([...args, '--json', '--data-dir', dataDir], env)
    }
  }

  #live(args: string[], env: NodeJS.ProcessEnv = {}): LiveProcess {
    const running = new LiveProcess({ file: process.execPath, args: [TALOS, ...args] }, env)
    this.#context.onTestFinished(() => running.kill().catch(() => {}))
    return running
  }
}

function portOf(address: string): string {
  return /\/tcp\/(\d+)/.exec(address)![1]!
}
