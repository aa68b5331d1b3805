import { createHash, randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { expect, test } from 'vitest'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { startNode, within } from '../support/nodes.ts'

const PROTOCOL = '/talos/test/1.0.0'

/** Two connected nodes and both ends of one stream between them. */
async function streamBetween(maxFrameLength = 1024 * 1024, listen = '/ip4/127.0.0.1/tcp/0') {
  const server = await startNode({ listen: [listen] })
  const client = await startNode({ listen: [] })
  const inbound = Promise.withResolvers<Stream>()
  await server.handle(PROTOCOL, stream => inbound.resolve(stream))
  const outbound = await client.dialProtocol(server.getMultiaddrs(), PROTOCOL)
  return {
    outbound,
    sender: new FrameStream(outbound, { maxFrameLength }),
    receiver: new FrameStream(await inbound.promise, { maxFrameLength }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([client.stop(), server.stop()])
    }
  }
}

test.each(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])(
  'frames arrive whole and in order over %s',
  async listen => {
    await using pair = await streamBetween(1024 * 1024, listen)
    const sent = [0, 1, 127, 128, 16_384, 65_507, 65_536, 1024 * 1024].map(length => randomBytes(length))
    const writing = (async () => {
      for (const frame of sent) await pair.sender.write(frame)
      await pair.sender.close()
    })()
    for (const frame of sent) expect(Buffer.compare((await pair.receiver.read())!, frame)).toBe(0)
    expect(await within(pair.receiver.read(), 'the end')).toBeUndefined()
    await writing
  }
)

test('a slow reader holds the sender back instead of filling memory or losing the stream', async () => {
  await using pair = await streamBetween()
  const frame = randomBytes(64 * 1024)
  const count = 1024 // 64 MiB, far above every buffer
  let written = 0
  const stalled = Promise.withResolvers<void>()
  const writing = (async () => {
    for (let i = 0; i < count; i++) {
      const room = pair.sender.write(frame)
      const waits = await Promise.race([
        room.then(() => false),
        new Promise<true>(resolve => setTimeout(resolve, 500, true))
      ])
      if (waits) stalled.resolve()
      await room
      written++
    }
    await pair.sender.close()
  })()
  await within(stalled.promise, 'the sender to be held back', 20_000)
  expect(written * frame.length).toBeLessThan(24 * 1024 * 1024)

  const hash = createHash('sha256')
  let received = 0
  for (let next = await pair.receiver.read(); next !== undefined; next = await pair.receiver.read()) {
    hash.update(next)
    received++
  }
  await writing
  expect(received).toBe(count)
  const expected = createHash('sha256')
  for (let i = 0; i < count; i++) expected.update(frame)
  expect(hash.digest('hex')).toBe(expected.digest('hex'))
}, 60_000)

test('an announced length above the limit is refused before it is allocated, and the stream is reset', async () => {
  await using pair = await streamBetween(1_000)
  pair.outbound.send(Uint8Array.from([0xff, 0xff, 0xff, 0x7f]))
  await expect(within(pair.receiver.read(), 'the refusal')).rejects.toMatchObject({ code: 'NETWORK_FRAME_TOO_LARGE' })
  await expect(within(pair.sender.read(), 'the reset')).rejects.toMatchObject({ code: 'NETWORK_STREAM_CLOSED' })
})

test.each([
  ['an over-long length', [0x80, 0x80, 0x80, 0x80, 0x01]],
  ['a length that is not minimal', [0x81, 0x00, 0x01]]
])('%s is malformed', async (_, bytes) => {
  await using pair = await streamBetween()
  pair.outbound.send(Uint8Array.from(bytes))
  await expect(within(pair.receiver.read(), 'the refusal')).rejects.toMatchObject({ code: 'NETWORK_FRAME_MALFORMED' })
})

test('a stream that ends in the middle of a frame is an error, not an end', async () => {
  await using pair = await streamBetween()
  pair.outbound.send(Uint8Array.from([10, 1, 2, 3]))
  await pair.outbound.close()
  await expect(within(pair.receiver.read(), 'the error')).rejects.toMatchObject({ code: 'NETWORK_FRAME_MALFORMED' })
})

test('a reset by the other side ends a waiting read and a waiting write', async () => {
  await using pair = await streamBetween()
  const reading = pair.sender.read()
  const writing = (async () => {
    for (;;) await pair.sender.write(new Uint8Array(256 * 1024))
  })()
  pair.receiver.abort(new Error('enough'))
  await expect(within(reading, 'the read to end')).rejects.toMatchObject({ code: 'NETWORK_STREAM_CLOSED' })
  await expect(within(writing, 'the write to end')).rejects.toMatchObject({ code: 'NETWORK_STREAM_CLOSED' })
})

test('a read can be given up', async () => {
  await using pair = await streamBetween()
  const controller = new AbortController()
  const reading = pair.sender.read(controller.signal)
  controller.abort(new Error('no longer wanted'))
  await expect(reading).rejects.toThrow('no longer wanted')
})
