import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { TalosError } from '../../src/errors.ts'
import { acceptChangedKey, changedKey } from '../../src/protocols/sessions/index.ts'
import { startMessageAgent, type Town } from '../support/message-agents.ts'
import { TestMailbox } from '../support/message-route.ts'
import { within } from '../support/within.ts'

/** Two agents and a mailbox for each; both are away at first. */
async function apart() {
  const town: Town = new Map()
  const mailbox = new TestMailbox(town)
  const alice = await startMessageAgent(town, { mailbox: mailbox.route })
  const bob = await startMessageAgent(town, { mailbox: mailbox.route })
  alice.isAway = true
  bob.isAway = true
  return {
    town,
    mailbox,
    alice,
    bob,
    [Symbol.asyncDispose]: async () => {
      await alice[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
    }
  }
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`)

test('two that are never there together talk by way of mailboxes, from the first contact on', async () => {
  await using p = await apart()
  const first = await p.alice.send(p.bob, 'are you there?')
  expect(await p.alice.until(first.id, 'stored')).toMatchObject({ state: 'stored' })
  await p.alice.stop()
  await p.mailbox.fetch(p.bob)
  expect(await p.bob.gotAll(1)).toEqual(['are you there?'])
  await p.bob.messaging.take(first.id)
  const answer = await p.bob.send(p.alice, 'I am')
  await p.bob.until(answer.id, 'stored')
  await p.bob.stop()
  await p.alice.start()
  await p.mailbox.fetch(p.alice)
  expect(await p.alice.gotAll(1)).toEqual(['I am'])
  await p.alice.until(first.id, 'read')
})

test('what a mailbox holds goes to the peer itself when it comes, and is handed over once', async () => {
  await using p = await apart()
  const sent = await Promise.all(numbered(10).map(text => p.alice.send(p.bob, text)))
  await Promise.all(sent.map(({ id }) => p.alice.until(id, 'stored')))
  p.alice.isAway = false
  p.bob.isAway = false
  p.alice.messaging.retry()
  await Promise.all(sent.map(({ id }) => p.alice.until(id, 'delivered')))
  await p.mailbox.fetch(p.bob)
  expect(p.bob.got).toEqual(numbered(10))
})

test('envelopes in any order, several times, are handed over in order, each once', async () => {
  await using p = await apart()
  const sent = await Promise.all(numbered(20).map(text => p.alice.send(p.bob, text)))
  await Promise.all(sent.map(({ id }) => p.alice.until(id, 'stored')))
  const box = p.mailbox.boxOf(p.bob.name)
  box.push(...box.map(envelope => envelope.slice()))
  box.reverse()
  await p.mailbox.fetch(p.bob)
  expect(p.bob.got).toEqual(numbered(20))
  expect(await p.bob.messaging.inbox()).toHaveLength(20)
  await p.bob.messaging.receive(box[0] ?? new Uint8Array())
  expect(p.bob.got).toHaveLength(20)
})

test('an envelope that cannot be read is sealed anew, also when both only meet in mailboxes', async () => {
  await using p = await apart()
  const before = await p.alice.send(p.bob, 'before')
  await p.alice.until(before.id, 'stored')
  await p.mailbox.fetch(p.bob)
  const answer = await p.bob.send(p.alice, 'confirmed')
  await p.bob.until(answer.id, 'stored')
  await p.mailbox.fetch(p.alice)
  await p.bob.loseSessions()
  const lost = await p.alice.send(p.bob, 'sealed for a session that is gone')
  await p.alice.until(lost.id, 'stored')
  const stored = p.mailbox.boxOf(p.alice.name).length
  await p.mailbox.fetch(p.bob)
  expect(p.bob.got).toEqual(['before'])
  await expect.poll(() => p.mailbox.boxOf(p.alice.name).length, { timeout: 20_000 }).toBeGreaterThan(stored)
  await p.mailbox.fetch(p.alice)
  await expect.poll(() => p.mailbox.boxOf(p.bob.name).length, { timeout: 20_000 }).toBeGreaterThan(0)
  await p.mailbox.fetch(p.bob)
  expect(await p.bob.gotAll(2)).toEqual(['before', 'sealed for a session that is gone'])
})

test('many envelopes for sessions that are gone are sealed anew together, and acknowledgements for such sessions made again', async () => {
  await using p = await apart()
  const back = await p.bob.send(p.alice, 'sealed before the loss')
  await p.bob.until(back.id, 'stored')
  const sent = await Promise.all(numbered(40).map(text => p.alice.send(p.bob, text)))
  await Promise.all(sent.map(({ id }) => p.alice.until(id, 'stored')))
  await p.bob.loseSessions()
  p.alice.isAway = false
  p.bob.isAway = false
  p.alice.messaging.retry()
  p.bob.messaging.retry()
  // sooner than a link is given up on which nothing is acknowledged
  const deadline = AbortSignal.timeout(12_000)
  await Promise.all(sent.map(({ id }) => p.alice.messaging.waitFor(id, 'delivered', deadline)))
  await p.bob.messaging.waitFor(back.id, 'delivered', deadline)
  expect(p.bob.got).toEqual(numbered(40))
  expect(p.alice.got).toEqual(['sealed before the loss'])
})

test('a mailbox that refuses leaves the message queued, with the reason', async () => {
  await using p = await apart()
  p.mailbox.error = new TalosError('MAILBOX_FULL', 'the mailbox is full')
  const waits = Promise.withResolvers<string>()
  p.alice.messaging.addEventListener('state', ({ detail }) => {
    if (detail.reason?.code === 'MAILBOX_FULL') waits.resolve(detail.state)
  })
  const sent = await p.alice.send(p.bob, 'hello')
  expect(await waits.promise).toBe('queued')
  p.mailbox.error = undefined
  p.alice.messaging.retry()
  expect(await p.alice.until(sent.id, 'stored')).toMatchObject({ state: 'stored' })
})

test('a message that outlives its time in a mailbox is queued again, also after a restart, and left there once more', async () => {
  const day = 24 * 60 * 60_000
  let passed = 0
  const town: Town = new Map()
  const mailbox = new TestMailbox(town)
  await using alice = await startMessageAgent(town, { mailbox: mailbox.route, now: () => Date.now() + passed })
  await using bob = await startMessageAgent(town, { mailbox: mailbox.route })
  alice.isAway = bob.isAway = true
  mailbox.until = Date.now() + 7 * day
  const sent = await alice.send(bob, 'for two weeks', { expiresIn: 14 * day })
  await alice.until(sent.id, 'stored')
  await alice.stop()
  await alice.start()
  expect(await alice.messaging.get(sent.id)).toMatchObject({ state: 'stored' })

  passed = 7 * day + 60_000
  mailbox.boxOf(bob.name).length = 0
  mailbox.error = new TalosError('MAILBOX_FULL', 'the mailbox is full')
  const again = Promise.withResolvers<void>()
  alice.messaging.addEventListener('state', ({ detail: { state } }) => {
    if (state === 'queued') again.resolve()
  })
  alice.messaging.retry()
  await within(again.promise, 'the state queued')
  expect(await alice.messaging.get(sent.id)).toMatchObject({ state: 'queued' })

  mailbox.error = undefined
  mailbox.until += 7 * day
  alice.messaging.retry()
  await alice.until(sent.id, 'stored')
  expect(mailbox.boxOf(bob.name)).toHaveLength(1)
  await mailbox.fetch(bob)
  expect(bob.got).toEqual(['for two weeks'])
})

test('a changed key makes messages wait on either side, and its acceptance lets them go', async () => {
  const town: Town = new Map()
  await using alice = await startMessageAgent(town)
  const seed = randomBytes(32)
  {
    await using bob = await startMessageAgent(town, { seed })
    const sent = await alice.send(bob, 'one')
    await alice.until(sent.id, 'delivered')
  }
  // the same identity, made anew from its seed: another agreement key
  await using bob = await startMessageAgent(town, { seed })
  const reasons = { alice: Promise.withResolvers<void>(), bob: Promise.withResolvers<void>() }
  alice.messaging.addEventListener('state', ({ detail }) => {
    if (detail.reason?.code === 'SESSION_IDENTITY_CHANGED') reasons.alice.resolve()
  })
  bob.messaging.addEventListener('state', ({ detail }) => {
    if (detail.reason?.code === 'MESSAGE_KEY_NOT_ACCEPTED') reasons.bob.resolve()
  })
  const back = await bob.send(alice, 'it is me')
  await reasons.bob.promise
  const sent = await alice.send(bob, 'two')
  await reasons.alice.promise
  expect(await alice.messaging.get(sent.id)).toMatchObject({
    state: 'queued',
    reason: { code: 'SESSION_IDENTITY_CHANGED' }
  })
  const { offered } = await changedKey(alice.store, crypto, bob.name)
  await acceptChangedKey(alice.store, crypto, bob.name, offered, async () => {})
  alice.messaging.retry()
  bob.messaging.retry()
  await alice.until(sent.id, 'delivered')
  await bob.until(back.id, 'delivered')
  expect(alice.got).toEqual(['it is me'])
  expect(bob.got).toEqual(['two'])
})

test('what was read is told by way of a mailbox, also when hundreds of messages overtook it, and its copies trouble nobody', async () => {
  await using p = await apart()
  const first = await p.alice.send(p.bob, 'first')
  await p.alice.until(first.id, 'stored')
  await p.mailbox.fetch(p.bob)
  await p.bob.messaging.take(first.id)
  const box = p.mailbox.boxOf(p.alice.name)
  await expect.poll(() => box.length, { timeout: 20_000 }).toBeGreaterThan(0)

  p.alice.isAway = p.bob.isAway = false
  /** Each answers what the other has said, so that both make a step of the ratchet each time. */
  const talk = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const there = await p.alice.send(p.bob, 'ping')
      await p.alice.until(there.id, 'delivered')
      const back = await p.bob.send(p.alice, 'pong')
      await p.bob.until(back.id, 'delivered')
    }
  }
  await talk(30)
  expect(await p.alice.messaging.get(first.id)).toMatchObject({ state: 'delivered' })
  const copies = box.map(envelope => envelope.slice())
  await p.mailbox.fetch(p.alice)
  expect(await p.alice.messaging.get(first.id)).toMatchObject({ state: 'read' })
  box.push(...copies.map(envelope => envelope.slice()))
  await p.mailbox.fetch(p.alice)
  await p.alice.stop()
  await p.alice.start()
  await talk(30)
  box.push(...copies)
  await p.mailbox.fetch(p.alice)
  expect(box).toEqual([])
  for (const { messaging } of [p.alice, p.bob]) {
    expect(messaging.counts).toEqual({ unreadableHere: 0, unreadableThere: 0, forged: 0 })
  }
})
