import { expect, onTestFinished, test } from 'vitest'
import type { ReceivedMessage, TalosClient } from '../../src/index.ts'
import { clients } from '../support/clients.ts'
import { within } from '../support/within.ts'

const MANY = 250
const names = Array.from({ length: MANY }, (_, i) => `${i}`)

/** Two readers, and messages from Alice on their disk: the first is the node, the second is attached to it. */
async function inboxOf(texts: readonly string[]) {
  const { all, start } = await clients('Alice', 'Bob')
  const [alice, own] = all as [TalosClient, TalosClient]
  const attached = await start('Bob')
  const say = async (...more: readonly string[]): Promise<void> => {
    const sent = await Promise.all(more.map(text => alice.send(own.peerId, text)))
    await Promise.all(sent.map(({ id }) => alice.waitFor(id, 'delivered')))
  }
  await say(...texts)
  return { alice, own, attached, say }
}

/** Reads without end; what it was given is there at once. */
function reading(talos: TalosClient, doEach: (message: ReceivedMessage) => unknown = () => {}) {
  const got: string[] = []
  let wake = Promise.withResolvers<void>()
  const over = new AbortController()
  onTestFinished(() => over.abort())
  const done = (async () => {
    for await (const message of talos.messages({ signal: over.signal })) {
      got.push(message.text)
      await doEach(message)
      wake.resolve()
      wake = Promise.withResolvers()
    }
  })()
  const untilAll = async (count: number): Promise<string[]> => {
    while (got.length < count) {
      await within(wake.promise, `${got.length} of ${count} messages`)
    }
    return got
  }
  const next = (): Promise<void> => wake.promise
  const end = async (): Promise<void> => {
    over.abort()
    await done
  }
  return { got, untilAll, next, end }
}

const readers = (all: { own: TalosClient; attached: TalosClient }, isOwn: boolean): [TalosClient, TalosClient] =>
  isOwn ? [all.own, all.attached] : [all.attached, all.own]

for (const isOwn of [true, false]) {
  const where = isOwn ? 'at its own node' : "attached to another's"

  test(`a reader ${where} that acknowledges nothing gets all, in order, and each once`, {
    timeout: 60_000
  }, async () => {
    const all = await inboxOf(names)
    const [first, second] = readers(all, isOwn)
    const one = reading(first)
    expect(await one.untilAll(MANY)).toEqual(names)
    await all.say('one more')
    expect(await one.untilAll(MANY + 1)).toEqual([...names, 'one more'])

    // another gets what the first has left, and nothing before
    const other = reading(second)
    await second.inbox()
    expect(other.got).toEqual([])
    await one.end()
    expect(await other.untilAll(MANY + 1)).toEqual([...names, 'one more'])
  })

  test(`a reader ${where} holds what it was given, and no more`, { timeout: 60_000 }, async () => {
    const [first, second] = readers(await inboxOf(names), isOwn)
    const slow = first.messages()
    const held = await within(slow.next(), 'the first message')
    expect(held.value?.text).toBe('0')
    const other = reading(second, message => message.ack())
    expect(await other.untilAll(MANY - 1)).toEqual(names.slice(1))
    await slow.return()
    expect(await other.untilAll(MANY)).toEqual([...names.slice(1), '0'])
  })

  test(`of two readers ${where} each message goes to one`, { timeout: 60_000 }, async () => {
    const all = await inboxOf(names)
    const [first, second] = readers(all, isOwn)
    const got = new Set<string>()
    const two = [first, second].map(talos =>
      reading(talos, async message => {
        expect(got.has(message.id)).toBe(false)
        got.add(message.id)
        await message.ack()
      })
    )
    while (got.size < MANY) await within(Promise.race(two.map(({ next }) => next())), 'another message')
    await Promise.all(two.map(({ end }) => end()))
    expect(await first.inbox()).toEqual([])
  })
}

test('what a client that has gone did not acknowledge, another gets', { timeout: 60_000 }, async () => {
  const { own, attached } = await inboxOf(names)
  const one = reading(attached)
  await one.untilAll(MANY)
  const other = reading(own)
  await attached.close()
  expect(await other.untilAll(MANY)).toEqual(names)
})

test('a program hears of messages, and not of what other readers have left', { timeout: 60_000 }, async () => {
  const { own, attached, say } = await inboxOf(['a'])
  const heard: string[] = []
  own.addEventListener('message', ({ detail: { id } }) => heard.push(id))
  const reader = attached.messages()
  await reader.next()
  await reader.return()
  await say('b')
  expect(heard).toHaveLength(1)
  expect(heard[0]).not.toBe('')
})

test('messages() beside a channel, and two channels to one peer, hand out each message once', {
  timeout: 60_000
}, async () => {
  const { alice, own, say } = await inboxOf([])
  await using one = own.channel(alice.peerId)
  await using two = own.channel(alice.peerId)
  const all = reading(own, message => message.ack())
  const received: string[] = []
  let wake = Promise.withResolvers<void>()
  const read = async (channel: typeof one): Promise<void> => {
    for await (const { text } of channel) {
      received.push(text)
      wake.resolve()
      wake = Promise.withResolvers()
    }
  }
  void read(one)
  void read(two)
  await say(...names)
  while (all.got.length + received.length < MANY) {
    await within(Promise.race([all.next(), wake.promise]), 'another message')
  }
  expect([...all.got, ...received].toSorted()).toEqual(names.toSorted())
})

test('receivers of one channel wait for their turn, each with a limit of its own', { timeout: 60_000 }, async () => {
  const { alice, own, say } = await inboxOf([])
  await using channel = own.channel(alice.peerId)
  const first = channel.receive()
  await expect(channel.receive({ timeout: 1 })).rejects.toMatchObject({ code: 'MESSAGE_TIMEOUT' })
  const controller = new AbortController()
  const second = channel.receive({ signal: controller.signal })
  const third = channel.receive()
  controller.abort(new Error('not any more'))
  await expect(second).rejects.toThrow('not any more')
  await say('a', 'b')
  expect(await within(Promise.all([first, third]), 'two messages')).toMatchObject([{ text: 'a' }, { text: 'b' }])
})

test('a message whose acknowledgement fails is received with the next call', { timeout: 60_000 }, async () => {
  const { alice, attached, say } = await inboxOf([])
  await using channel = attached.channel(alice.peerId)
  const call = attached.call.bind(attached)
  await say('a')
  // aborted at every moment there is: nothing is lost
  for (let turns = 0; turns < 40; turns++) {
    const controller = new AbortController()
    const received = channel.receive({ signal: controller.signal })
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    controller.abort(new Error('enough'))
    const outcome = await received.catch((error: Error) => error)
    if (outcome instanceof Error) expect(outcome.message).toBe('enough')
    else {
      expect(outcome.text).toBe('a')
      expect(await call('inbox', {})).toEqual([])
      await say('a')
    }
    expect(await call('inbox', {})).toHaveLength(1)
  }
  expect(await within(channel.receive(), 'the message')).toMatchObject({ text: 'a' })
})
