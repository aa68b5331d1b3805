import { setTimeout as delay } from 'node:timers/promises'
import type { NetNode } from '../testnet/node.ts'
import type { Scenario } from '../testnet/scenario.ts'

const IDLE = 10_000
const DIALS = 20

/** What a net costs: the rows of docs/scaling.md. */
const cost: Scenario = {
  title: 'what a net of this size costs: start, memory, processor, connections, first messages',
  net: { nodes: 10, servers: 1, relays: 0 },
  async run({ net, traffic, random, note, signal }) {
    const server = net.servers[0]!
    const agents = net.agents.filter(({ role }) => role === 'agent')
    const before = await Promise.all(net.all.map(cpu))
    await delay(IDLE, undefined, { signal })
    const idle = (await Promise.all(net.all.map(cpu))).map((after, at) => (after - before[at]!) / (IDLE / 1000))
    const rss = net.agents.map(agent => agent.rss() / 1e6)
    const connections = (await server.metrics()).get('talos_connections{path="direct"}') ?? 0
    const dials: number[] = []
    for (let count = 0; count < DIALS; count++) {
      const [from, to] = [
        agents[count % agents.length]!,
        agents[(count + 1 + Math.floor(random() * (agents.length - 1))) % agents.length]!
      ]
      if (from === to) continue
      const start = performance.now()
      await traffic.send(from, to)
      await from.api.waitFor({ id: traffic.sent.at(-1)!.id, state: 'delivered' })
      dials.push(performance.now() - start)
    }
    await traffic.settled(30_000)
    const perCent = (value: number): string => `${(value * 100).toFixed(1)} %`
    const cells = [
      net.agents.length,
      `${median(rss).toFixed(0)} MB`,
      `${(server.rss() / 1e6).toFixed(0)} MB`,
      perCent(median(idle.slice(-net.agents.length))),
      perCent(idle[0]!),
      connections,
      `${median(dials).toFixed(0)} ms`,
      `${Math.max(...dials).toFixed(0)} ms`
    ]
    note(
      'agents | RSS of one | of the server | idle CPU of one | of the server | connections of it | first message, median | worst'
    )
    note(`| ${cells.join(' | ')} |`)
  }
}

const cpu = async (node: NetNode): Promise<number> => (await node.metrics()).get('process_cpu_seconds') ?? 0

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

export default cost
