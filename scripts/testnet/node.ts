import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attach, type RemoteNode } from '../../src/node/control/client.ts'
import type { NodeApi } from '../../src/node/control/methods.ts'
import { createWallet } from '../../src/node/wallet/index.ts'
import { LiveProcess } from '../../test/support/live-process.ts'
import { TALOS } from '../../test/support/talos.ts'
import { endsWithUs } from './ends-with-us.ts'

/** How long a node may take to start on a machine where many start at once. Milliseconds. */
const START_TIMEOUT = 120_000
const SCRAPE_TIMEOUT = 2_000

export type Role = 'server' | 'relay' | 'agent' | 'hidden'
export type Condition = 'starting' | 'up' | 'stopped' | 'down'

/** One process of the test net, with a data directory of its own: it can be killed, stopped and started again. */
export abstract class NetNode {
  readonly name: string
  readonly role: Role
  readonly dataDir: string
  /** What it said in all its lives. */
  readonly #log: string
  protected live: LiveProcess | undefined
  protected metricsUrl = ''
  #condition: Condition = 'down'
  #isOver = false

  constructor(folder: string, name: string, role: Role) {
    this.name = name
    this.role = role
    this.dataDir = join(folder, name)
    mkdirSync(this.dataDir, { mode: 0o700 })
    this.#log = join(folder, 'logs', `${name}.log`)
  }

  get condition(): Condition {
    return this.live?.running === true ? this.#condition : 'down'
  }

  get pid(): number | undefined {
    return this.condition === 'down' ? undefined : this.live?.pid
  }

  /** Starts it with the disk that it has. Resolves when it serves. */
  async start(): Promise<void> {
    if (this.#isOver) throw new Error(`${this.name} is not started any more`)
    const { args, env, ready } = this.command()
    const words = [TALOS, ...args, '--json', '--data-dir', this.dataDir, '--metrics-port', '0']
    const live = endsWithUs(new LiveProcess({ file: process.execPath, args: words }, env))
    this.live = live
    this.#condition = 'starting'
    appendFileSync(this.#log, '--- started\n')
    // as it comes, so that it is there however this process ends
    for (const output of [live.child.stdout, live.child.stderr])
      output.on('data', said => appendFileSync(this.#log, said))
    await live.line(line => line.startsWith(`{"event":"${ready}"`), 0, START_TIMEOUT)
    const event = await live.event<{ metricsUrl: string }>(ready)
    this.metricsUrl = event.metricsUrl
    await this.started(event)
    this.#condition = 'up'
  }

  /** Ends it, and waits for its end. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (this.live?.running !== true) return
    // a stopped process dies of SIGKILL only
    if (this.#condition === 'stopped' && signal === 'SIGTERM') this.resume()
    this.#condition = 'down'
    await this.live.kill(signal)
  }

  /** Ends it for good. */
  async end(): Promise<void> {
    this.#isOver = true
    try {
      await this.kill('SIGTERM')
    } finally {
      await this.kill()
    }
  }

  /** It stays, and does nothing: its connections stay open and are not read. */
  pause(): void {
    this.live?.child.kill('SIGSTOP')
    this.#condition = 'stopped'
  }

  resume(): void {
    this.live?.child.kill('SIGCONT')
    this.#condition = 'up'
  }

  /** Resident memory in bytes; 0 when it is down. */
  rss(): number {
    try {
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]) * 1024
    } catch {
      return 0
    }
  }

  /** Its metrics; empty when it does not answer. By the text before the value, such as `talos_connections{path="direct"}`. */
  async metrics(): Promise<Map<string, number>> {
    if (this.condition !== 'up') return new Map()
    try {
      const answer = await fetch(`${this.metricsUrl}/metrics`, { signal: AbortSignal.timeout(SCRAPE_TIMEOUT) })
      const lines = (await answer.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
      return new Map(
        lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))])
      )
    } catch {
      return new Map()
    }
  }

  protected abstract command(): { args: string[]; env: NodeJS.ProcessEnv; ready: string }
  protected abstract started(event: object): Promise<void>
}

/** `talos server`: registry, relay and mailbox; a relay keeps no mailbox. */
export class ServerNode extends NetNode {
  /** With its PeerId; the same in all its lives. */
  address = ''

  protected command() {
    const [tcp = '0', ws = '0'] = [...this.address.matchAll(/\/tcp\/(\d+)/g)].map(match => match[1])
    return {
      args: ['server', '--host', '127.0.0.1', '--port', tcp, '--ws-port', ws],
      env: { TALOS_MAILBOX: String(this.role === 'server') },
      ready: 'ready'
    }
  }

  protected async started({ addresses }: { addresses: string[] }): Promise<void> {
    this.address = addresses.find(address => !address.includes('/ws'))!
  }
}

/** `talos daemon`. A hidden one tells nobody an address at which it can be reached: there are the relays. */
export class AgentNode extends NetNode {
  peerId = ''
  readonly #servers: readonly ServerNode[]
  #remote: RemoteNode | undefined

  constructor(folder: string, name: string, role: 'agent' | 'hidden', servers: readonly ServerNode[]) {
    super(folder, name, role)
    this.#servers = servers
  }

  async makeIdentity(): Promise<void> {
    const { wallet } = await createWallet({ name: this.name, dataDir: this.dataDir, insecurePlaintext: true })
    this.peerId = wallet.peerId
  }

  /** What a program of this machine can ask of it. Throws when it is down. */
  get api(): NodeApi {
    if (this.#remote === undefined) throw new Error(`${this.name} is down`)
    return this.#remote.api
  }

  override async kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const remote = this.#remote
    this.#remote = undefined
    await super.kill(signal)
    await remote?.[Symbol.asyncDispose]()
  }

  /** All but its identity and its configuration. Only while it is down. */
  loseDisk(): void {
    for (const entry of readdirSync(this.dataDir)) {
      if (entry !== 'wallet.json') rmSync(join(this.dataDir, entry), { recursive: true })
    }
  }

  /** Where the server knows it by its name. */
  async registered(times = 1, timeout = START_TIMEOUT): Promise<void> {
    const has = (): boolean => this.live!.said.filter(line => line.startsWith('{"event":"registered"')).length >= times
    await this.live!.line(has, 0, timeout)
  }

  protected command() {
    const env = {
      TALOS_SERVERS: this.#servers.map(({ address }) => address).join(','),
      TALOS_LISTEN: '/ip4/127.0.0.1/tcp/0',
      // port 9 is of the protocol that discards everything; nobody listens there
      ...(this.role === 'hidden' ? { TALOS_ANNOUNCE: '/ip4/127.0.0.1/tcp/9' } : {})
    }
    return { args: ['daemon'], env, ready: 'ready' }
  }

  protected async started(): Promise<void> {
    this.#remote = await attach(this.dataDir)
    if (this.#remote === undefined) throw new Error(`${this.name} has no control socket`)
  }
}
