import type { PeerId } from '@libp2p/interface'
import { expect, onTestFinished, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { AUDIT_PROTOCOL } from '../../src/protocols/audit/constants.ts'
import {
  AuditServer,
  type AuditServerComponents,
  askPeer,
  digestOf,
  type SharedRecord
} from '../../src/protocols/audit/index.ts'
import { AuditAnswer, AuditRequest } from '../../src/protocols/audit/pb/audit.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { startNode as start, within } from '../support/nodes.ts'

const startNode: typeof start = async init => {
  const node = await start(init)
  onTestFinished(() => node.stop())
  return node
}

const soon = (): AbortSignal => AbortSignal.timeout(20_000)
async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

const recordNumber = (number: number): SharedRecord => ({
  operation: `message/${number}`,
  kind: 1,
  record: new Uint8Array(32).fill(number),
  time: 1_000 + number,
  fields: [
    { name: 'event', value: 'sent' },
    { name: 'size', value: number },
    { name: 'note', value: 'nobody is told of this' },
    { name: 'path', value: '/home/alice/secret' }
  ]
})

/** A node that answers, and one that asks, connected. */
async function pair(
  options: { mayAsk?: (peer: PeerId) => Promise<boolean>; pages?: SharedRecord[][]; now?: () => number } = {}
) {
  const { mayAsk = async () => true, pages = [[1, 2].map(recordNumber), [recordNumber(3)]], now } = options
  let read = 0
  const server = (components: AuditServerComponents): AuditServer =>
    new AuditServer(components, {
      mayAsk,
      checkpoint: async () => 'the checkpoint',
      async *recordsWith() {
        for (const page of pages) {
          read++
          yield page
        }
      },
      ...(now === undefined ? {} : { now })
    })
  const alice = await startNode({ services: { audit: server } })
  const bob = await startNode({ services: {} })
  const connection = await bob.dial(alice.getMultiaddrs())
  return { alice, bob, connection, pagesRead: () => read }
}

test('a peer that is allowed is told of the operations with it, and of fields only what it knows', async () => {
  const { connection } = await pair()
  const { nonce, checkpoint, entries } = await askPeer(connection, soon())
  expect(checkpoint).toBe('the checkpoint')
  const found = await all(entries)
  expect(found.map(({ operation, time }) => [operation, time])).toEqual([
    ['message/1', 1_001],
    ['message/2', 1_002],
    ['message/3', 1_003]
  ])
  expect([...found[1]!.digests.keys()]).toEqual(['event', 'size'])
  expect(found[1]!.digests.get('size')).toEqual(digestOf(crypto, nonce, { name: 'size', value: 2 }))
  expect(found[1]!.digests.get('size')).not.toEqual(digestOf(crypto, nonce, { name: 'size', value: 3 }))
  const again = await askPeer(connection, soon())
  const [first] = await all(again.entries)
  expect(first!.digests.get('event'), 'nothing can be told from one answer to the next').not.toEqual(
    found[0]!.digests.get('event')
  )
})

test('a peer that is not allowed learns that, whatever is recorded, and nothing is looked up for it', async () => {
  const { connection, pagesRead } = await pair({ mayAsk: async () => false })
  await expect(askPeer(connection, soon())).rejects.toMatchObject({ code: 'AUDIT_REFUSED' })
  expect(pagesRead()).toBe(0)
})

test('a peer that asks again and again is told to wait', async () => {
  let now = 0
  const { connection, pagesRead } = await pair({ now: () => now })
  for (let i = 0; i < 5; i++) await all((await askPeer(connection, soon())).entries)
  await expect(askPeer(connection, soon())).rejects.toMatchObject({ code: 'AUDIT_BUSY' })
  expect(pagesRead()).toBe(10)
  now += 60_000
  expect(await all((await askPeer(connection, soon())).entries)).toHaveLength(3)
})

test('who does not read makes the other side look up no more than fits the stream', async () => {
  const page = Array.from({ length: 200 }, (_, i) => recordNumber(i))
  const { connection, pagesRead } = await pair({ pages: Array.from({ length: 2_000 }, () => page) })
  const { entries } = await askPeer(connection, soon())
  await entries.next()
  const before = pagesRead()
  await entries.return()
  expect(before).toBeLessThan(500)
})

test('requests that are malformed or too long reset the stream', async () => {
  const { connection, pagesRead } = await pair()
  for (const frame of [
    new Uint8Array(),
    AuditRequest.encode({ nonce: new Uint8Array(31) }),
    AuditRequest.encode({ nonce: new Uint8Array(100_000) }),
    Uint8Array.of(0xff, 0xff, 0xff)
  ]) {
    const stream = await connection.newStream(AUDIT_PROTOCOL)
    const frames = new FrameStream(stream, { maxFrameLength: 200_000 })
    await frames.write(frame)
    await expect(frames.read(soon())).rejects.toMatchObject({ code: 'NETWORK_STREAM_CLOSED' })
  }
  expect(pagesRead()).toBe(0)
})

test('an answer that is cut off, malformed or without end is refused', async () => {
  const entry = { operation: 'message/1', kind: 1, record: new Uint8Array(32), time: 5n, fields: [] }
  const answer = (part: object): Uint8Array =>
    AuditAnswer.encode({ refused: 0, checkpoint: 'x', entries: [entry], last: false, ...part })
  const answers: Record<string, Uint8Array[]> = {
    'cut off': [answer({})],
    nothing: [],
    garbage: [Uint8Array.of(0xff, 1, 2)],
    'a short id': [answer({ entries: [{ ...entry, record: new Uint8Array(31) }] })],
    'a time beyond all times': [answer({ entries: [{ ...entry, time: 2n ** 60n }] })],
    'an operation that steers a terminal': [answer({ entries: [{ ...entry, operation: '\u001b[2J' }] })],
    'no operation': [answer({ entries: [{ ...entry, operation: '' }] })],
    'a digest of another length': [
      answer({ entries: [{ ...entry, fields: [{ name: 'size', digest: new Uint8Array(3) }] }] })
    ]
  }
  for (const [name, frames] of Object.entries(answers)) {
    const liar = await startNode({ services: {} })
    await liar.handle(AUDIT_PROTOCOL, async stream => {
      const out = new FrameStream(stream, { maxFrameLength: 200_000 })
      await out.read()
      for (const frame of frames) await out.write(frame)
      await out.close()
    })
    const asker = await startNode({ services: {} })
    const connection = await asker.dial(liar.getMultiaddrs())
    const ask = async () => all((await askPeer(connection, soon())).entries)
    await expect(within(ask(), name, 15_000), name).rejects.toMatchObject({ code: 'AUDIT_PROTOCOL' })
  }
  const none = await startNode({ services: {} })
  const asker = await startNode({ services: {} })
  const connection = await asker.dial(none.getMultiaddrs())
  await expect(askPeer(connection, soon())).rejects.toMatchObject({ code: 'AUDIT_UNSUPPORTED' })
})
