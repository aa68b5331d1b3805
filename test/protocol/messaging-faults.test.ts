import { expect, test } from 'vitest'
import type { Entry } from '../../src/chain/index.ts'
import { TalosError } from '../../src/errors.ts'
import type { SessionStore, Transaction } from '../../src/protocols/sessions/index.ts'
import { type AgentInit, type MessageAgent, startMessageAgent, type Town } from '../support/message-agents.ts'

async function pair(alice: AgentInit = {}, bob: AgentInit = {}) {
  const town: Town = new Map()
  const agents = { alice: await startMessageAgent(town, alice), bob: await startMessageAgent(town, bob) }
  return {
    ...agents,
    [Symbol.asyncDispose]: async () => {
      await agents.alice[Symbol.asyncDispose]()
      await agents.bob[Symbol.asyncDispose]()
    }
  }
}

/** Something between messaging and the disk. */
function tap() {
  const hooks: { before?: () => void; after?: () => void } = {}
  const wrap = (store: SessionStore): SessionStore => ({
    transact: async work => {
      const result = await store.transact(async transaction => {
        const done = await work(transaction)
        hooks.before?.()
        return done
      })
      hooks.after?.()
      return result
    }
  })
  return { hooks, wrap }
}

const numbered = (count: number, word = 'm'): string[] => Array.from({ length: count }, (_, i) => `${word}${i}`)
const sendAll = (from: MessageAgent, to: MessageAgent, texts: string[]) =>
  Promise.all(texts.map(text => from.send(to, text)))
const allDelivered = (from: MessageAgent, sent: Array<{ id: string }>) =>
  Promise.all(sent.map(({ id }) => from.until(id, 'delivered')))

test('what was queued before a stop is sent after the start', async () => {
  await using p = await pair()
  p.bob.isAway = true
  const sent = await sendAll(p.alice, p.bob, numbered(5))
  await p.alice.stop()
  p.bob.isAway = false
  await p.alice.start()
  await allDelivered(p.alice, sent)
  expect(await p.bob.gotAll(5)).toEqual(numbered(5))
})

test('a receiver that stops between storing and acknowledging hands over once, and acknowledges again', async () => {
  const { hooks, wrap } = tap()
  await using p = await pair({}, { wrap })
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['first']))
  let cuts = 0
  hooks.after = () => {
    if (cuts++ > 3) return
    p.bob.cut()
  }
  const sent = await sendAll(p.alice, p.bob, numbered(20))
  await allDelivered(p.alice, sent)
  hooks.after = () => {}
  await p.bob.stop()
  await p.bob.start()
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['last']))
  expect(cuts).toBeGreaterThan(3)
  expect(await p.bob.gotAll(22)).toEqual(['first', ...numbered(20), 'last'])
  expect((await p.bob.messaging.inbox()).map(({ id }) => id).slice(1, 21)).toEqual(sent.map(({ id }) => id))
})

test('sessions lost on either side heal, and nothing is lost or doubled', async () => {
  await using p = await pair()
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['a1']))
  await allDelivered(p.bob, await sendAll(p.bob, p.alice, ['b1']))
  await p.bob.loseSessions()
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['a2', 'a3']))
  await p.bob.loseSessions()
  await allDelivered(p.bob, await sendAll(p.bob, p.alice, ['b2']))
  await p.alice.loseSessions()
  await p.bob.loseSessions()
  const both = await Promise.all([sendAll(p.alice, p.bob, ['a4']), sendAll(p.bob, p.alice, ['b3'])])
  await allDelivered(p.alice, both[0])
  await allDelivered(p.bob, both[1])
  expect(p.bob.got).toEqual(['a1', 'a2', 'a3', 'a4'])
  expect(p.alice.got).toEqual(['b1', 'b2', 'b3'])
})

test('a receiver that lost its disk gets what was not delivered, a sender that lost its disk counts anew', async () => {
  await using p = await pair()
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, numbered(3)))
  await p.bob.stop()
  await p.bob.wipe()
  const waiting = await sendAll(p.alice, p.bob, ['x', 'y'])
  await p.bob.start()
  p.alice.messaging.retry()
  await allDelivered(p.alice, waiting)
  expect(await p.bob.gotAll(5)).toEqual([...numbered(3), 'x', 'y'])
  await p.alice.stop()
  await p.alice.wipe()
  await p.alice.start()
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, numbered(3, 'n')))
  expect(await p.bob.gotAll(8)).toEqual([...numbered(3), 'x', 'y', ...numbered(3, 'n')])
})

test('a full outbox refuses honestly, and has room again when something was delivered', async () => {
  await using p = await pair({ limits: { outboxMessages: 3 } })
  p.bob.isAway = true
  const sent = await sendAll(p.alice, p.bob, numbered(3))
  await expect(p.alice.send(p.bob, 'too many')).rejects.toMatchObject({ code: 'MESSAGE_OUTBOX_FULL' })
  p.bob.isAway = false
  p.alice.messaging.retry()
  await allDelivered(p.alice, sent)
  await allDelivered(p.alice, [await p.alice.send(p.bob, 'room')])
  expect(p.bob.got).toEqual([...numbered(3), 'room'])
})

test('a full inbox makes the sender wait, and the sender goes on when something is taken', async () => {
  await using p = await pair({}, { limits: { inboxMessages: 3 } })
  const waits = Promise.withResolvers<string>()
  p.alice.messaging.addEventListener('state', ({ detail }) => {
    if (detail.reason !== undefined) waits.resolve(detail.reason.code)
  })
  const sent = await sendAll(p.alice, p.bob, numbered(10))
  await allDelivered(p.alice, sent.slice(0, 3))
  expect(await waits.promise).toBe('MESSAGE_INBOX_FULL')
  expect(await p.alice.messaging.get(sent[3]!.id)).toMatchObject({
    state: 'queued',
    reason: { code: 'MESSAGE_INBOX_FULL' }
  })
  // each one taken makes room for the next
  for (let i = 0; i < 10; i++) {
    await p.bob.gotAll(i + 1)
    await p.bob.messaging.take(sent[i]!.id)
  }
  await allDelivered(p.alice, sent)
  expect(p.bob.got).toEqual(numbered(10))
})

test('strangers together fill only their part of the inbox; who is known, or was written to, has the rest', async () => {
  const town: Town = new Map()
  const known = new Set<string>()
  await using bob = await startMessageAgent(town, {
    limits: { openInboxMessages: 4 },
    isKnown: peer => known.has(peer.toString())
  })
  await using alice = await startMessageAgent(town)
  await using carol = await startMessageAgent(town)
  await using eve = await startMessageAgent(town)
  await using mallory = await startMessageAgent(town)
  known.add(alice.name)
  await allDelivered(eve, await sendAll(eve, bob, numbered(3, 'e')))
  const waits = Promise.withResolvers<string>()
  mallory.messaging.addEventListener('state', ({ detail }) => {
    if (detail.reason?.code === 'MESSAGE_INBOX_FULL') waits.resolve(detail.reason.code)
  })
  const sent = await sendAll(mallory, bob, numbered(5, 'm'))
  expect((await mallory.until(sent[0]!.id, 'delivered')).state).toBe('delivered')
  await waits.promise
  await allDelivered(alice, await sendAll(alice, bob, numbered(3, 'a')))
  // whom one writes to is known by that
  await allDelivered(bob, await sendAll(bob, carol, ['hello']))
  await allDelivered(carol, await sendAll(carol, bob, ['answer']))
  expect(bob.got.filter(text => text.startsWith('m'))).toEqual(['m0'])
  for (const { id } of await bob.messaging.inbox()) await bob.messaging.take(id)
  // not when its time comes
  mallory.messaging.retry()
  await allDelivered(mallory, sent.slice(0, 4))
})

test('with acceptFrom "known" strangers are told that they are not accepted, until one has written to them', async () => {
  await using p = await pair({}, { acceptFrom: 'known', isKnown: () => false })
  const refused = await p.alice.send(p.bob, 'who are you')
  expect(await p.alice.until(refused.id, 'delivered')).toMatchObject({
    state: 'failed',
    reason: { code: 'MESSAGE_NOT_ACCEPTED' }
  })
  await allDelivered(p.bob, await sendAll(p.bob, p.alice, ['write to me']))
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['hello']))
  expect(p.bob.got).toEqual(['hello'])
})

test('what expires has failed, and what follows is not held up', async () => {
  const recorded: Entry[] = []
  const record = async (_: Transaction, entries: readonly Entry[]): Promise<void> => void recorded.push(...entries)
  await using p = await pair({ record })
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['before']))
  p.bob.isAway = true
  p.alice.cut()
  const short = await p.alice.send(p.bob, 'short', { expiresIn: 30 })
  const long = await p.alice.send(p.bob, 'long')
  expect(await p.alice.until(short.id, 'read')).toMatchObject({ state: 'failed', reason: { code: 'MESSAGE_EXPIRED' } })
  p.bob.isAway = false
  p.alice.messaging.retry()
  await p.alice.until(long.id, 'delivered')
  expect(p.bob.got).toEqual(['before', 'long'])
  const shown = recorded.map(({ fields }) => fields.filter(({ name }) => name === 'event' || name === 'reason'))
  expect(shown.filter(([event]) => event!.value === 'failed')).toEqual([
    [
      { name: 'event', value: 'failed' },
      { name: 'reason', value: 'MESSAGE_EXPIRED' }
    ]
  ])
})

test('a full disk acknowledges nothing and ends nothing: messages go on when there is room', async () => {
  const { hooks, wrap } = tap()
  const full = (): void => {
    throw new TalosError('STORAGE_FULL', 'no space left on the device')
  }
  await using p = await pair({}, { wrap })
  await allDelivered(p.alice, await sendAll(p.alice, p.bob, ['before']))
  hooks.before = full
  const waits = Promise.withResolvers<string>()
  p.alice.messaging.addEventListener('state', ({ detail }) => {
    if (detail.reason !== undefined) waits.resolve(detail.reason.code)
  })
  const sent = await sendAll(p.alice, p.bob, numbered(5))
  await expect(p.bob.send(p.alice, 'no room')).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  expect(await waits.promise).toBe('MESSAGE_INBOX_FULL')
  expect(p.bob.got).toEqual(['before'])
  hooks.before = () => {}
  p.alice.messaging.retry()
  await allDelivered(p.alice, sent)
  await allDelivered(p.bob, await sendAll(p.bob, p.alice, ['room']))
  expect(p.bob.got).toEqual(['before', ...numbered(5)])
  expect(p.alice.got).toEqual(['room'])
})

test('a sender that may not begin a session, or is not accepted, is told, and its message has failed', async () => {
  await using p = await pair({}, { mayBegin: () => false })
  const { id } = await p.alice.send(p.bob, 'hello')
  expect(await p.alice.until(id, 'delivered')).toMatchObject({
    state: 'failed',
    reason: { code: 'MESSAGE_NOT_ACCEPTED' }
  })
  await using q = await pair({}, { acceptFrom: 'known', isKnown: () => false })
  const other = await q.alice.send(q.bob, 'hello')
  expect(await q.alice.until(other.id, 'delivered')).toMatchObject({
    state: 'failed',
    reason: { code: 'MESSAGE_NOT_ACCEPTED' }
  })
  expect(q.bob.got).toEqual([])
})

test('2,000 messages, both ways, with the link cut at random: each once, in order', async () => {
  await using p = await pair({ takes: true }, { takes: true })
  const count = 1_000
  let cuts = 0
  const cutSometimes = (): void => {
    if (Math.random() < 0.01) {
      cuts++
      p.alice.cut()
    }
  }
  p.alice.messaging.addEventListener('message', cutSometimes)
  p.bob.messaging.addEventListener('message', cutSometimes)
  const talk = async (from: MessageAgent, to: MessageAgent, word: string): Promise<void> => {
    for (let i = 0; i < count; i += 50) await sendAll(from, to, numbered(count, word).slice(i, i + 50))
  }
  await Promise.all([talk(p.alice, p.bob, 'a'), talk(p.bob, p.alice, 'b')])
  expect(await p.bob.gotAll(count)).toEqual(numbered(count, 'a'))
  expect(await p.alice.gotAll(count)).toEqual(numbered(count, 'b'))
  expect(cuts).toBeGreaterThan(0)
}, 120_000)
