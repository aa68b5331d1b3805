import { setTimeout as delay } from 'node:timers/promises'
import type { TestNet } from './net.ts'
import type { AgentNode } from './node.ts'

interface Sent {
  from: AgentNode
  to: AgentNode
  id: string
  text: string
}

/** Messages per history call. */
const PAGE = 1000

/** Messages between the agents of a net, of which none may be lost or come twice. */
export class Traffic {
  /** Accepted by the sender's node: from then on it owes it. */
  readonly sent: Sent[] = []
  /** Those whose sender was gone before it answered: they may arrive, but need not. */
  refused = 0
  readonly #net: TestNet
  readonly #random: () => number
  #next = 0
  #over = false
  #running: Promise<void> | undefined

  constructor(net: TestNet, random: () => number) {
    this.#net = net
    this.#random = random
  }

  /** Resolves when it is on the sender's disk. */
  async send(from: AgentNode, to: AgentNode, padding = 0): Promise<void> {
    const text = `${from.name} to ${to.name}, number ${this.#next++}${'.'.repeat(padding)}`
    const { id } = await from.api.send({ peer: to.peerId, content: Buffer.from(text) })
    this.sent.push({ from, to, id, text })
  }

  /** From now on, a message between two agents that are there every so many milliseconds. */
  begin(interval: number, among: readonly AgentNode[] = this.#net.agents): void {
    this.#running = (async () => {
      while (!this.#over) {
        const up = among.filter(({ condition }) => condition === 'up')
        const from = this.#pick(up)
        const to = this.#pick(among.filter(agent => agent !== from))
        if (from !== undefined && to !== undefined) await this.send(from, to).catch(() => this.refused++)
        await delay(interval)
      }
    })()
  }

  async end(): Promise<void> {
    this.#over = true
    await this.#running
  }

  /** Waits until every accepted message is delivered, and checks that its receiver has it once. Throws with those that are not. */
  async settled(timeout: number): Promise<void> {
    const deadline = performance.now() + timeout
    let open = this.sent
    while (open.length > 0) {
      const states = await Promise.all(open.map(async ({ from, id }) => (await from.api.outgoing({ id })).state))
      open = open.filter((_, at) => states[at] !== 'delivered' && states[at] !== 'read')
      if (open.length > 0 && performance.now() > deadline) throw new Error(`not delivered: ${describe(open)}`)
      if (open.length > 0) await delay(200)
    }
    await this.#checkReceived()
  }

  async #checkReceived(): Promise<void> {
    for (const agent of this.#net.agents.filter(({ condition }) => condition === 'up')) {
      const received = await textsOf(agent)
      const twice = received.filter((text, at) => received.indexOf(text) !== at)
      if (twice.length > 0) throw new Error(`${agent.name} has twice: ${twice.slice(0, 5).join('; ')}`)
      const there = new Set(received)
      const lost = this.sent.filter(({ to, text }) => to === agent && !there.has(text))
      if (lost.length > 0) throw new Error(`delivered, and not there: ${describe(lost)}`)
    }
  }

  #pick(agents: readonly AgentNode[]): AgentNode | undefined {
    return agents[Math.floor(this.#random() * agents.length)]
  }
}

async function textsOf(agent: AgentNode): Promise<string[]> {
  const texts: string[] = []
  for (let before: string | undefined; ; ) {
    const page = await agent.api.history({ limit: PAGE, ...(before === undefined ? {} : { before }) })
    texts.push(
      ...page.filter(({ direction }) => direction === 'in').map(({ content }) => Buffer.from(content).toString())
    )
    if (page.length < PAGE) return texts
    before = page.at(-1)!.id
  }
}

function describe(sent: readonly Sent[]): string {
  const first = sent.slice(0, 5).map(({ text, id }) => `"${text.slice(0, 60)}" (${id})`)
  return `${sent.length} of them, such as ${first.join('; ')}`
}
