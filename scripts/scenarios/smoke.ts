import assert from 'node:assert/strict'
import { callClock } from '../testnet/clock.ts'
import type { Scenario } from '../testnet/scenario.ts'

/** Everybody sends to everybody; one serves a tool, and another calls it. */
const smoke: Scenario = {
  title: 'every agent reaches every other, directly or through a relay, and one uses a tool of another',
  net: { nodes: 6, servers: 1, relays: 1 },
  async run({ net, traffic, note }) {
    const { agents } = net
    assert.ok(agents.length > 1, 'it takes two agents')
    for (const from of agents) for (const to of agents) if (to !== from) await traffic.send(from, to)
    await traffic.settled(60_000)
    note(`${traffic.sent.length} messages delivered, each once`)
    for (const hidden of agents.filter(({ role }) => role === 'hidden')) {
      const relayed = (await hidden.metrics()).get('talos_connections{path="relayed"}')
      assert.ok(relayed !== undefined && relayed > 0, `${hidden.name} is reached through a relay`)
    }
    note(`the clock of ${agents[0]!.name} says ${await callClock(agents[0]!, agents[1]!)} to ${agents[1]!.name}`)
  }
}

export default smoke
