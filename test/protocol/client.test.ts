import { expect, test } from 'vitest'
import { acceptPeerKey, findDaemon, TalosClient } from '../../src/index.ts'
import { clients } from '../support/clients.ts'
import { within } from '../support/within.ts'

test('the signal of create() ends with it: the client goes on, and finds the next node', {
  timeout: 60_000
}, async () => {
  const { all, folder, config } = await clients('Bob')
  const [own] = all as [TalosClient]
  const controller = new AbortController()
  const dataDir = `${folder}/Bob`
  await using attached = await TalosClient.create({ dataDir, config, signal: controller.signal })
  expect(await attached.isNode()).toBe(false)
  controller.abort(new Error('the time for create() is over'))
  await own.close()
  expect(await within(attached.status(), 'the status of another node', 30_000)).toMatchObject({ dataDir })
  expect(await attached.isNode()).toBe(true)
})

const codeOf = (work: Promise<unknown>): Promise<string> =>
  within(
    work.then(
      () => 'none',
      error => error.code ?? error.message
    ),
    'an end'
  )

for (const isOwn of [true, false]) {
  const where = isOwn ? 'with a node of its own' : "attached to another's"

  /** Alice as a program of that kind, and Bob. */
  const pair = async () => {
    const { all, folder, start } = await clients('Alice', 'Bob')
    const [own, bob] = all as [TalosClient, TalosClient]
    const alice = isOwn ? own : await start('Alice')
    expect(await alice.isNode()).toBe(isOwn)
    return { alice, bob, folder }
  }

  test(`sessions and prekeys, ${where}`, { timeout: 60_000 }, async () => {
    const { alice, bob } = await pair()
    const bundle = await alice.getPrekeyBundle(bob.peerId)
    expect(bundle).toMatchObject({ peerId: bob.peerId, oneTime: true })
    expect(bundle.agreementKey).toHaveLength(32)
    expect(bundle.expiresAt).toBeGreaterThan(Date.now())
    const begun = await alice.establishSession(bob.peerId)
    expect(begun).toEqual({ peerId: bob.peerId, isNew: true, direct: true })
    expect(await alice.establishSession(bob.peerId)).toEqual({ ...begun, isNew: false })
    expect((await alice.status()).sessions).toMatchObject([{ peer: bob.peerId }])
    expect(await codeOf(alice.getPrekeyBundle('nobody'))).toBe('PEER_UNKNOWN')
  })

  test(`a channel, ${where}`, { timeout: 60_000 }, async () => {
    const { alice, bob } = await pair()
    const channel = alice.channel(bob.peerId)
    expect(await codeOf(channel.receive({ timeout: 1 }))).toBe('MESSAGE_TIMEOUT')
    await bob.send(alice.peerId, 'one', { waitFor: 'delivered' })
    await bob.send(alice.peerId, 'two', { waitFor: 'delivered' })
    const read: string[] = []
    for await (const { text } of channel) {
      read.push(text)
      if (read.length === 2) break
    }
    expect(read).toEqual(['one', 'two'])
    const { id, contentType } = await channel.sendJson({ three: 3 }, { waitFor: 'delivered' })
    expect(contentType).toBe('application/json')
    const [got] = await bob.inbox()
    expect(got).toMatchObject({ id, contentType: 'application/json', read: false })

    const waiting = codeOf(channel.receive())
    const iterated = channel[Symbol.asyncIterator]().next()
    await channel[Symbol.asyncDispose]()
    expect(await waiting).toBe('CHANNEL_CLOSED')
    expect(await within(iterated, 'the end of the iteration')).toEqual({ done: true, value: undefined })
    expect(await codeOf(channel.receive())).toBe('CHANNEL_CLOSED')
    expect(() => channel.send('x')).toThrow('the channel was closed')
    // what comes later waits in the inbox
    await bob.send(alice.peerId, 'four', { waitFor: 'delivered' })
    expect(await alice.inbox()).toHaveLength(1)
  })

  test(`events, ${where}`, { timeout: 60_000 }, async () => {
    const { alice, bob } = await pair()
    const message = new Promise(resolve =>
      alice.addEventListener('message', ({ detail }) => resolve(detail), { once: true })
    )
    const states: string[] = []
    const isRead = Promise.withResolvers<void>()
    alice.addEventListener('message-state', ({ detail: { state, peer } }) => {
      expect(peer).toBe(bob.peerId)
      states.push(state)
      if (state === 'read') isRead.resolve()
    })
    const { id } = await bob.send(alice.peerId, 'hello', { waitFor: 'delivered' })
    expect(await within(message, 'the event of a message')).toEqual({ id, peer: bob.peerId })
    await alice.send(bob.peerId, 'back', { waitFor: 'delivered' })
    for await (const received of bob.messages()) {
      await received.ack()
      break
    }
    await within(isRead.promise, 'the event that it was read')
    expect(states.at(-1)).toBe('read')
  })

  test(`what is done is forgotten with its peer, ${where}`, { timeout: 60_000 }, async () => {
    const { alice, bob } = await pair()
    await alice.send(bob.peerId, 'one', { waitFor: 'delivered' })
    await bob.send(alice.peerId, 'two', { waitFor: 'delivered' })
    expect(await alice.forgetHistory(bob.peerId)).toEqual({ forgotten: 1, kept: 1 })
    expect(await alice.history()).toMatchObject([{ direction: 'in' }])
    expect(await alice.inbox()).toHaveLength(1)
  })

  test(`every call ends with its signal, ${where}`, { timeout: 60_000 }, async () => {
    const { alice, bob, folder } = await pair()
    const signal = AbortSignal.abort(new Error('enough'))
    const options = { signal }
    const peer = bob.peerId
    const calls: Record<string, (using: { signal: AbortSignal }) => Promise<unknown>> = {
      send: using => alice.send(peer, 'x', using),
      inbox: using => alice.inbox(using),
      history: using => alice.history(using),
      forgetHistory: using => alice.forgetHistory(peer, using),
      sendFile: using => alice.sendFile(peer, `${folder}/nothing`, using),
      files: using => alice.files(using),
      answerOffer: using => alice.answerOffer('0', true, using),
      openStream: using => alice.openStream(peer, using),
      establishSession: using => alice.establishSession(peer, using),
      getPrekeyBundle: using => alice.getPrekeyBundle(peer, using),
      status: using => alice.status(using),
      isNode: using => alice.isNode(using),
      receive: using => alice.channel(peer).receive(using),
      findDaemon: using => findDaemon({ dataDir: `${folder}/Alice`, ...using }),
      acceptPeerKey: using => acceptPeerKey({ peer, dataDir: `${folder}/Alice`, confirm: async () => true, ...using }),
      create: using => TalosClient.create({ dataDir: `${folder}/Alice`, ...using })
    }
    for (const [name, call] of Object.entries(calls))
      expect(`${name}: ${await codeOf(call(options))}`).toBe(`${name}: enough`)
    // iterators end
    expect(await alice.messages(options).next()).toEqual({ done: true, value: undefined })
    expect(await alice.streams(options).next()).toEqual({ done: true, value: undefined })
    expect(await alice.broadcasts('weather', options).next()).toEqual({ done: true, value: undefined })

    // those that wait, while they do
    const later = new AbortController()
    const { id } = await alice.send(peer, 'x', { waitFor: 'delivered' })
    const waits = [
      alice.waitFor(id, 'read', { signal: later.signal }),
      alice.channel(peer).receive({ signal: later.signal }),
      alice.openStream((await silent(bob)).peerId, { signal: later.signal })
    ]
    const messages = alice.messages({ signal: later.signal }).next()
    await alice.status()
    later.abort(new Error('enough'))
    for (const wait of waits) expect(await codeOf(wait)).toBe('enough')
    expect(await within(messages, 'the end of the messages')).toEqual({ done: true, value: undefined })
  })

  test(`accepting a stream ends with its signal, ${where}`, { timeout: 60_000 }, async () => {
    const { alice, bob } = await pair()
    const offers = alice.streams()
    const offered = offers.next()
    const opening = bob.openStream(alice.peerId)
    opening.catch(() => {})
    const offer = (await within(offered, 'the offer')).value!
    expect(await codeOf(offer.accept({ signal: AbortSignal.abort(new Error('enough')) }))).toBe('enough')
    // it was not answered by that
    const incoming = await offer.accept({ signal: AbortSignal.timeout(20_000) })
    const outgoing = await opening
    await outgoing.end(AbortSignal.timeout(20_000)).catch(() => {})
    await incoming.abort()
    await offers.return()
  })
}

/** Somebody who is asked for consent and says nothing. */
async function silent(talos: TalosClient): Promise<TalosClient> {
  void talos.streams().next()
  await talos.status()
  return talos
}
