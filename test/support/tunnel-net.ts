import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addPeer } from '../../src/node/address-book.ts'
import { createWallet } from '../../src/node/wallet/index.ts'
import { LiveAgent, LiveProcess, type Program } from './live-process.ts'
import { freePort } from './ports.ts'
import { ProcessWatch } from './process-watch.ts'
import { TALOS } from './talos.ts'
import type { TcpProxy } from './tcp-proxy.ts'

export interface Party {
  dataDir: string
  peerId: string
}

/** Name of the host: in the agent's address book, and with a bootstrap server the one that it registers. */
const HOST = 'host'

/** `talos mcp-serve` in a process of its own. */
export class Serving extends LiveProcess {
  port = 0
}

/** `talos server` in a process of its own. */
class Bootstrap extends LiveProcess {
  port = 0
}

/**
 * Two parties with data directories and unsealed wallets in a temporary folder, and the talos processes between them. When
 * it is disposed, everything is stopped, and no process of it may be left.
 */
export class TunnelNet implements AsyncDisposable {
  readonly watch = new ProcessWatch()
  readonly folder: string
  readonly host: Party
  readonly agent: Party
  readonly #processes: LiveProcess[] = []
  #servers: string[] = []

  private constructor(folder: string, host: Party, agent: Party) {
    this.folder = folder
    this.host = host
    this.agent = agent
  }

  static async open(): Promise<TunnelNet> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'talos-net-')))
    const [host, agent] = await Promise.all(['host', 'agent'].map(name => newParty(folder, name)))
    return new TunnelNet(folder, host!, agent!)
  }

  /** Starts `talos server`; the parties find each other through it from then on. With `port`, there again. */
  async bootstrap(port = 0): Promise<Bootstrap> {
    const dataDir = join(this.folder, 'server')
    const server = new Bootstrap(
      talosCommand('server', '--json', '--host', '127.0.0.1', '--port', String(port), '--ws-port', '0'),
      { ...this.watch.mark, TALOS_DATA_DIR: dataDir }
    )
    this.#processes.push(server)
    const { addresses } = await server.event<{ addresses: string[] }>('ready')
    const address = addresses.find(text => /\/tcp\/[0-9]+\/p2p\//.test(text))!
    server.port = Number(/\/tcp\/([0-9]+)/.exec(address)![1])
    this.#servers = ['--server', address]
    return server
  }

  /**
   * Starts `talos mcp-serve` for the agent and waits until it serves; the agent's address book then says where. With `port`,
   * there again. With `through`, the way there leads through a proxy, and no other is told. With `reverse` the parties change
   * places.
   */
  async serve(
    server: Program,
    options: { port?: number; through?: TcpProxy; flags?: string[]; env?: object; reverse?: boolean } = {}
  ): Promise<Serving> {
    const [host, agent] = options.reverse === true ? [this.agent, this.host] : [this.host, this.agent]
    const [mark] = Object.entries(this.watch.mark)
    const serving = new Serving(
      talosCommand('mcp-serve', '--json', '--authorized-peer', agent.peerId, '--env', mark!.join('='), [
        ...this.#servers,
        ...(options.flags ?? []),
        '--',
        server.file,
        ...server.args
      ]),
      {
        ...this.watch.mark,
        TALOS_DATA_DIR: host.dataDir,
        TALOS_LISTEN: `/ip4/127.0.0.1/tcp/${options.port ?? 0}`,
        ...(options.through === undefined ? {} : { TALOS_ANNOUNCE: `/ip4/127.0.0.1/tcp/${options.through.port}` }),
        ...options.env
      }
    )
    this.#processes.push(serving)
    const { listening } = await serving.event<{ listening: string[] }>('serving')
    serving.port = Number(/\/tcp\/([0-9]+)/.exec(listening[0]!)![1])
    const { through } = options
    if (through !== undefined) through.target = serving.port
    if (this.#servers.length > 0) await serving.event('registered')
    else if (options.port === undefined) await this.reachAt(through?.port ?? serving.port, options.reverse)
    return serving
  }

  /** A port at which whichever process is the host's node listens, and where the agent looks for it. */
  async fixedPort(): Promise<number> {
    const port = await freePort()
    await this.reachAt(port)
    return port
  }

  /** Starts a command of a party that runs until it is ended: `talos daemon`, `talos listen`. With --json. */
  async start(party: Party, command: string, ready: string, port?: number, flags: string[] = []): Promise<LiveProcess> {
    const started = new LiveProcess(talosCommand(command, '--json', flags), {
      ...this.watch.mark,
      TALOS_DATA_DIR: party.dataDir,
      TALOS_LISTEN: `/ip4/127.0.0.1/tcp/${port ?? 0}`
    })
    this.#processes.push(started)
    await started.event(ready)
    return started
  }

  /** What the agent's address book says of the host. */
  async reachAt(port: number, reverse = false): Promise<void> {
    const [{ peerId }, { dataDir }] = reverse ? [this.agent, this.host] : [this.host, this.agent]
    await addPeer({ dataDir, name: HOST, peer: peerId, addresses: [`/ip4/127.0.0.1/tcp/${port}`] })
  }

  /** What stands in an agent's configuration: the program to start, its arguments, its environment. */
  connectCommand(flags: string[] = []): Program & { env: Record<string, string> } {
    return {
      ...talosCommand('mcp-connect', HOST, this.#servers, flags),
      env: { ...this.watch.mark, TALOS_DATA_DIR: this.agent.dataDir }
    }
  }

  /** Starts `talos mcp-connect` with a client that writes raw lines. */
  connect(options: { flags?: string[]; env?: Record<string, string>; reverse?: boolean } = {}): LiveAgent {
    const { env, ...program } = this.connectCommand(options.flags)
    const place = options.reverse === true ? { TALOS_DATA_DIR: this.host.dataDir } : {}
    const connected = new LiveAgent(program, { ...env, ...place, ...options.env })
    this.#processes.push(connected)
    return connected
  }

  /** kill -9, with everything below it remembered. */
  async kill(victim: LiveProcess): Promise<void> {
    this.watch.remember(victim.pid)
    await victim.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const { pid, running } of this.#processes) if (running) this.watch.remember(pid)
      // agents first, as it is in life
      for (const live of this.#processes.toReversed()) {
        if (live instanceof LiveAgent) live.child.stdin.end()
      }
      const hosts = this.#processes.filter(live => live.running && !(live instanceof LiveAgent))
      await Promise.all(hosts.map(live => live.kill('SIGTERM')))
      await this.watch.noneLeft()
    } finally {
      this.watch.killAll()
      await rm(this.folder, { recursive: true, force: true })
    }
  }
}

async function newParty(folder: string, name: string): Promise<Party> {
  const dataDir = join(folder, name)
  const { wallet } = await createWallet({ name, dataDir, insecurePlaintext: true })
  return { dataDir, peerId: wallet.peerId }
}

function talosCommand(...words: (string | string[])[]): Program {
  return { file: process.execPath, args: [TALOS, ...words.flat()] }
}
