import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { dialPeer } from '../../src/node/directory/dial-peer.ts'
import { withDirectory } from '../../src/node/directory/with-node.ts'
import type { NetNode } from '../testnet/node.ts'
import type { Scenario } from '../testnet/scenario.ts'

const IDLE = 10_000
const FIRST_MESSAGES = 20
const HEADING =
  'agents | RSS of an agent | RSS of the server | idle CPU of an agent | idle CPU of the server | connections of an agent | ' +
  'connections of the server | dial, median | first message to a peer, median | worst'

/** What a net costs: the rows of docs/scaling.md. */
const cost: Scenario = {
  title: 'what a net of this size costs: start, memory, processor, connections, dials, first messages',
  net: { nodes: 10, servers: 1, relays: 0 },
  async run({ net, traffic, random, note, signal }) {
    const server = net.servers[0]!
    const agents = net.agents.filter(({ role }) => role === 'agent')
    const before = await Promise.all(net.all.map(cpu))
    await delay(IDLE, undefined, { signal })
    const idle = (await Promise.all(net.all.map(cpu))).map((after, at) => (after - before[at]!) / (IDLE / 1000))
    const rss = net.agents.map(agent => agent.rss() / 1e6)
    const connections = await Promise.all(net.agents.map(connectionsOf))
    const [ofServer] = await connectionsOf(server)
    const dials: number[] = []
    const dataDir = join(net.folder, 'dialling')
    await withDirectory({ servers: [server.address], dataDir }, async directory => {
      for (const { peerId } of agents) dials.push(await timed(() => dialPeer(directory, { peerId }, signal)))
    })
    const messages: number[] = []
    for (const [from, to] of shuffled(pairs(agents), random).slice(0, FIRST_MESSAGES)) {
      messages.push(
        await timed(async () => {
          await traffic.send(from, to)
          await from.api.waitFor({ id: traffic.sent.at(-1)!.id, state: 'delivered' }, { signal })
        })
      )
    }
    await traffic.settled(30_000)
    const perCent = (value: number): string => `${(value * 100).toFixed(1)} %`
    const cells = [
      net.agents.length,
      `${median(rss).toFixed(0)} MB`,
      `${(server.rss() / 1e6).toFixed(0)} MB`,
      perCent(median(idle.slice(-net.agents.length))),
      perCent(idle[0]!),
      `${median(connections.map(([direct]) => direct))} direct, ${median(connections.map(([, relayed]) => relayed))} relayed`,
      ofServer,
      `${median(dials).toFixed(0)} ms`,
      `${median(messages).toFixed(0)} ms`,
      `${Math.max(...messages).toFixed(0)} ms`
    ]
    note(`${dials.length} dials, ${messages.length} first messages`)
    note(`| ${HEADING} |`)
    note(`| ${cells.join(' | ')} |`)
  }
}

const cpu = async (node: NetNode): Promise<number> => (await node.metrics()).get('process_cpu_seconds') ?? 0

async function connectionsOf(node: NetNode): Promise<[direct: number, relayed: number]> {
  const metrics = await node.metrics()
  const read = (path: string): number => metrics.get(`talos_connections{path="${path}"}`) ?? 0
  return [read('direct'), read('relayed')]
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Each two of them once: a second message between the same two finds a connection and a session. */
const pairs = <T>(all: readonly T[]): Array<[T, T]> =>
  all.flatMap((one, at) => all.slice(at + 1).map((other): [T, T] => [one, other]))

/** Fisher and Yates's. */
function shuffled<T>(all: readonly T[], random: () => number): T[] {
  const order = [...all]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[order[last], order[other]] = [order[other]!, order[last]!]
  }
  return order
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

export default cost
