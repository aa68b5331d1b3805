import { expect, test } from 'vitest'
import { type AgentInit, type MessageAgent, startMessageAgent, type Town, textOf } from '../support/message-agents.ts'

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

test('a message is queued, delivered and read, and both sides remember it', async () => {
  await using p = await pair()
  const states: string[] = []
  p.alice.messaging.addEventListener('state', ({ detail }) => states.push(detail.state))
  const sent = await p.alice.send(p.bob, 'hello', { contentType: 'text/markdown' })
  expect(sent).toMatchObject({ state: 'queued', peer: p.bob.name, contentType: 'text/markdown' })
  expect(await p.alice.until(sent.id, 'delivered')).toMatchObject({ id: sent.id, state: 'delivered' })
  const [message] = await p.bob.messaging.inbox()
  expect(message).toMatchObject({ id: sent.id, peer: p.alice.name, contentType: 'text/markdown', read: false })
  expect(textOf(message!)).toBe('hello')
  expect(message!.sentAt).toBe(sent.queuedAt)
  await p.bob.messaging.take(sent.id)
  expect(await p.alice.until(sent.id, 'read')).toMatchObject({ state: 'read' })
  expect(await p.bob.messaging.inbox()).toEqual([])
  expect(await p.bob.messaging.history()).toMatchObject([{ direction: 'in', id: sent.id, read: true }])
  expect(await p.alice.messaging.history()).toMatchObject([{ direction: 'out', id: sent.id, state: 'read' }])
  expect(states).toEqual(['queued', 'delivered', 'read'])
})

test('a message is not queued when it is given up while it waits for its turn to be written', async () => {
  await using p = await pair()
  const stop = new AbortController()
  const given = p.alice.send(p.bob, 'never mind', { signal: stop.signal })
  const other = p.alice.send(p.bob, 'this one')
  const reason = new Error('changed my mind')
  stop.abort(reason)
  await expect(given).rejects.toBe(reason)
  await p.alice.until((await other).id, 'delivered')
  expect(p.bob.got).toEqual(['this one'])
  expect(await p.alice.messaging.history()).toHaveLength(1)
})

test('both sides talk at once, in order', async () => {
  await using p = await pair()
  const count = 50
  const say = (from: MessageAgent, to: MessageAgent, word: string) =>
    Promise.all(Array.from({ length: count }, (_, i) => from.send(to, `${word} ${i}`)))
  await Promise.all([say(p.alice, p.bob, 'a'), say(p.bob, p.alice, 'b')])
  expect(await p.bob.gotAll(count)).toEqual(Array.from({ length: count }, (_, i) => `a ${i}`))
  expect(await p.alice.gotAll(count)).toEqual(Array.from({ length: count }, (_, i) => `b ${i}`))
})

test('an answer carries the acknowledgement', async () => {
  await using p = await pair()
  let signed = 0
  const { sign } = p.bob.identity
  Object.assign(p.bob.identity, {
    sign: (bytes: Uint8Array) => {
      signed++
      return sign(bytes)
    }
  })
  p.bob.messaging.addEventListener('message', ({ detail }) => void p.bob.send(p.alice, `${textOf(detail)}!`))
  const count = 20
  const sent: string[] = []
  for (let i = 0; i < count; i++) {
    sent.push((await p.alice.send(p.bob, `hello ${i}`)).id)
    await p.alice.gotAll(i + 1)
  }
  for (const id of sent) await p.alice.until(id, 'delivered')
  expect(p.alice.got).toEqual(sent.map((_, i) => `hello ${i}!`))
  // an envelope for each answer; one more for the acknowledgement only where the answer was slow
  expect(signed).toBeLessThan(2 * count)
})
