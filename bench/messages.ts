// `npm run bench:messages [-- --write] [--rounds N]`: messages between two processes, durable and acknowledged, against a bare
// libp2p stream between the same two, and with what two others do that record nothing, in alternating rounds. With --write the result goes to docs/benchmarks.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { peerIdFromString } from '@libp2p/peer-id'
import { table, writeSection } from './report.ts'
import { openBare, startMessageNode } from './support/message-node.ts'

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, rounds: { type: 'string', default: '15' } }
})
const ROUNDS = Number(values.rounds)
const MESSAGES = 2_000
/** Sent and not acknowledged at any time. */
const IN_FLIGHT = 1_000
const REQUESTS = 200
const BODY = new Uint8Array(1024).fill(0x61)

interface Figures {
  perSecond: number
  p50: number
  p99: number
}

/** A node in this process, and one in another. */
async function startPair(records: boolean) {
  const program = fileURLToPath(new URL('support/message-peer.ts', import.meta.url))
  const child = fork(program, records ? ['records'] : [], { stdio: 'inherit' })
  const [other] = (await once(child, 'message')) as [{ peer: string; address: string }]
  const { stop, ...node } = await startMessageNode({ other, records })
  return {
    ...node,
    address: other.address,
    peer: peerIdFromString(other.peer),
    stop: async () => {
      await stop()
      child.disconnect()
    }
  }
}

type Pair = Awaited<ReturnType<typeof startPair>>

/** Calls `request` one after the other. */
async function latency(request: () => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const times: number[] = []
  for (let i = 0; i < REQUESTS; i++) {
    const at = performance.now()
    await request()
    times.push(performance.now() - at)
  }
  times.sort((a, b) => a - b)
  return { p50: times[REQUESTS / 2]!, p99: times[Math.floor(REQUESTS * 0.99)]! }
}

async function measureMessages({ messaging, peer }: Pair): Promise<Figures> {
  let delivered = 0
  let room: (() => void) | undefined
  const onState = ({ detail }: CustomEvent<{ state: string }>): void => {
    if (detail.state !== 'delivered') return
    delivered++
    room?.()
  }
  messaging.addEventListener('state', onState)
  const begun = performance.now()
  for (let sent = 0; delivered < MESSAGES; ) {
    for (; sent < MESSAGES && sent - delivered < IN_FLIGHT; sent++) void messaging.send(peer, BODY)
    await new Promise<void>(resolve => (room = resolve))
  }
  const perSecond = MESSAGES / ((performance.now() - begun) / 1000)
  messaging.removeEventListener('state', onState)

  const request = async (): Promise<void> => {
    const answer = once(messaging, 'message')
    await messaging.send(peer, BODY, { contentType: 'bench/request' })
    await answer
  }
  return { perSecond, ...(await latency(request)) }
}

async function measureBare({ node, address }: Pair): Promise<Figures> {
  const stream = await openBare(node, address)
  const request = async (): Promise<void> => {
    await stream.write(BODY)
    await stream.read()
  }
  const begun = performance.now()
  let answered = 0
  for (let sent = 0; answered < MESSAGES; ) {
    for (; sent < MESSAGES && sent - answered < IN_FLIGHT; sent++) await stream.write(BODY)
    answered += (await stream.readAll())!.length
  }
  const perSecond = MESSAGES / ((performance.now() - begun) / 1000)
  const figures = { perSecond, ...(await latency(request)) }
  await stream.close()
  return figures
}

const [pair, unrecorded] = [await startPair(true), await startPair(false)]
const results = { bare: [] as Figures[], messages: [] as Figures[], unrecorded: [] as Figures[] }
// the first session and the first compilation are not what is measured
await measureBare(pair)
await measureMessages(unrecorded)
await measureMessages(pair)
await pair.settle()
for (let round = 0; round < ROUNDS; round++) {
  results.bare.push(await measureBare(pair))
  // what is first in one round is last in the next
  const measured = [
    async () => {
      results.messages.push(await measureMessages(pair))
      await pair.settle()
    },
    async () => results.unrecorded.push(await measureMessages(unrecorded))
  ]
  for (const measure of round % 2 === 0 ? measured : measured.reverse()) await measure()
}
await pair.stop()
await unrecorded.stop()

const sorted = (figures: Figures[], key: keyof Figures): number[] => figures.map(one => one[key]).sort((a, b) => a - b)
const middle = (numbers: number[]): number => numbers[Math.floor(numbers.length / 2)]!
const row = (name: string, figures: Figures[]): string[] => {
  const rates = sorted(figures, 'perSecond')
  const [p50, p99] = [sorted(figures, 'p50'), sorted(figures, 'p99')]
  return [
    name,
    Math.round(rates.at(-1)!).toLocaleString('en-US'),
    Math.round(middle(rates)).toLocaleString('en-US'),
    p50[0]!.toFixed(2),
    middle(p50).toFixed(2),
    middle(p99).toFixed(2)
  ]
}
const head = ['1 KB', 'best /s one way', 'median /s', 'best p50 ms', 'median p50 ms', 'median p99 ms']
const rate = sorted(results.messages, 'perSecond').at(-1)!
const p50 = sorted(results.messages, 'p50')[0]!
// of each round by itself: what else the machine did meanwhile both had
const costs = results.messages.map(({ perSecond }, round) => 1 - perSecond / results.unrecorded[round]!.perSecond)
const cost = middle(costs.sort((a, b) => a - b))
const reached = (is: boolean): string => (is ? 'reached' : 'NOT reached')
const report = [
  `${ROUNDS} alternating rounds of ${MESSAGES} messages and ${REQUESTS} requests, two processes on loopback.`,
  'A message counts when the other side has it on its disk and the sender has that on its own; a request is answered by another message. The bare stream echoes bytes and stores nothing. Both sides record each message in their audit chains, and make blocks of that, but for the row without records.',
  '',
  table(head, [
    row('bare libp2p stream', results.bare),
    row('Talos', results.messages),
    row('Talos, without records', results.unrecorded)
  ]),
  '',
  `- durable, acknowledged messages a second: ${Math.round(rate)} (to reach: ≥ 2,000): ${reached(rate >= 2_000)}`,
  `- recording costs ${(100 * cost).toFixed(1)} % of the messages a second, the median of what it costs in each round (to reach: ≤ 5 %): ${reached(cost <= 0.05)}`,
  `- request and response, both durable: best p50 ${p50.toFixed(2)} ms, that is ${(p50 / 2).toFixed(2)} ms each (to reach: ≤ 5 ms each): ${reached(p50 / 2 <= 5)}`
].join('\n')
console.log(report)
if (values.write) writeSection('messages', 'Messages (`npm run bench:messages`)', report)
