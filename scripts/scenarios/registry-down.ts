import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../testnet/scenario.ts'

const AWAY = 10_000

/** The servers are killed, and come back with their disk. */
const registryDown: Scenario = {
  title: 'all servers are away for 10 s: who is connected goes on, who is not waits, and all is delivered',
  net: { nodes: 6, servers: 1, relays: 0 },
  async run({ net, traffic, note }) {
    const direct = net.agents.filter(({ role }) => role === 'agent')
    const [alice, bob, carol] = direct
    await traffic.send(alice!, bob!)
    await traffic.settled(30_000)
    await Promise.all(net.servers.map(server => server.kill('SIGKILL')))
    await traffic.send(alice!, bob!)
    await traffic.send(bob!, alice!)
    await traffic.settled(5_000)
    note('with no server: messages between the two that are connected are delivered')
    // whose address nobody knows now
    await traffic.send(carol!, alice!)
    await delay(AWAY)
    await Promise.all(net.servers.map(server => server.start()))
    await traffic.settled(60_000)
    note('with the servers back: the message to one that had to be looked up is delivered')
    for (const from of net.agents) for (const to of net.agents) if (to !== from) await traffic.send(from, to)
    await traffic.settled(60_000)
    note('and everybody reaches everybody, also through the relay')
  }
}

export default registryDown
