import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../testnet/scenario.ts'

const STOPPED = 10_000
const MESSAGES = 100
const SIZE = 200_000
/** More than what is under way between two nodes, and much less than what is sent. */
const MAX_GROWTH = 150_000_000

/** An agent stands still with its connections open, while others send it 20 MB and talk to each other. */
const slowReader: Scenario = {
  title: 'an agent that stands still holds nobody up, and costs its senders no memory without bound',
  net: { nodes: 4, servers: 1, relays: 0 },
  async run({ net, traffic, note }) {
    const [slow, sender, ...others] = net.agents
    await traffic.send(sender!, slow!)
    await traffic.settled(30_000)
    const before = sender!.rss()
    slow!.pause()
    for (let count = 0; count < MESSAGES; count++) await traffic.send(sender!, slow!, SIZE)
    const around = [sender!, ...others]
    const started = performance.now()
    for (const from of around) for (const to of around) if (to !== from) await traffic.send(from, to)
    const between = traffic.sent.filter(({ to }) => to !== slow)
    await Promise.all(
      between.map(({ from, id }) =>
        from.api.waitFor({ id, state: 'delivered' }, { signal: AbortSignal.timeout(8_000) })
      )
    )
    note(`the others had theirs after ${Math.round(performance.now() - started)} ms`)
    await delay(STOPPED)
    const growth = sender!.rss() - before
    note(`the sender has ${(growth / 1e6).toFixed(0)} MB more, with ${((MESSAGES * SIZE) / 1e6).toFixed(0)} MB to send`)
    assert.ok(growth < MAX_GROWTH, `its memory grew by ${growth} bytes`)
    slow!.resume()
    await traffic.settled(60_000)
    note('all delivered when it went on')
  }
}

export default slowReader
