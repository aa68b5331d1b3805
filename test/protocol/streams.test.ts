import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import zlib from 'node:zlib'
import type { Connection, PeerId } from '@libp2p/interface'
import { expect, onTestFinished, test, vi } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { encodeFrame, FrameStream, LinkScheduler, schedulerOf } from '../../src/protocols/framing/index.ts'
import { joinSecrets, type Sealer, streamSessions } from '../../src/protocols/sessions/index.ts'
import {
  CHUNK_COST,
  FRAME,
  MAX_BLOCK_LENGTH,
  MAX_FORGED,
  MAX_FRAME_LENGTH,
  SECRET_LABEL,
  STREAM_PROTOCOL
} from '../../src/protocols/streams/constants.ts'
import { contextOf } from '../../src/protocols/streams/handshake.ts'
import {
  type IncomingStream,
  type OutgoingStream,
  type StreamOffer,
  type Streams,
  type StreamsInit,
  streams
} from '../../src/protocols/streams/index.ts'
import {
  StreamAccept,
  StreamChunk,
  StreamCredit,
  StreamEnd,
  StreamFrame,
  StreamRefuse,
  StreamStart
} from '../../src/protocols/streams/pb/stream.ts'
import { startAgent, type TestAgent } from '../support/agents.ts'
import { within } from '../support/within.ts'

type Agent = TestAgent<{ streams: Streams }>
const WINDOW = 512 * 1024

/** Two agents with sessions of their own; `alice` opens streams to `bob`, who accepts all unless told otherwise. */
async function pair(init: Partial<StreamsInit> = {}, ofAlice: Partial<StreamsInit> = {}) {
  const agents: Agent[] = []
  const connect = async (self: () => Agent, peer: PeerId, signal: AbortSignal): Promise<Connection> => {
    const other = agents.find(({ node }) => node.peerId.equals(peer))
    return self().node.dial(other!.node.getMultiaddrs(), { signal })
  }
  const start = async (own: Partial<StreamsInit>): Promise<Agent> => {
    const agent: Agent = await startAgent<{ streams: Streams }>({
      services: sessions => ({
        streams: streams({
          crypto,
          sessions,
          connect: (peer, signal) => connect(() => agent, peer, signal),
          accept: () => true,
          ...own
        })
      })
    })
    agents.push(agent)
    return agent
  }
  const [alice, bob] = [await start(ofAlice), await start(init)]
  const accepted: IncomingStream[] = []
  const waiting: Array<(stream: IncomingStream) => void> = []
  bob.node.services.streams.addEventListener('stream', ({ detail }) => {
    const next = waiting.shift()
    if (next === undefined) accepted.push(detail)
    else next(detail)
  })
  return {
    alice,
    bob,
    open: (options = {}) => alice.node.services.streams.open(bob.node.peerId, options),
    incoming: (): Promise<IncomingStream> =>
      within(
        new Promise<IncomingStream>(resolve => {
          const stream = accepted.shift()
          if (stream === undefined) waiting.push(resolve)
          else resolve(stream)
        }),
        'a stream'
      ),
    /** Both at once: with a stream at either end. */
    both: async function (options = {}): Promise<[OutgoingStream, IncomingStream]> {
      return Promise.all([this.open(options), this.incoming()])
    },
    [Symbol.asyncDispose]: async () => {
      await alice[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
    }
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const blocks: Uint8Array[] = []
  for await (const block of stream) blocks.push(block)
  return Buffer.concat(blocks)
}

/** What arrives before the stream fails, and the failure. */
async function readUntilError(stream: AsyncIterable<Uint8Array>): Promise<{ bytes: Uint8Array; error: unknown }> {
  const blocks: Uint8Array[] = []
  try {
    for await (const block of stream) blocks.push(block)
  } catch (error) {
    return { bytes: Buffer.concat(blocks), error }
  }
  throw new Error('the stream ended')
}

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  within(
    work.then(
      () => 'no failure',
      error => error.code ?? error
    ),
    'a failure'
  )

for (const codec of ['identity', 'zstd']) {
  test(`bytes of any length arrive whole and in order, by ${codec}`, async () => {
    await using p = await pair()
    const [outgoing, incoming] = await p.both({ codec, priority: 'bulk', label: 'a test' })
    expect(incoming).toMatchObject({ codec, priority: 'bulk', label: 'a test' })
    expect(incoming.peer.equals(p.alice.node.peerId)).toBe(true)
    const parts = [1, 0, 63_999, 64_000, 64_001, 300_000, 2_000_000, 5].map((length, index) =>
      index % 2 === 0 ? randomBytes(length) : Buffer.alloc(length, 'talk ')
    )
    const read = readAll(incoming)
    for (const part of parts) void outgoing.write(part)
    await outgoing.end()
    expect(Buffer.compare(await read, Buffer.concat(parts))).toBe(0)
    expect(await failure(outgoing.write(Buffer.from('more')))).toBe('STREAM_ENDED')
    await within(quiet(p.alice, p.bob), 'nothing left')
  })
}

test('nothing is accepted unless the application does, and it is told what is offered', async () => {
  await using silent = await pair({ accept: undefined } as unknown as Partial<StreamsInit>)
  expect(await failure(silent.open())).toBe('STREAM_NOT_ACCEPTED')
  const offers: StreamOffer[] = []
  await using p = await pair({
    accept: async offer => {
      offers.push(offer)
      if (offer.label === 'broken') throw new Error('no decision')
      return offer.label === 'welcome'
    }
  })
  expect(await failure(p.open({ label: 'unwelcome', codec: 'zstd', priority: 'control' }))).toBe('STREAM_NOT_ACCEPTED')
  expect(await failure(p.open({ label: 'broken' }))).toBe('STREAM_NOT_ACCEPTED')
  const [outgoing, incoming] = await p.both({ label: 'welcome' })
  await outgoing.end()
  expect(await readAll(incoming)).toHaveLength(0)
  expect(offers[0]).toMatchObject({ label: 'unwelcome', codec: 'zstd', priority: 'control' })
  expect(await failure(p.open({ label: 'a\nb' }))).toBe('STREAM_LABEL_INVALID')
  expect(await failure(p.open({ label: 'x'.repeat(257) }))).toBe('STREAM_LABEL_INVALID')
  expect(offers).toHaveLength(3)
})

test('a decision that is not waited for any more is told so', async () => {
  const asked = Promise.withResolvers<StreamOffer>()
  await using p = await pair({
    accept: offer => {
      asked.resolve(offer)
      return new Promise<boolean>(() => {})
    }
  })
  const abort = new AbortController()
  const opening = p.open({ signal: abort.signal })
  const offer = await within(asked.promise, 'the offer')
  abort.abort(new Error('changed my mind'))
  await expect(opening).rejects.toThrow('changed my mind')
  if (!offer.signal.aborted) await within(once(offer.signal, 'abort'), 'the end of the offer')
  await within(quiet(p.alice, p.bob), 'nothing left')
})

test('a reader that takes nothing stops the writer at its window, and lets it go on', async () => {
  await using p = await pair()
  const [outgoing, incoming] = await p.both()
  const [other, besides] = await p.both()
  let written = 0
  const blocks = 40
  const all = (async () => {
    for (let block = 0; block < blocks; block++) {
      await outgoing.write(randomBytes(MAX_BLOCK_LENGTH))
      written++
    }
    await outgoing.end()
  })()
  // a stream beside it goes on meanwhile, further than a window
  const read = readAll(besides)
  await other.write(randomBytes(3 * WINDOW))
  await other.end()
  expect(await read).toHaveLength(3 * WINDOW)
  expect(written).toBe(Math.floor(WINDOW / (MAX_BLOCK_LENGTH + CHUNK_COST)))
  expect(await readAll(incoming)).toHaveLength(blocks * MAX_BLOCK_LENGTH)
  await all
})

test('streams on one link share it: neither gets far ahead', async () => {
  await using p = await pair()
  const arrivals: string[] = []
  const stream = async (name: string): Promise<void> => {
    const [outgoing, incoming] = await p.both({ label: name })
    const reading = (async () => {
      for await (const _ of incoming) arrivals.push(incoming.label)
    })()
    started.push(async () => {
      for (let block = 0; block < 150; block++) await outgoing.write(randomBytes(MAX_BLOCK_LENGTH))
      await outgoing.end()
      await reading
    })
  }
  const started: Array<() => Promise<void>> = []
  await stream('one')
  await stream('two')
  await within(Promise.all(started.map(start => start())), 'both', 20_000)
  let lead = 0
  let furthest = 0
  for (const name of arrivals.slice(0, 200)) {
    lead += name === 'one' ? 1 : -1
    furthest = Math.max(furthest, Math.abs(lead))
  }
  // no more than two windows' worth of blocks
  expect(furthest).toBeLessThanOrEqual(16)
})

test('100 streams at once, each with its own bytes, and a limit above them that is said', async () => {
  await using p = await pair({ limits: { maxStreamsPerPeer: 100 } })
  // a connection takes 10 streams before it is known to be whole (libp2p's maxEarlyStreams)
  await p.alice.node.services.ping.ping(p.bob.node.getMultiaddrs())
  const contents = Array.from({ length: 100 }, () => randomBytes(10_000 + (randomBytes(2).readUInt16LE() % 90_000)))
  const received = new Map<string, Promise<Uint8Array>>()
  p.bob.node.services.streams.addEventListener('stream', ({ detail }) => {
    if (!received.has(detail.label)) received.set(detail.label, readAll(detail))
  })
  const outgoing = await within(Promise.all(contents.map((_, index) => p.open({ label: `${index}` }))), '100', 25_000)
  expect(await failure(p.open())).toBe('STREAM_BUSY')
  await Promise.all(
    outgoing.map(async (stream, index) => {
      await stream.write(contents[index]!)
      await stream.end()
    })
  )
  for (const [index, content] of contents.entries()) {
    expect(Buffer.compare(await received.get(`${index}`)!, content)).toBe(0)
  }
  await within(quiet(p.alice, p.bob), 'nothing left')
}, 60_000)

test('an end, an abort of either side, and a broken link are told apart at both', async () => {
  await using p = await pair()
  const [ended, whole] = await p.both()
  await ended.end()
  expect(await readAll(whole)).toHaveLength(0)

  const [given, cut] = await p.both()
  await given.write(Buffer.from('so far'))
  await given.abort('no more')
  const { bytes, error } = await readUntilError(cut)
  expect(Buffer.from(bytes).toString()).toBe('so far')
  expect(error).toMatchObject({ code: 'STREAM_ABORTED', message: 'the other side gave the stream up: no more' })
  expect(await failure(given.write(Buffer.from('x')))).toBe('STREAM_ABORTED')

  const [refusedLater, unwanted] = await p.both()
  await unwanted.abort('\u001b[2Jboring')
  const writes = (async () => {
    for (;;) await refusedLater.write(randomBytes(MAX_BLOCK_LENGTH))
  })()
  await expect(within(writes, 'the abort')).rejects.toMatchObject({
    code: 'STREAM_ABORTED',
    message: 'the other side gave the stream up: ?[2Jboring'
  })

  const [left, leaving] = await p.both()
  await left.write(Buffer.from('a'))
  for await (const _ of leaving) break
  expect(await failure(left.end())).toBe('STREAM_ABORTED')

  const [broken, alsoBroken] = await p.both()
  await broken.write(Buffer.from('before'))
  for (const connection of p.alice.node.getConnections()) connection.abort(new Error('cut'))
  expect((await readUntilError(alsoBroken)).error).toMatchObject({ code: 'STREAM_BROKEN' })
  expect(await failure(broken.end())).toBe('STREAM_BROKEN')
  await within(quiet(p.alice, p.bob), 'nothing left')
})

test('a write that is aborted aborts the stream, and disposing of an unfinished one does', async () => {
  await using p = await pair()
  const [outgoing, incoming] = await p.both()
  const abort = new AbortController()
  const never = new AbortController()
  const long = outgoing.write(randomBytes(2 * WINDOW), abort.signal)
  const queued = outgoing.write(Buffer.from('not sent'), never.signal)
  never.abort(new Error('never mind'))
  const blocks = incoming[Symbol.asyncIterator]()
  // it has begun, and cannot be finished
  expect((await blocks.next()).value).toHaveLength(MAX_BLOCK_LENGTH)
  abort.abort(new Error('enough'))
  await expect(long).rejects.toThrow('enough')
  await expect(queued).rejects.toThrow()
  await blocks.return?.()
  expect(await failure(outgoing.write(Buffer.from('x')))).toBe('STREAM_ABORTED')

  const [goesOn, whole] = await p.both()
  await expect(goesOn.write(Buffer.from('not sent'), never.signal)).rejects.toThrow('never mind')
  await goesOn.write(Buffer.from('sent'))
  await goesOn.end()
  expect(Buffer.from(await readAll(whole)).toString()).toBe('sent')

  const unfinished = await (async () => {
    await using another = await p.open()
    await another.write(Buffer.from('half'))
    return p.incoming()
  })()
  expect((await readUntilError(unfinished)).error).toMatchObject({ code: 'STREAM_ABORTED' })
})

test('a node that stops says so to both ends of its streams', async () => {
  await using p = await pair()
  const [outgoing, incoming] = await p.both()
  await outgoing.write(Buffer.from('last'))
  const reading = readUntilError(incoming)
  await p.alice.node.stop()
  expect((await within(reading, 'the end')).error).toMatchObject({
    code: 'STREAM_ABORTED',
    message: 'the other side gave the stream up: it is shutting down'
  })
  expect(await failure(outgoing.write(Buffer.from('x')))).toBe('STREAM_ABORTED')
})

test('a reader that lost its sessions gets the stream after one more handshake', async () => {
  await using p = await pair()
  const [first] = await p.both()
  await first.end()
  await p.bob.forget()
  const [second, incoming] = await p.both()
  await second.write(Buffer.from('again'))
  await second.end()
  expect(Buffer.from(await readAll(incoming)).toString()).toBe('again')
})

test('a codec is known to both sides or the stream is not opened; one of the application works', async () => {
  const flip = (block: Uint8Array): Uint8Array => block.map(byte => byte ^ 0xff)
  const own = { name: 'flip', encoder: () => flip, decoder: () => flip }
  await using p = await pair({}, { codecs: [own] })
  expect(await failure(p.open({ codec: 'opus' }))).toBe('STREAM_CODEC_UNKNOWN')
  expect(await failure(p.open({ codec: 'flip' }))).toBe('STREAM_CODEC_UNKNOWN')
  await using q = await pair({ codecs: [own] }, { codecs: [own] })
  const [outgoing, incoming] = await q.both({ codec: 'flip' })
  await outgoing.write(Buffer.from('inside out'))
  await outgoing.end()
  expect(Buffer.from(await readAll(incoming)).toString()).toBe('inside out')
})

test('a codec that fails, or makes too much, ends the stream with its name', async () => {
  const codecs = [
    { name: 'fails', encoder: () => () => Promise.reject(new Error('no')), decoder: () => (x: Uint8Array) => x },
    { name: 'grows', encoder: () => () => new Uint8Array(70_000), decoder: () => (x: Uint8Array) => x },
    { name: 'explodes', encoder: () => (x: Uint8Array) => x, decoder: () => () => new Uint8Array(64_001) }
  ]
  await using p = await pair({ codecs }, { codecs })
  for (const codec of ['fails', 'grows']) {
    const [outgoing, incoming] = await p.both({ codec })
    expect(await failure(outgoing.write(Buffer.from('x')))).toBe('STREAM_CODEC_FAILED')
    expect((await readUntilError(incoming)).error).toMatchObject({ code: 'STREAM_ABORTED' })
  }
  const [outgoing, incoming] = await p.both({ codec: 'explodes' })
  await outgoing.write(Buffer.from('x'))
  expect((await readUntilError(incoming)).error).toMatchObject({ code: 'STREAM_CODEC_FAILED' })
  expect(await failure(outgoing.end())).toBe('STREAM_ABORTED')
})

// ---- a peer that speaks the protocol by hand, to break it

/** Opens a stream to bob from alice's node, and hands out its keys. */
async function byHand(p: Awaited<ReturnType<typeof pair>>, changes: Partial<StreamStart> = {}) {
  const connection = await p.alice.node.dial(p.bob.node.getMultiaddrs())
  const frames = new FrameStream(await connection.newStream(STREAM_PROTOCOL), { maxFrameLength: MAX_FRAME_LENGTH })
  const signal = AbortSignal.timeout(10_000)
  const [streamId, secret] = [randomBytes(16), randomBytes(32)]
  const start = StreamStart.encode({ streamId, secret, codec: 'zstd', priority: 3, label: '', ...changes })
  await frames.write(encodeFrame(FRAME.start, await p.alice.sessions.seal(connection, start, signal)))
  const answer = StreamFrame.decode((await within(frames.read(), 'the answer'))!)
  if (answer.type === FRAME.refuse) return { refused: StreamRefuse.decode(answer.body).reason }
  const { plaintext } = await p.alice.sessions.open(p.bob.node.peerId, answer.body)
  const accept = StreamAccept.decode(plaintext)
  const context = contextOf(p.alice.node.peerId, p.bob.node.peerId, streamId)
  const joined = joinSecrets(SECRET_LABEL, secret, accept.secret)
  const sealer = streamSessions(crypto).initiate(joined, context, accept.ratchetKey)
  return { frames, sealer, incoming: await p.incoming() }
}

type Hand = { frames: FrameStream; sealer: Sealer; incoming: IncomingStream }

function sealed(sealer: Sealer, type: number, body: Uint8Array, inside = type): Uint8Array {
  return encodeFrame(type, sealer.seal(Buffer.concat([Uint8Array.of(inside), body]))).subarray()
}

const chunk = (number: number, block: Uint8Array): Uint8Array =>
  StreamChunk.encode({ number, block: Uint8Array.from(block) })
const zstd = (bytes: Uint8Array): Uint8Array => zlib.zstdCompressSync(bytes)
const end = (chunks: number): Uint8Array => StreamEnd.encode({ code: '', message: '', chunks })

test('forged, replayed and garbled frames are dropped, and the stream is whole; a flood of them ends it', async () => {
  await using p = await pair()
  const hand = (await byHand(p)) as Hand
  const first = sealed(hand.sealer, FRAME.chunk, chunk(1, zstd(Buffer.from('one '))))
  await hand.frames.write(first)
  for (let count = 0; count < MAX_FORGED / 4; count++) {
    await hand.frames.write(first)
    await hand.frames.write(encodeFrame(FRAME.chunk, randomBytes(200)))
    await hand.frames.write(randomBytes(40))
    await hand.frames.write(sealed(hand.sealer, FRAME.chunk, end(1), FRAME.end))
  }
  await hand.frames.write(sealed(hand.sealer, FRAME.chunk, chunk(2, zstd(Buffer.from('two')))))
  await hand.frames.write(sealed(hand.sealer, FRAME.end, end(2)))
  expect(Buffer.from(await readAll(hand.incoming)).toString()).toBe('one two')

  const flood = (await byHand(p)) as Hand
  for (let count = 0; count <= MAX_FORGED; count++) await flood.frames.write(encodeFrame(FRAME.chunk, randomBytes(200)))
  expect((await readUntilError(flood.incoming)).error).toMatchObject({ code: 'STREAM_PROTOCOL' })
})

test('chunks that are missing, reordered, or fewer than said end the stream with an error', async () => {
  await using p = await pair()
  const bad: Record<string, (hand: Hand) => Uint8Array[]> = {
    reordered: ({ sealer }) => {
      const [one, two] = [1, 2].map(number => sealed(sealer, FRAME.chunk, chunk(number, zstd(Buffer.from('x')))))
      return [two!, one!]
    },
    'one left out': ({ sealer }) => [1, 3].map(n => sealed(sealer, FRAME.chunk, chunk(n, zstd(Buffer.from('x'))))),
    'an end that came early': ({ sealer }) => [sealed(sealer, FRAME.end, end(1))],
    'a frame that a writer does not send': ({ sealer }) => [
      sealed(sealer, FRAME.credit, StreamCredit.encode({ taken: 0 }))
    ],
    'nonsense, well sealed': ({ sealer }) => [sealed(sealer, FRAME.chunk, Uint8Array.of(0x0a, 0xff))],
    'an empty block': ({ sealer }) => [sealed(sealer, FRAME.chunk, chunk(1, zstd(new Uint8Array())))]
  }
  for (const [name, frames] of Object.entries(bad)) {
    const hand = (await byHand(p)) as Hand
    for (const frame of frames(hand)) await hand.frames.write(frame)
    const { error } = await within(readUntilError(hand.incoming), name)
    expect((error as { code: string }).code, name).toMatch(/^STREAM_(PROTOCOL|CODEC_FAILED)$/)
  }
  const cut = (await byHand(p)) as Hand
  await cut.frames.write(sealed(cut.sealer, FRAME.chunk, chunk(1, zstd(Buffer.from('x')))))
  await cut.frames.close()
  expect((await readUntilError(cut.incoming)).error).toMatchObject({ code: 'STREAM_BROKEN' })
})

test('a zip bomb is no larger than a block, nor is what its window asks for', async () => {
  await using p = await pair()
  const bombs: Record<string, Uint8Array> = {
    'a gigabyte of zeros': zlib.zstdCompressSync(new Uint8Array(256 * 1024 * 1024)),
    'one byte too many': zstd(new Uint8Array(MAX_BLOCK_LENGTH + 1)),
    'a window of 128 MiB': await wideWindow(),
    'cut off': zstd(randomBytes(1_000)).subarray(0, 500),
    'not zstd': randomBytes(1_000)
  }
  for (const [name, bomb] of Object.entries(bombs)) {
    const hand = (await byHand(p)) as Hand
    expect(bomb.byteLength, name).toBeLessThan(64_512)
    await hand.frames.write(sealed(hand.sealer, FRAME.chunk, chunk(1, bomb)))
    const { bytes, error } = await within(readUntilError(hand.incoming), name)
    expect((error as { code: string }).code, name).toBe('STREAM_CODEC_FAILED')
    expect(bytes, name).toHaveLength(0)
  }
  const most = (await byHand(p)) as Hand
  await most.frames.write(sealed(most.sealer, FRAME.chunk, chunk(1, zstd(new Uint8Array(MAX_BLOCK_LENGTH)))))
  await most.frames.write(sealed(most.sealer, FRAME.end, end(1)))
  expect(await readAll(most.incoming)).toHaveLength(MAX_BLOCK_LENGTH)
})

test('a writer that does not keep to the window is cut off', async () => {
  await using p = await pair()
  const hand = (await byHand(p)) as Hand
  const block = zstd(new Uint8Array(MAX_BLOCK_LENGTH))
  for (let number = 1; number <= 9; number++) {
    await hand.frames.write(sealed(hand.sealer, FRAME.chunk, chunk(number, block)))
  }
  // it ends without anything having been taken
  const last = await within(hand.frames.readAll(), 'its last word')
  const { type, body } = StreamFrame.decode(last!.at(-1)!)
  expect(type).toBe(FRAME.end)
  expect(StreamEnd.decode(hand.sealer.open(body).subarray(1)).code).toBe('STREAM_ABORTED')
  expect((await readUntilError(hand.incoming)).error).toMatchObject({ code: 'STREAM_PROTOCOL' })
})

test('a reader that claims to have taken what was never sent, or confirms an end that was not, is not believed', async () => {
  await using p = await pair()
  const lies: Record<string, (sealer: Sealer) => Uint8Array> = {
    credit: sealer => sealed(sealer, FRAME.credit, StreamCredit.encode({ taken: 2 ** 40 })),
    end: sealer => sealed(sealer, FRAME.end, end(0)),
    chunk: sealer => sealed(sealer, FRAME.chunk, chunk(1, Buffer.from('x')))
  }
  await p.bob.node.unhandle(STREAM_PROTOCOL)
  let lie: ((sealer: Sealer) => Uint8Array) | undefined
  await p.bob.node.handle(STREAM_PROTOCOL, async (stream, connection) => {
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    const { plaintext } = await p.bob.sessions.open(
      connection.remotePeer,
      StreamFrame.decode((await frames.read())!).body
    )
    const start = StreamStart.decode(plaintext)
    const [secret, responder] = [randomBytes(32), streamSessions(crypto).respond()]
    const accept = StreamAccept.encode({
      streamId: start.streamId,
      secret,
      ratchetKey: Uint8Array.from(responder.ratchetKey),
      window: WINDOW
    })
    const message = await p.bob.sessions.seal(connection, accept, AbortSignal.timeout(5_000))
    const context = contextOf(connection.remotePeer, p.bob.node.peerId, start.streamId)
    const sealer = responder.session(joinSecrets(SECRET_LABEL, start.secret, secret), context)
    await frames.write(encodeFrame(FRAME.accept, message))
    await frames.write(lie!(sealer))
  })
  for (const [name, one] of Object.entries(lies)) {
    lie = one
    const outgoing = await p.open()
    const writing = (async () => {
      for (;;) await outgoing.write(randomBytes(100))
    })()
    expect(await failure(writing), name).toBe('STREAM_PROTOCOL')
  }
})

test('what cannot begin a stream is refused', async () => {
  await using p = await pair()
  expect(await byHand(p, { codec: 'opus' })).toEqual({ refused: 3 })
  for (const changes of [
    { priority: 0 },
    { priority: 4 },
    { streamId: new Uint8Array(15) },
    { secret: new Uint8Array(31) },
    { label: 'a\u202eb' }
  ]) {
    expect(await byHand(p, changes), JSON.stringify(changes)).toEqual({ refused: 5 })
  }
  for (const frame of [randomBytes(40), encodeFrame(FRAME.chunk, randomBytes(40)), encodeFrame(99, randomBytes(4))]) {
    const connection = await p.alice.node.dial(p.bob.node.getMultiaddrs())
    const frames = new FrameStream(await connection.newStream(STREAM_PROTOCOL), { maxFrameLength: MAX_FRAME_LENGTH })
    await frames.write(frame)
    const answer = StreamFrame.decode((await within(frames.read(), 'the refusal'))!)
    expect(answer.type).toBe(FRAME.refuse)
    await frames.close()
  }
  await within(quiet(p.alice, p.bob), 'nothing left')
})

test('each chunk waits for its turn at the scheduler of its connection', async () => {
  await using p = await pair()
  const turns = vi.spyOn(LinkScheduler.prototype, 'run')
  onTestFinished(() => turns.mockRestore())
  const [outgoing, incoming] = await p.both({ priority: 'bulk' })
  const reading = readAll(incoming)
  for (let count = 0; count < 5; count++) await outgoing.write(randomBytes(MAX_BLOCK_LENGTH))
  await outgoing.end()
  await reading
  const connections = p.alice.node.getConnections(p.bob.node.peerId)
  const ofThis = turns.mock.contexts.flatMap((scheduler, at) =>
    connections.some(connection => scheduler === schedulerOf(connection)) ? [turns.mock.calls[at]![0]] : []
  )
  expect(ofThis.filter(priority => priority === 'bulk').length).toBeGreaterThanOrEqual(5)
})

/** A short frame that claims to need 128 MiB: its writer did not know yet how much would come. */
async function wideWindow(): Promise<Uint8Array> {
  const compress = zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_windowLog]: 27 } })
  const whole = readAll(compress)
  compress.write(randomBytes(1_000))
  await new Promise<void>(resolve => compress.flush(resolve))
  compress.end(randomBytes(1_000))
  return whole
}

/** Both agents have let go of all streams. */
async function quiet(...agents: Agent[]): Promise<void> {
  while (agents.some(({ node }) => node.services.streams.count > 0))
    await new Promise(resolve => setTimeout(resolve, 5))
}
