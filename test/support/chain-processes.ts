import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'
import { peerIdOf } from '../../src/crypto/peer-key.ts'
import type { NetworkCounts } from '../../src/node/chain/network-chain.ts'
import { LiveProcess } from './live-process.ts'
import { freePort } from './ports.ts'
import { authors, networkText } from './shared-chain.ts'

const fixture = fileURLToPath(new URL('../fixtures/chain-peer.ts', import.meta.url))

/** Sources are transformed at each start, on a machine that others use. Milliseconds. */
const START_PATIENCE = 120_000

export interface PeerStatus {
  height: number
  tip: string
  waiting: number
  peers: number
  faults: Record<string, number>
  counts: NetworkCounts
  memory: number
}

/** A node of a network in a process of its own, which may be killed and started again with its disk. */
export class ChainProcess {
  readonly number: number
  readonly peerId: string
  readonly port: number
  /** Ids of records that it said were on its disk. */
  readonly written = new Set<string>()
  readonly #folder: string
  readonly #role: string
  #live: LiveProcess | undefined
  #read = 0

  constructor(context: TestContext, folder: string, number: number, port: number, role = '') {
    this.#folder = folder
    this.number = number
    this.port = port
    this.#role = role
    this.peerId = peerIdOf(authors[number]!.publicKey)
    context.onTestFinished(() => this.kill())
  }

  get address(): string {
    return `/ip4/127.0.0.1/tcp/${this.port}/p2p/${this.peerId}`
  }

  get isRunning(): boolean {
    return this.#live?.running === true
  }

  async start(): Promise<void> {
    const own = join(this.#folder, String(this.number))
    mkdirSync(own, { recursive: true, mode: 0o700 })
    const args = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning', fixture]
    const options = [String(this.number), own, join(this.#folder, 'network.yaml'), String(this.port), this.#role]
    // seven of them transform the same sources
    const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'talos-test-compiled') }
    this.#live = new LiveProcess({ file: process.execPath, args: [...args, ...options] }, env)
    this.#read = 0
    await this.#live.line(line => line.startsWith('{"event":"ready"'), 0, START_PATIENCE)
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return
    await this.#live!.kill('SIGKILL')
    this.collect()
  }

  tell(order: object): void {
    this.#live!.child.stdin.write(`${JSON.stringify(order)}\n`)
  }

  async ask<T>(order: { do: string; peers?: string[]; ids?: string[] }): Promise<T> {
    const from = this.#live!.said.length
    this.tell(order)
    return this.#live!.event<T>(order.do, from)
  }

  status(peers: string[] = []): Promise<PeerStatus> {
    return this.ask({ do: 'status', peers })
  }

  /** What it has written since the last time. */
  collect(): void {
    const { said } = this.#live!
    for (; this.#read < said.length; this.#read++) {
      const line = said[this.#read]!
      if (line.startsWith('{"event":"written"')) this.written.add((JSON.parse(line) as { id: string }).id)
    }
  }
}

/** So many nodes of a network, not started. */
export async function chainProcesses(
  context: TestContext,
  folder: string,
  count: number,
  options: Parameters<typeof networkText>[0]
): Promise<ChainProcess[]> {
  writeFileSync(join(folder, 'network.yaml'), networkText(options))
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
  return ports.map((port, number) => new ChainProcess(context, folder, number, port))
}
