import { randomUUID } from 'node:crypto'
import type { ServerSpec } from '../../protocols/mcp/child.ts'
import { Eras } from '../../protocols/mcp/era.ts'
import { Guardian } from '../../protocols/mcp/guardian.ts'
import { inProcessServers, type TalosServerTransport } from '../../protocols/mcp/in-process-server.ts'
import { processServers, type ServerSource } from '../../protocols/mcp/server.ts'
import { SpareServer } from '../../protocols/mcp/spare.ts'

/** What is served, by name: a program, or a function that connects a server of this process. */
export type Services = Readonly<
  Record<string, ServerSpec | ((transport: TalosServerTransport) => void | Promise<void>)>
>

interface Offer {
  source: ServerSource
  spare: SpareServer
}

/** The MCP servers of a host, each for one peer and one service. */
export class Offers {
  readonly #services: Services
  readonly #onStderr: (peer: string, service: string, line: string) => void
  readonly #guardian = new Guardian()
  readonly #eras = new Eras({ guardian: this.#guardian })
  readonly #offers = new Map<string, Offer>()

  constructor(services: Services, onStderr: (peer: string, service: string, line: string) => void) {
    this.#services = services
    this.#onStderr = onStderr
  }

  /** A session of this peer, who may have one, is about to begin: a program is started meanwhile. */
  prepare(peer: string, service: string): void {
    this.#offer(peer, service)?.spare.prepare()
  }

  /** Where the servers of one session come from. */
  sourceFor(peer: string, service: string): ServerSource {
    const offer = this.#offer(peer, service)
    if (offer !== undefined) return { era: () => offer.source.era(), start: () => offer.spare.take() }
    const connect = this.#services[service] as (transport: TalosServerTransport) => void | Promise<void>
    return inProcessServers(connect, { id: randomUUID(), peer })
  }

  /** Ends what no session has taken, and what sessions wait for. */
  async stop(): Promise<void> {
    this.#eras.stop()
    await Promise.all([...this.#offers.values()].map(({ spare }) => spare.stop()))
  }

  /** When the sessions have ended, too. */
  close(): void {
    this.#guardian.close()
  }

  /** Undefined for a server of this process, which is there already. */
  #offer(peer: string, service: string): Offer | undefined {
    const spec = this.#services[service]!
    if (typeof spec === 'function') return undefined
    const key = `${peer} ${service}`
    let offer = this.#offers.get(key)
    if (offer === undefined) {
      const onStderr = (line: string): void => this.#onStderr(peer, service, line)
      const source = processServers(spec, { guardian: this.#guardian, eras: this.#eras, onStderr })
      offer = { source, spare: new SpareServer(() => source.start()) }
      this.#offers.set(key, offer)
    }
    return offer
  }
}
