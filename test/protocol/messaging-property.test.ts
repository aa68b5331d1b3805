import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MessageAgent, startMessageAgent, type Town } from '../support/message-agents.ts'
import { TestMailbox } from '../support/message-route.ts'

/** What may befall two agents; `who` says whom. */
type Event =
  | { type: 'send'; who: number; count: number }
  | { type: 'fetch'; who: number; seed: number; loss: number; copies: number }
  | { type: 'restart'; who: number }
  | { type: 'loseSessions'; who: number }
  | { type: 'meet' }
  | { type: 'cut' }

const who = fc.integer({ min: 0, max: 1 })
const anEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('send' as const), who, count: fc.integer({ min: 1, max: 12 }) })
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('fetch' as const),
      who,
      seed: fc.nat(),
      loss: fc.constantFrom(0, 0, 0.2, 0.9),
      copies: fc.integer({ min: 1, max: 3 })
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const), who }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('loseSessions' as const), who }) },
  { weight: 1, arbitrary: fc.constant({ type: 'meet' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'cut' as const }) }
)

/** Numbers from 0 to 1, always the same for a seed. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state / 2 ** 32
  }
}

/** The link between the two: what waits in the box comes in any order, several times, or not at all. */
async function lossyFetch(box: Uint8Array[], owner: MessageAgent, event: Event & { type: 'fetch' }): Promise<void> {
  const random = numbers(event.seed)
  const next = (): number => random.next().value
  const coming = Array.from({ length: event.copies }, () => box)
    .flat()
    .filter(() => next() >= event.loss)
    .map(envelope => ({ envelope, at: next() }))
    .sort((a, b) => a.at - b.at)
  box.length = 0
  await Promise.all(coming.map(({ envelope }) => owner.messaging.receive(envelope)))
}

test('whatever a link and a disk do, each message is handed over once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anEvent, { minLength: 5, maxLength: 25 }), async events => {
      const town: Town = new Map()
      const mailbox = new TestMailbox(town)
      await using alice = await startMessageAgent(town, { mailbox: mailbox.route })
      await using bob = await startMessageAgent(town, { mailbox: mailbox.route })
      const agents = [alice, bob]
      const sent: [string[], string[]] = [[], []]
      const ids: [string[], string[]] = [[], []]
      const setAway = (isAway: boolean): void => {
        for (const agent of agents) agent.isAway = isAway
      }
      setAway(true)
      for (const event of events) {
        const agent = 'who' in event ? agents[event.who]! : alice
        const other = agent === alice ? bob : alice
        if (event.type === 'send') {
          for (let i = 0; i < event.count; i++) {
            const text = `${event.who}:${sent[event.who]!.length}`
            sent[event.who]!.push(text)
            ids[event.who]!.push((await agent.send(other, text)).id)
          }
        } else if (event.type === 'fetch') await lossyFetch(mailbox.boxOf(agent.name), agent, event)
        else if (event.type === 'loseSessions') await agent.loseSessions()
        else if (event.type === 'restart') {
          await agent.stop()
          await agent.start()
        } else if (event.type === 'meet') {
          setAway(false)
          alice.messaging.retry()
          bob.messaging.retry()
        } else {
          setAway(true)
          alice.cut()
        }
      }
      setAway(false)
      alice.messaging.retry()
      bob.messaging.retry()
      await Promise.all([
        ...ids[0].map(id => alice.until(id, 'delivered')),
        ...ids[1].map(id => bob.until(id, 'delivered'))
      ])
      expect(bob.got).toEqual(sent[0])
      expect(alice.got).toEqual(sent[1])
      for (const message of await bob.messaging.inbox({ limit: 1_000 })) await bob.messaging.take(message.id)
      await Promise.all(ids[0].map(id => alice.until(id, 'read')))
    }),
    {
      numRuns: Number(process.env['TALOS_PROPERTY_RUNS'] ?? 6),
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: false
    }
  )
}, 180_000)
