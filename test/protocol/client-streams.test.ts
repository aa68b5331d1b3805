import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { type StreamCodec, TalosClient, TalosError } from '../../src/index.ts'
import { MAX_UNANSWERED } from '../../src/node/control/stream-parts.ts'
import { DEFAULT_WINDOW, MAX_BLOCK_LENGTH } from '../../src/protocols/streams/constants.ts'
import { clients } from '../support/clients.ts'
import { within } from '../support/within.ts'

test('a stream goes to who accepts it, and to nobody while nobody decides', { timeout: 90_000 }, async () => {
  const { all } = await clients('Alice', 'Bob')
  const [alice, bob] = [all[0]!, all[1]!]
  await expect(alice.openStream(bob.peerId)).rejects.toMatchObject({ code: 'STREAM_NOT_ACCEPTED' })

  const stop = new AbortController()
  const offers = bob.streams({ signal: stop.signal })
  const offered = offers.next()
  const opening = alice.openStream(bob.peerId, { label: 'speech', priority: 'bulk' })
  const offer = (await offered).value!
  expect(offer).toMatchObject({ peer: alice.peerId, label: 'speech', priority: 'bulk', codec: 'identity' })
  const incoming = await offer.accept()
  const stream = await opening
  await stream.write(new TextEncoder().encode('hello'))
  const ended = stream.end()
  const heard: Uint8Array[] = []
  for await (const bytes of incoming) heard.push(bytes)
  await ended
  expect(Buffer.concat(heard).toString()).toBe('hello')

  const last = offers.next()
  stop.abort()
  expect(await last).toEqual({ done: true, value: undefined })
  await expect(alice.openStream(bob.peerId)).rejects.toMatchObject({ code: 'STREAM_NOT_ACCEPTED' })
})

/** Two agents, each as a program that works through the node of another. */
async function attachedPair() {
  const { start, all } = await clients('Alice', 'Bob')
  const [alice, bob] = await Promise.all([start('Alice'), start('Bob')])
  expect([await alice.isNode(), await bob.isNode()]).toEqual([false, false])
  return { alice, bob, nodes: all }
}

/** A stream from one to the other: both ends. */
async function both(from: TalosClient, to: TalosClient) {
  const offers = to.streams()
  const offered = offers.next()
  const opening = from.openStream(to.peerId, { label: 'speech', codec: 'zstd', priority: 'bulk' })
  const offer = (await within(offered, 'the offer')).value!
  const [incoming, outgoing] = await Promise.all([offer.accept(), opening])
  await offers.return()
  return { offer, incoming, outgoing }
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  within(
    work.then(
      () => 'none',
      error => error.code
    ),
    'a failure'
  )

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const bytes of stream) all.push(bytes)
  return Buffer.concat(all)
}

test('programs that work through other nodes stream all the same', { timeout: 90_000 }, async () => {
  const { alice, bob } = await attachedPair()
  await expect(alice.openStream('nobody')).rejects.toMatchObject({ code: 'PEER_UNKNOWN' })
  await expect(alice.openStream(bob.peerId)).rejects.toMatchObject({ code: 'STREAM_NOT_ACCEPTED' })

  const { offer, incoming, outgoing } = await both(alice, bob)
  expect(offer).toMatchObject({ peer: alice.peerId, label: 'speech', codec: 'zstd', priority: 'bulk' })
  expect(incoming.peer.toString()).toBe(alice.peerId)
  expect(outgoing.peer.toString()).toBe(bob.peerId)
  expect(await codeOf(offer.accept())).toBe('STREAM_OFFER_OVER')
  const bytes = randomBytes(3_000_001)
  const arrived = readAll(incoming)
  await Promise.all([outgoing.write(bytes.subarray(0, 1)), outgoing.write(new Uint8Array())])
  await outgoing.write(bytes.subarray(1))
  await outgoing.end()
  expect((await arrived).equals(bytes)).toBe(true)
  expect(await codeOf(outgoing.write(bytes))).toBe('STREAM_ENDED')
  expect(await codeOf(readAll(incoming))).toBe('STREAM_ENDED')

  const refusing = bob.streams()
  const refused = refusing.next().then(({ value }) => value!.refuse())
  expect(await codeOf(alice.openStream(bob.peerId))).toBe('STREAM_NOT_ACCEPTED')
  await refused
  await refusing.return()
})

test('a program that takes nothing stops the one that writes', { timeout: 90_000 }, async () => {
  const { alice, bob } = await attachedPair()
  const { incoming, outgoing } = await both(alice, bob)
  const block = randomBytes(MAX_BLOCK_LENGTH)
  let written = 0
  const writing = (async () => {
    for (let count = 0; count < 100; count++) {
      await outgoing.write(block)
      written += block.length
    }
    await outgoing.end()
  })()
  // the reader's window, what is between each program and its node, and what is being written
  const bound = DEFAULT_WINDOW + (2 * MAX_UNANSWERED + 1) * MAX_BLOCK_LENGTH
  while (written < DEFAULT_WINDOW) await new Promise(setImmediate)
  for (let turn = 0; turn < 1_000; turn++) await new Promise(setImmediate)
  let taken = 0
  for await (const bytes of incoming) {
    expect(written - taken).toBeLessThanOrEqual(bound)
    taken += bytes.byteLength
  }
  await writing
  expect(taken).toBe(100 * block.length)
})

test('either program gives up, and the other is told', { timeout: 90_000 }, async () => {
  const { alice, bob } = await attachedPair()
  const ofWriter = await both(alice, bob)
  await ofWriter.outgoing.abort('changed my mind')
  await expect(readAll(ofWriter.incoming)).rejects.toMatchObject({
    code: 'STREAM_ABORTED',
    message: expect.stringContaining('changed my mind')
  })
  expect(await codeOf(ofWriter.outgoing.write(randomBytes(1)))).toBe('STREAM_ABORTED')

  const ofReader = await both(alice, bob)
  const writing = codeOf(
    (async () => {
      for (;;) await ofReader.outgoing.write(randomBytes(10_000))
    })()
  )
  for await (const _ of ofReader.incoming) break
  expect(await writing).toBe('STREAM_ABORTED')

  // while a write waits for a reader that takes nothing
  const stuck = await both(alice, bob)
  const stop = new AbortController()
  const blocked = stuck.outgoing.write(randomBytes(4_000_000), stop.signal)
  const reason = new Error('enough')
  await new Promise(setImmediate) // its turn has come
  stop.abort(reason)
  await expect(blocked).rejects.toBe(reason)
  await expect(readAll(stuck.incoming)).rejects.toMatchObject({ code: 'STREAM_ABORTED' })

  const closed = await both(alice, bob)
  await alice.close()
  await expect(readAll(closed.incoming)).rejects.toMatchObject({ code: 'STREAM_ABORTED' })
})

test('an offer that nobody answers is over when its peer gives up', { timeout: 90_000 }, async () => {
  const { alice, bob } = await attachedPair()
  const offers = bob.streams()
  const offered = offers.next()
  const stop = new AbortController()
  const opening = codeOf(alice.openStream(bob.peerId, { signal: stop.signal }))
  const offer = (await within(offered, 'the offer')).value!
  const over = once(offer.signal, 'abort')
  stop.abort(new TalosError('INTERRUPTED', 'enough'))
  expect(await opening).toBe('INTERRUPTED')
  await within(over, 'the end of the offer')
  expect(await codeOf(offer.accept())).toBe('STREAM_OFFER_OVER')
  await offers.return()
})

/** Turns bytes around: what a program might bring. */
const reversed: StreamCodec = {
  name: 'reversed',
  encoder: () => block => block.toReversed(),
  decoder: () => encoded => encoded.toReversed()
}

test('a codec of a program is used by its own node, and refused in words where another is the node', {
  timeout: 90_000
}, async () => {
  const { folder, config } = await clients()
  const create = async (name: string, codecs: StreamCodec[]): Promise<TalosClient> => {
    const client = await TalosClient.create({
      name,
      codecs,
      config,
      dataDir: `${folder}/${name}`,
      insecurePlaintext: true
    })
    onTestFinished(() => client.close())
    return client
  }
  const [alice, bob, carol] = await Promise.all([
    create('Alice', [reversed]),
    create('Bob', [reversed]),
    create('Carol', [])
  ])
  const offers = bob.streams()
  const offered = offers.next()
  const opening = alice.openStream(bob.peerId, { codec: 'reversed' })
  const offer = (await within(offered, 'the offer')).value!
  expect(offer.codec).toBe('reversed')
  const [incoming, outgoing] = await Promise.all([offer.accept(), opening])
  await outgoing.write(new TextEncoder().encode('hello'))
  const ended = outgoing.end()
  const heard: Uint8Array[] = []
  for await (const bytes of incoming) heard.push(bytes)
  await ended
  expect(Buffer.concat(heard).toString()).toBe('hello')

  const attached = await create('Alice', [reversed])
  expect(await codeOf(attached.openStream(bob.peerId, { codec: 'reversed' }))).toBe('STREAM_CODEC_ELSEWHERE')
  const waiting = carol.streams().next()
  expect(await codeOf(alice.openStream(carol.peerId, { codec: 'reversed' }))).toBe('STREAM_CODEC_UNKNOWN')
  expect(await codeOf(carol.openStream(bob.peerId, { codec: 'reversed' }))).toBe('STREAM_CODEC_UNKNOWN')
  expect(await codeOf(create('Dora', [{ ...reversed, name: 'identity' }]))).toBe('STREAM_CODEC_INVALID')
  await carol.close()
  expect(await within(waiting, 'the end of the streams')).toEqual({ done: true, value: undefined })
})
