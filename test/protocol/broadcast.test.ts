import { type GossipSub, gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { UuidSource } from '../../src/crypto/uuid.ts'
import { MAX_CONTENT_LENGTH } from '../../src/protocols/broadcast/constants.ts'
import { type BroadcastFields, type BroadcastSigner, signBroadcast } from '../../src/protocols/broadcast/envelope.ts'
import {
  type Broadcast,
  type Broadcasts,
  type BroadcastsInit,
  broadcasts
} from '../../src/protocols/broadcast/index.ts'
import { SignedBroadcast } from '../../src/protocols/broadcast/pb/broadcast.ts'
import { startNode, within } from '../support/nodes.ts'

const TOPIC = 'weather'
const PATH = '/talos/broadcast/weather/1'
const ids = new UuidSource(Date.now, crypto.randomBytes)
const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (content: Uint8Array): string => Buffer.from(content).toString()

type Node = Awaited<ReturnType<typeof agent>>

/** A node that listens to TOPIC, unless told otherwise, and keeps what it hears. */
async function agent(init: Partial<BroadcastsInit> & { deaf?: boolean } = {}) {
  const seed = crypto.randomBytes(32)
  const identity = crypto.ed25519.fromSeed(seed)
  const node = await startNode<{ broadcasts: Broadcasts }>({
    role: 'agent',
    seed,
    limits: { inboundConnectionThreshold: 100 },
    services: { broadcasts: broadcasts({ crypto, identity, ...init }) }
  })
  const heard: Broadcast[] = []
  const waiting: Array<() => void> = []
  const service = node.services.broadcasts
  service.addEventListener('broadcast', event => {
    heard.push(event.detail)
    for (const wake of waiting.splice(0)) wake()
  })
  if (init.deaf !== true) service.subscribe(TOPIC)
  return {
    node,
    service,
    identity,
    heard,
    /** The next of this content, or one that came before. */
    hears: async (content: string): Promise<Broadcast> =>
      within(
        (async () => {
          for (;;) {
            const found = heard.find(one => text(one.content) === content)
            if (found !== undefined) return found
            await new Promise<void>(resolve => waiting.push(resolve))
          }
        })(),
        `'${content}'`
      ),
    [Symbol.asyncDispose]: async () => node.stop()
  }
}

/** A bare gossipsub node: forwards and sends whatever it likes, and sees what it is sent. */
async function bare() {
  const node = await startNode<{ pubsub: GossipSub }>({
    role: 'agent',
    services: {
      pubsub: gossipsub({ globalSignaturePolicy: StrictNoSign, allowPublishToZeroTopicPeers: true }) as never
    }
  })
  const { pubsub } = node.services
  const seen: Uint8Array[] = []
  pubsub.addEventListener('message', event => seen.push(event.detail.data))
  pubsub.subscribe(PATH)
  return {
    node,
    seen,
    /** Sends to the peers that listen, once there is one. */
    send: async (data: Uint8Array): Promise<void> => {
      const listener = (): boolean => pubsub.getSubscribers(PATH).length > 0
      while (!listener()) {
        await within(
          new Promise(resolve => pubsub.addEventListener('subscription-change', resolve, { once: true })),
          'a listener'
        )
      }
      while ((await pubsub.publish(PATH, data)).recipients.length === 0) {
        // no stream to it yet: the same bytes cannot be published twice
        data = Buffer.concat([data, Uint8Array.of(0x18, 1)])
        await new Promise(resolve => setImmediate(resolve))
      }
    },
    [Symbol.asyncDispose]: async () => node.stop()
  }
}

async function connect(
  from: { node: { dial: Node['node']['dial'] } },
  to: { node: { getMultiaddrs: Node['node']['getMultiaddrs'] } }
) {
  await from.node.dial(to.node.getMultiaddrs())
}

function envelope(signer: BroadcastSigner, content: string, changes: Partial<BroadcastFields> = {}): Uint8Array {
  const id = ids.next()
  const fields = { id, topic: TOPIC, timestamp: Date.now(), contentType: 'text/plain', content: bytes(content) }
  return signBroadcast({ ...fields, ...changes }, signer)
}

test('in a tree of five nodes each broadcast reaches all others, once, with the sender that signed it', async () => {
  const nodes = await Promise.all(Array.from({ length: 5 }, () => agent()))
  await using stack = new AsyncDisposableStack()
  for (const node of nodes) stack.use(node)
  const [root, left, right, leaf, last] = nodes as [Node, Node, Node, Node, Node]
  await connect(left, root)
  await connect(right, root)
  await connect(leaf, left)
  await connect(last, leaf)
  for (const node of nodes) {
    const others = nodes.filter(other => other !== node)
    const from = (other: Node): boolean => other.heard.some(({ sender }) => sender.equals(node.node.peerId))
    await settled(node, () => others.every(from))
  }
  for (const [index, node] of nodes.entries()) {
    const { id, peers } = await node.service.publish(TOPIC, bytes(`from ${index}`), { contentType: 'text/x-test' })
    expect(peers).toBeGreaterThan(0)
    for (const other of nodes) {
      if (other === node) continue
      const heard = await other.hears(`from ${index}`)
      expect(heard).toMatchObject({ id, topic: TOPIC, contentType: 'text/x-test', encrypted: false })
      expect(heard.sender.equals(node.node.peerId)).toBe(true)
    }
  }
  for (const [index, node] of nodes.entries()) {
    expect(spoken(node.heard).sort()).toEqual(
      [0, 1, 2, 3, 4].filter(other => other !== index).map(other => `from ${other}`)
    )
  }
})

test('what a hostile peer forges, changes, or plays again goes no further, and later ones do', async () => {
  await using honest = await agent()
  await using speaker = await agent()
  await using hostile = await bare()
  await using beyond = await bare()
  await connect(speaker, honest)
  await connect(hostile, honest)
  await connect(beyond, honest)
  await settled(speaker, () => hostile.seen.length > 0 && beyond.seen.length > 0)
  const [genuine] = hostile.seen as [Uint8Array]
  const before = beyond.seen.length

  const own = crypto.ed25519.generate()
  const { broadcast, signature } = SignedBroadcast.decode(genuine)
  const minutes = 60_000
  const bad: Record<string, Uint8Array> = {
    'in another name': SignedBroadcast.encode({
      broadcast,
      signature: Uint8Array.from(own.sign(broadcast)) as Uint8Array<ArrayBuffer>
    }),
    changed: Buffer.from(genuine).fill(0x41, genuine.length - 70, genuine.length - 66),
    nonsense: crypto.randomBytes(300),
    'too long': envelope(own, 'x'.repeat(MAX_CONTENT_LENGTH + 1)),
    'far too long': new Uint8Array(1024 * 1024),
    old: envelope(own, 'old', { timestamp: Date.now() - 6 * minutes }),
    'not yet': envelope(own, 'not yet', { timestamp: Date.now() + 6 * minutes }),
    'of another topic': envelope(own, 'elsewhere', { topic: 'traffic' }),
    'again in another wrapper': SignedBroadcast.encode({
      broadcast,
      signature: Buffer.concat([signature]) as Uint8Array<ArrayBuffer>
    })
  }
  bad['again in another wrapper'] = Buffer.concat([bad['again in another wrapper']!, Uint8Array.of(0x18, 1)])
  for (const data of Object.values(bad)) await hostile.send(data)
  // on the same stream as the bad ones: when it has arrived they were judged
  await hostile.send(envelope(own, 'genuine after all'))
  await honest.hears('genuine after all')
  await speaker.service.publish(TOPIC, bytes('second'))
  await honest.hears('second')
  await within(
    until(() => beyond.seen.length >= before + 2),
    'both beyond'
  )

  expect(spoken(honest.heard).sort()).toEqual(['genuine after all', 'second'])
  const probes = honest.heard.map(({ id }) => id)
  expect(new Set(probes).size).toBe(probes.length)
  expect(beyond.seen).toHaveLength(before + 2)
})

test('a flood of one sender is cut off at the first honest node', async () => {
  await using honest = await agent()
  await using hostile = await bare()
  await using beyond = await bare()
  await connect(hostile, honest)
  await connect(beyond, honest)
  await using speaker = await agent()
  await connect(speaker, honest)
  await settled(speaker, () => beyond.seen.length > 0)
  const [loud, other] = [crypto.ed25519.generate(), crypto.ed25519.generate()]
  for (let count = 0; count < 300; count++) await hostile.send(envelope(loud, `flood ${count}`))
  await hostile.send(envelope(other, 'another voice'))
  await honest.hears('another voice')
  await within(
    until(() => beyond.seen.some(data => text(data).includes('another voice'))),
    'it beyond'
  )
  // 60 at once, and 5 for each second that this took
  const flood = honest.heard.filter(({ content }) => text(content).startsWith('flood'))
  expect(flood.length).toBeGreaterThanOrEqual(60)
  expect(flood.length).toBeLessThan(200)
  expect(beyond.seen.length).toBeLessThanOrEqual(honest.heard.length)
})

test('agents that know only a server hear each other through it, more of them than a mesh has', async () => {
  await using server = await agent({ deaf: true, forward: {} })
  await using stack = new AsyncDisposableStack()
  const listeners = await Promise.all(Array.from({ length: 20 }, async () => stack.use(await agent())))
  for (const listener of listeners) await connect(listener, server)
  await using speaker = await agent({ deaf: true })
  await connect(speaker, server)
  // who does not listen may speak
  await within(
    until(() => server.service.topics()[0]?.peers === 20),
    'all listeners at the server'
  )
  await settled(speaker, () => listeners.every(({ heard }) => heard.length > 0))
  for (const [index, listener] of listeners.entries()) await listener.service.publish(TOPIC, bytes(`from ${index}`))
  await speaker.service.publish(TOPIC, bytes('from outside'))
  for (const [index, listener] of listeners.entries()) {
    await listener.hears('from outside')
    await listener.hears(`from ${(index + 1) % 20}`)
  }
  expect(server.heard).toEqual([])
  expect(speaker.heard).toEqual([])

  // and it stops when the last of them is gone
  for (const [index, listener] of listeners.entries()) {
    if (index % 2 === 0) listener.service.unsubscribe(TOPIC)
    else await listener.node.stop()
  }
  await within(
    until(() => server.service.topics().length === 0),
    'no topic left'
  )
})

test('a forwarder takes no more topics than it may, and a topic that waited when there is room', async () => {
  await using server = await agent({ deaf: true, forward: { maxTopics: 1, maxTopicsPerPeer: 2 } })
  await using one = await agent({ deaf: true })
  await connect(one, server)
  one.service.subscribe('first')
  await within(
    until(() => server.service.topics().length === 1),
    'the first topic'
  )
  for (const topic of ['second', 'third', '../etc']) {
    if (topic.startsWith('.')) expect(() => one.service.subscribe(topic)).toThrow()
    else one.service.subscribe(topic)
  }
  one.service.unsubscribe('first')
  await within(
    until(() => server.service.topics()[0]?.topic === 'second'),
    'the second in its place'
  )
  expect(server.service.topics()).toEqual([{ topic: 'second', peers: 1, forwarded: true }])
})

test('what cannot be said is refused before anything is sent', async () => {
  await using alone = await agent()
  const refusal = async (work: Promise<unknown>): Promise<unknown> => work.catch(error => error.code ?? error.name)
  expect(await refusal(alone.service.publish('no topic', bytes('x')))).toBe('BROADCAST_TOPIC_INVALID')
  expect(await refusal(alone.service.publish(TOPIC, new Uint8Array(MAX_CONTENT_LENGTH + 1)))).toBe(
    'BROADCAST_TOO_LARGE'
  )
  expect(await refusal(alone.service.publish(TOPIC, bytes('x'), { contentType: '\n' }))).toBe('BROADCAST_TYPE_INVALID')
  const aborted = AbortSignal.abort()
  expect(await refusal(alone.service.publish(TOPIC, bytes('x'), { signal: aborted }))).toBe(aborted.reason.code)
  expect(await refusal(alone.service.publish(TOPIC, bytes('x')))).toBe('BROADCAST_NOBODY')
  for (let topic = 1; topic < 32; topic++) alone.service.subscribe(`topic-${topic}`)
  expect(() => alone.service.subscribe('one-too-many')).toThrow(
    expect.objectContaining({ code: 'BROADCAST_TOO_MANY_TOPICS' })
  )
})

test('a node says no more than others would hear', async () => {
  await using one = await agent()
  await using two = await agent()
  await connect(one, two)
  await one.service.publish(TOPIC, bytes('short'))
  await one.service.publish(TOPIC, new Uint8Array(MAX_CONTENT_LENGTH))
  await one.service.publish(TOPIC, new Uint8Array(MAX_CONTENT_LENGTH))
  await one.service.publish(TOPIC, new Uint8Array(MAX_CONTENT_LENGTH))
  const more = (): Promise<unknown> => one.service.publish(TOPIC, new Uint8Array(MAX_CONTENT_LENGTH))
  await expect(more()).rejects.toMatchObject({ code: 'BROADCAST_RATE_LIMITED' })
})

/** gossipsub promises nothing to who has just connected: speaks until all who should have heard it once. */
async function settled(speaker: Node, heard: () => boolean): Promise<void> {
  await within(
    (async () => {
      for (let probe = 0; ; probe++) {
        await speaker.service.publish(TOPIC, bytes(`probe ${probe}`))
        const patience = AbortSignal.timeout(500)
        await until(() => heard() || patience.aborted)
        if (heard()) return
      }
    })(),
    'the mesh'
  )
}

const spoken = (heard: Broadcast[]): string[] =>
  heard.map(({ content }) => text(content)).filter(content => !content.startsWith('probe'))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}
