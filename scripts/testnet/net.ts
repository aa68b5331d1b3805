import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AgentNode, type NetNode, ServerNode } from './node.ts'

export interface NetOptions {
  /** Agents. */
  nodes: number
  /** Registry, relay and mailbox each. */
  servers: number
  /** Servers without a mailbox, for the hidden agents. */
  relays: number
}

/** Every so-many-th agent can be reached through a relay only. */
const HIDDEN_EACH = 4
/** Starting is work for the processor: more at a time are not quicker. */
const STARTS_AT_A_TIME = 4

/** Servers and agents on this machine, each a process with a data directory below one folder. */
export class TestNet implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'talos-testnet-'))
  /** Of each node what it said. */
  readonly logs = join(this.folder, 'logs')
  readonly servers: ServerNode[]
  readonly relays: ServerNode[]
  readonly agents: AgentNode[]
  #keep = false

  constructor({ nodes, servers, relays }: NetOptions) {
    mkdirSync(this.logs)
    const several = <T>(count: number, make: (number: number) => T): T[] =>
      Array.from({ length: count }, (_, at) => make(at + 1))
    this.servers = several(servers, number => new ServerNode(this.folder, `server-${number}`, 'server'))
    this.relays = several(relays, number => new ServerNode(this.folder, `relay-${number}`, 'relay'))
    this.agents = several(nodes, number => {
      const isHidden = number % HIDDEN_EACH === 0
      const known = isHidden ? [...this.servers, ...this.relays] : this.servers
      return new AgentNode(this.folder, `agent-${number}`, isHidden ? 'hidden' : 'agent', known)
    })
  }

  get all(): NetNode[] {
    return [...this.servers, ...this.relays, ...this.agents]
  }

  /** Servers first; resolves when all agents are registered. */
  async start(): Promise<void> {
    await Promise.all([...this.servers, ...this.relays].map(server => server.start()))
    const waiting = [...this.agents]
    const starters = Array.from({ length: STARTS_AT_A_TIME }, async () => {
      for (let agent = waiting.shift(); agent !== undefined; agent = waiting.shift()) {
        await agent.makeIdentity()
        await agent.start()
        await agent.registered()
      }
    })
    await Promise.all(starters)
  }

  /** The folder stays when it is taken down. */
  keep(): void {
    this.#keep = true
  }

  /** Agents first; none stays behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = await Promise.allSettled(this.agents.map(agent => agent.end()))
    ended.push(...(await Promise.allSettled([...this.servers, ...this.relays].map(server => server.end()))))
    if (!this.#keep) rmSync(this.folder, { recursive: true, force: true })
    const failed = ended.find(result => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}
