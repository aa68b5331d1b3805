import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { noise as libp2pNoise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux as libp2pYamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { noise } from '../../src/node/network/noise.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { startNode, within } from '../support/nodes.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const PROTOCOL = '/talos/test/1.0.0'
const MAX_FRAME = 4 * 1024 * 1024
const LISTEN = ['/ip4/127.0.0.1/tcp/0']

/** Around each length at which noise, its choice of cipher, or a window of yamux has a border. */
const LENGTHS = [0, 1, 1_150, 1_183, 1_184, 1_200, 16_384, 65_491, 65_507, 65_519, 65_536, 131_070, 262_144, 3_000_000]

/** A node of libp2p as it comes, with nothing of ours. */
async function plainNode(): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: LISTEN },
    transports: [tcp()],
    connectionEncrypters: [libp2pNoise()],
    streamMuxers: [libp2pYamux()]
  })
}

async function echo(stream: Stream): Promise<void> {
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
  try {
    for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) await frames.write(frame)
    await frames.close()
  } catch {
    // the other end sees it
  }
}

async function expectEcho(from: Libp2p, to: Libp2p): Promise<void> {
  await to.handle(PROTOCOL, stream => void echo(stream))
  const stream = await from.dialProtocol(to.getMultiaddrs(), PROTOCOL)
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
  const sent = LENGTHS.map(length => randomBytes(length))
  const writing = (async () => {
    for (const frame of sent) await frames.write(frame)
    await frames.close()
  })()
  for (const frame of sent) {
    const answer = await within(frames.read(), `the echo of ${frame.length} bytes`)
    expect(Buffer.compare(answer!, frame)).toBe(0)
  }
  expect(await within(frames.read(), 'the end')).toBeUndefined()
  await writing
}

test.each(['ours', 'theirs'])(
  'our noise and yamux and those of libp2p are the same on the wire, %s dials',
  async who => {
    await using ours = await startNode({ listen: LISTEN })
    const theirs = await plainNode()
    try {
      await (who === 'ours' ? expectEcho(ours, theirs) : expectEcho(theirs, ours))
    } finally {
      await theirs.stop()
    }
  }
)

test('a message costs no window update, and a window is filled up before it is used up', async () => {
  await using server = await startNode({ listen: LISTEN })
  await using client = await startNode({ listen: [] })
  const accepted = Promise.withResolvers<Stream>()
  await server.handle(PROTOCOL, stream => {
    accepted.resolve(stream)
    void echo(stream)
  })
  const stream = await client.dialProtocol(server.getMultiaddrs(), PROTOCOL)
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
  const round = async (length: number) => {
    await frames.write(randomBytes(length))
    await within(frames.read(), 'an echo')
  }
  await round(10)
  const updates = [stream, await accepted.promise].map(countWindowUpdates)
  for (let i = 0; i < 100; i++) await round(500)
  expect(updates.map(count => count())).toEqual([0, 0])
  await round(1_000_000)
  for (const count of updates) expect(count()).toBeGreaterThan(0)
})

function countWindowUpdates(stream: Stream): () => number {
  const muxed = stream as unknown as { sendFrame(header: { type: number }, body?: unknown): boolean }
  const sendFrame = muxed.sendFrame
  let count = 0
  muxed.sendFrame = (header, body) => {
    if (header.type === 1) count++
    return sendFrame(header, body)
  }
  return () => count
}

test.each([100, 200_000])('a changed byte on the wire ends the connection (%i bytes sent)', async length => {
  await using server = await startNode({ listen: LISTEN })
  await using client = await startNode({ listen: [] })
  let isHostile = false
  const target = server.getMultiaddrs()[0]!
  const wire = createServer(one => {
    const other = connect(Number(target.getComponents().find(({ name }) => name === 'tcp')!.value), '127.0.0.1')
    other.pipe(one)
    one.on('data', chunk => {
      if (isHostile) (chunk as Buffer)[chunk.length - 1]! ^= 1
      other.write(chunk)
    })
    for (const socket of [one, other]) socket.on('error', () => {}).on('close', () => one.destroy() && other.destroy())
  })
  wire.listen(0, '127.0.0.1')
  await once(wire, 'listening')
  await server.handle(PROTOCOL, stream => void echo(stream))
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${(wire.address() as AddressInfo).port}/p2p/${server.peerId}`)
  const stream = await client.dialProtocol(address, PROTOCOL)
  const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
  await frames.write(randomBytes(length))
  expect((await within(frames.read(), 'an echo'))!.length).toBe(length)
  isHostile = true
  void frames.write(randomBytes(length)).catch(() => {})
  // the end or a reset, as the way between makes of it; not the echo
  const end = frames.read().catch(() => undefined)
  expect(await within(end, 'the end of the connection')).toBeUndefined()
  expect(stream.status).not.toBe('open')
  wire.close()
})

test('what is given to a connection that is full is sealed at once: its memory can be used again', async () => {
  const [outbound, inbound] = multiaddrConnectionPair({ capacity: 1 })
  const party = async () => {
    const privateKey = await generateKeyPair('Ed25519')
    const upgrader = { getStreamMuxers: () => new Map() }
    const components = {
      privateKey,
      peerId: peerIdFromPrivateKey(privateKey),
      logger: { forComponent: () => outbound.log },
      upgrader
    }
    return noise()(components as unknown as Parameters<ReturnType<typeof noise>>[0])
  }
  const [dialer, listener] = [await party(), await party()]
  const options = { skipStreamMuxerNegotiation: true }
  const [{ connection: sender }, { connection: receiver }] = await Promise.all([
    dialer.secureOutbound(outbound, options),
    listener.secureInbound(inbound, options)
  ])
  const got: Buffer[] = []
  const all = Promise.withResolvers<void>()
  receiver.addEventListener('message', ({ data }) => {
    got.push(Buffer.from(data.subarray()))
    if (Buffer.concat(got).length === 10 * 70_000) all.resolve()
  })
  const memory = Buffer.alloc(70_000)
  let refused = 0
  for (let i = 0; i < 10; i++) {
    if (!sender.send(memory.fill(i))) refused++
    await new Promise(resolve => process.nextTick(resolve))
  }
  memory.fill(255)
  await within(all.promise, 'everything')
  expect(refused).toBeGreaterThan(1)
  const expected = Buffer.concat(Array.from({ length: 10 }, (_, i) => Buffer.alloc(70_000, i)))
  expect(Buffer.compare(Buffer.concat(got), expected)).toBe(0)
})

test('a connection that is stranded is closed as soon as another one would work', async () => {
  await using server = await startNode({ role: 'agent' })
  await using proxy = await TcpProxy.start()
  proxy.target = Number(server.getMultiaddrs()[0]!.toString().split('/')[4])
  await using node = await startNode()
  const through = multiaddr(`/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${server.peerId}`)
  const connection = await node.dial(through)
  const closed = once(connection, 'close')
  proxy.strand()
  await within(closed, 'the end of the stranded connection', 15_000)
  expect(connection.status).toBe('aborted')
  await expectEcho(node, server)
}, 20_000)
