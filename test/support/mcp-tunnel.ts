import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { AgentBridge, type AgentBridgeInit } from '../../src/protocols/mcp/agent-bridge.ts'
import type { ServerSpec } from '../../src/protocols/mcp/child.ts'
import { Eras } from '../../src/protocols/mcp/era.ts'
import { Guardian } from '../../src/protocols/mcp/guardian.ts'
import { HostSession, type HostSessionInit } from '../../src/protocols/mcp/host-session.ts'
import { processServers } from '../../src/protocols/mcp/server.ts'
import { MemoryLink } from './memory-link.ts'

const modules = fileURLToPath(new URL('../../node_modules/@modelcontextprotocol', import.meta.url))

export const EVERYTHING: ServerSpec = {
  file: process.execPath,
  args: [`${modules}/server-everything/dist/index.js`, 'stdio']
}

export function filesystem(folder: string): ServerSpec {
  return { file: process.execPath, args: [`${modules}/server-filesystem/dist/index.js`, folder] }
}

/** A server written as a script: `source` sees `send(value)`, `line(text)`, and `on(message => …)`. */
export function script(source: string): ServerSpec {
  const prelude = `
    const line = text => process.stdout.write(text + '\\n')
    const send = message => line(JSON.stringify({ jsonrpc: '2.0', ...message }))
    const on = handler => {
      require('node:readline').createInterface({ input: process.stdin }).on('line', text => handler(JSON.parse(text), text))
    }
  `
  return { file: process.execPath, args: ['-e', prelude + source] }
}

/** An agent's two streams with a bridge, and host sessions behind it, in this process: the whole tunnel but for the network. */
export class TestTunnel {
  readonly input = new PassThrough({ highWaterMark: 1024 * 1024 })
  readonly output = new PassThrough({ highWaterMark: 1024 * 1024 })
  readonly guardian = new Guardian()
  readonly eras = new Eras({ guardian: this.guardian })
  readonly bridge: AgentBridge
  readonly done: Promise<void>
  readonly sessions: Promise<void>[] = []
  readonly stderr: string[] = []
  link!: MemoryLink
  readonly #links: MemoryLink[] = []
  readonly #host: Partial<HostSessionInit>
  readonly #server: ServerSpec

  constructor(
    server: ServerSpec,
    options: { bridge?: Partial<AgentBridgeInit>; host?: Partial<HostSessionInit> } = {}
  ) {
    this.#server = server
    this.#host = options.host ?? {}
    this.bridge = new AgentBridge({
      input: this.input,
      output: this.output,
      peer: 'host',
      service: 'test',
      ...options.bridge
    })
    this.done = this.bridge.run()
  }

  /** Gives the bridge a link to a new host session, as after a restart of the host. */
  connect(server?: ServerSpec): this {
    this.link = this.serve(server)
    const { maxLine } = this.#host
    void this.bridge.attach(this.link, maxLine === undefined ? {} : { maxLine })
    return this
  }

  /** A host session; returns the other end of its link. */
  serve(server = this.#server): MemoryLink {
    const [link, hostLink] = MemoryLink.pair()
    const session = new HostSession({
      link: hostLink,
      signal: hostLink.signal,
      peer: 'agent',
      service: 'test',
      recordsId: '00'.repeat(24),
      server: processServers(server, {
        guardian: this.guardian,
        eras: this.eras,
        onStderr: line => this.stderr.push(line)
      }),
      ...this.#host
    })
    this.sessions.push(session.run())
    this.#links.push(link)
    return link
  }

  async stop(): Promise<void> {
    await this.bridge.close('the test is over')
    await Promise.all(this.#links.map(link => link.end()))
    await Promise.all(this.sessions)
    this.eras.stop()
    this.guardian.close()
  }
}
