import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../testnet/scenario.ts'

const SECONDS = 60
const KILL_EACH = 2_000
/** How long a killed agent is away. */
const AWAY = 1_000

/** An agent is killed every two seconds, and comes back with its disk, while all send to all. */
const churn: Scenario = {
  title: 'kill -9 of an agent every 2 s for a minute: no message is lost, none comes twice',
  net: { nodes: 20, servers: 1, relays: 1 },
  async run({ net, traffic, random, note, signal }) {
    traffic.begin(100)
    const returns: Promise<void>[] = []
    const until = performance.now() + SECONDS * 1000
    let kills = 0
    while (performance.now() < until) {
      const up = net.agents.filter(({ condition }) => condition === 'up')
      const victim = up[Math.floor(random() * up.length)]
      if (victim !== undefined) {
        await victim.kill('SIGKILL')
        kills++
        const back = delay(AWAY).then(() => victim.start())
        back.catch(() => {}) // told at the end
        returns.push(back)
      }
      await delay(KILL_EACH, undefined, { signal })
    }
    await traffic.end()
    await Promise.all(returns)
    note(
      `${kills} kills; ${traffic.sent.length} messages accepted, ${traffic.refused} refused by a node that was going`
    )
    await traffic.settled(120_000)
    note('all delivered, each once')
  }
}

export default churn
