import { createHash, randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { expect, test } from 'vitest'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { startNode, within } from '../support/nodes.ts'

const PROTOCOL = '/talos/test/1.0.0'

/** Two connected nodes and both ends of one stream between them. */
async function streamBetween(maxFrameLength = 1024 * 1024, listen = '/ip4/127.0.0.1/tcp/0') {
  const server = await startNode({ role: 'agent', listen: [listen] })
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

/** Sends until nothing leaves any more, or `most` bytes have gone. */
async function flood(stream: Stream, piece: Uint8Array, most: number): Promise<number> {
  let sent = 0
  for (let stuck = 0; sent < most && stuck < 50; ) {
    if (stream.writeBufferLength < 1024 * 1024) {
      stream.send(piece)
      sent += piece.byteLength
      stuck = 0
      await new Promise(resolve => setImmediate(resolve))
    } else {
      stuck++
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
  return sent
}

test('empty frames that nobody reads fill no memory: they hold the sender back like others', async () => {
  await using pair = await streamBetween()
  expect(await flood(pair.outbound, new Uint8Array(64 * 1024), 32 * 1024 * 1024)).toBeLessThan(16 * 1024 * 1024)
  for (let i = 0; i < 100_000; i++) expect((await pair.receiver.read())!.byteLength).toBe(0)
}, 30_000)

test('a frame that comes in thousands of pieces is whole, and so is the one after it', async () => {
  await using pair = await streamBetween()
  const frame = randomBytes(3_000)
  for (const byte of [0xb8, 0x17, ...frame, 3, 1, 2, 3]) {
    pair.outbound.send(Uint8Array.of(byte))
    if (byte % 16 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  expect(Buffer.compare((await within(pair.receiver.read(), 'the frame'))!, frame)).toBe(0)
  expect([...(await within(pair.receiver.read(), 'the next'))!]).toEqual([1, 2, 3])
}, 30_000)

test('after finish() nothing is held of what the other side still sends, and its end frees the stream', async () => {
  await using pair = await streamBetween()
  await pair.receiver.finish(AbortSignal.timeout(5_000))
  const most = 16 * 1024 * 1024
  expect(await flood(pair.outbound, randomBytes(64 * 1024), most)).toBe(most)
  const closed = new Promise(resolve => pair.receiver.stream.addEventListener('close', resolve))
  await pair.outbound.close()
  await within(closed, 'the stream to be free')
  expect(await pair.receiver.read()).toBeUndefined()
}, 30_000)

test.each(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])(
  'the memory of what was flushed can be used again, with other streams crowding the connection, over %s',
  async listen => {
    await using server = await startNode({ role: 'agent', listen: [listen] })
    await using client = await startNode({ listen: [] })
    const mistakes: number[] = []
    const read = Promise.withResolvers<void>()
    let open = 4
    await server.handle(PROTOCOL, async stream => {
      const frames = new FrameStream(stream, { maxFrameLength: 300_000 })
      for (let i = 0; ; i++) {
        const pieces = await frames.readPieces()
        if (pieces === undefined) break
        const whole = pieces.subarray()
        if (Buffer.compare(whole, Buffer.alloc(whole.length, i % 251)) !== 0) mistakes.push(i)
      }
      if (--open === 0) read.resolve()
    })
    const connection = await client.dial(server.getMultiaddrs())
    const write = async (length: number): Promise<void> => {
      const frames = new FrameStream(await connection.newStream(PROTOCOL), { maxFrameLength: 300_000 })
      const memory = new Uint8Array(length)
      for (let i = 0; i < 100; i++) {
        await frames.write(memory.fill(i % 251))
        await frames.flushed()
        memory.fill(255)
      }
      await frames.close()
    }
    await Promise.all([write(262_064), write(200_000), write(262_064), write(70_000)])
    await within(read.promise, 'all frames')
    expect(mistakes).toEqual([])
  }
)
