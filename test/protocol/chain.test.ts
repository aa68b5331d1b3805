import { once } from 'node:events'
import type { Connection } from '@libp2p/interface'
import { expect, onTestFinished, test } from 'vitest'
import { blockHash } from '../../src/chain/block.ts'
import { toHex } from '../../src/chain/bytes.ts'
import {
  CHAIN_PROTOCOL,
  ChainLink,
  type ChainSource,
  chainServer,
  retryAfterOf
} from '../../src/protocols/chain/index.ts'
import { Response } from '../../src/protocols/chain/pb/chain.ts'
import { FrameStream } from '../../src/protocols/framing/index.ts'
import { ChainBuilder } from '../support/chain-builder.ts'
import { startNode } from '../support/nodes.ts'

const soon = () => AbortSignal.timeout(20_000)
const FRAME = { maxFrameLength: 600_000 }

type Init = Omit<Parameters<typeof chainServer>[0], 'source'>

async function pair(source: ChainSource, init: Init = {}) {
  const faults: string[] = []
  const server = await startNode({
    services: {
      chain: chainServer({
        source: id => (toHex(id) === toHex(source.id) ? source : undefined),
        onFault: (_, error) => faults.push(error.message),
        ...init
      })
    }
  })
  const client = await startNode({ listen: [] })
  onTestFinished(async () => {
    await Promise.all([client.stop(), server.stop()])
  })
  const connection = await client.dial(server.getMultiaddrs())
  const link = (options = {}, chain = source.id) => ChainLink.open(connection, chain, soon(), options)
  return { server, client, connection, faults, link }
}

/** A chain of 40 blocks, whose fifth has 300 kB. */
async function served() {
  const builder = new ChainBuilder()
  for (let i = 0; i < 40; i++) await builder.add({ count: i === 4 ? 1_000 : 2 })
  const { blocks, chain, hashes } = builder
  const length = new Map(blocks.map(block => [toHex(blockHash(block)), block]))
  const status = { genesis: chain.genesisHash, tip: hashes.at(-1)!, height: 40, work: 16n * 40n, bodiesFrom: 1 }
  const source: ChainSource = {
    id: chain.id,
    status: () => status,
    headers: async (locator, max) => {
      const at = locator.map(hash => hashes.findIndex(known => toHex(known) === toHex(hash))).find(found => found >= 0)
      if (at === undefined) return undefined
      return { height: at + 1, headers: Buffer.concat(blocks.slice(at, at + max).map(block => block.subarray(0, 228))) }
    },
    block: async hash => length.get(toHex(hash)),
    proof: async (record, size) => (record[0] === 0 ? undefined : Uint8Array.of(record[0]!, size)),
    records: async after =>
      after.length === 0
        ? { records: [{ record: Uint8Array.of(1), signature: Uint8Array.of(2) }], next: new Uint8Array(44).fill(7) }
        : { records: [], next: undefined }
  }
  return { source, blocks, hashes, status }
}

test('status, headers, blocks in pieces, proofs and records go over the wire as they are', async () => {
  const { source, blocks, hashes, status } = await served()
  const seen: number[] = []
  const { link } = await pair(source, { onStatus: (_, __, { height }) => seen.push(height) })
  const chain = await link()
  expect(await chain.status({ ...status, height: 3 }, soon())).toEqual(status)
  expect(seen).toEqual([3])
  const { height, headers } = await chain.headers([new Uint8Array(32), hashes[2]!], soon(), 10)
  expect([height, headers.length]).toEqual([3, 10])
  expect(toHex(headers[0]!)).toBe(toHex(blocks[2]!.subarray(0, 228)))
  await expect(chain.headers([new Uint8Array(32)], soon())).rejects.toThrow(
    expect.objectContaining({ code: 'CHAIN_PEER_REFUSED' })
  )
  const got: Uint8Array[] = []
  const wanted = blocks.map((block, at) => ({ hash: hashes[at + 1]!, length: block.length }))
  expect(await chain.blocks(wanted, block => got.push(block), soon())).toBe(40)
  expect(got.map(toHex)).toEqual(blocks.map(toHex))
  const missing = { hash: new Uint8Array(32).fill(1), length: 300 }
  expect(await chain.blocks([wanted[0]!, missing, wanted[1]!], () => {}, soon())).toBe(1)
  expect(await chain.proof(new Uint8Array(32).fill(5), 9, soon())).toEqual(Uint8Array.of(5, 9))
  expect(await chain.proof(new Uint8Array(32), 9, soon())).toBeUndefined()
  const page = await chain.records(new Uint8Array(), soon())
  expect(page.records).toHaveLength(1)
  expect((await chain.records(page.next!, soon())).next).toBeUndefined()
  const other = await link({}, new Uint8Array(32))
  await expect(other.status(status, soon())).rejects.toThrow(expect.objectContaining({ code: 'CHAIN_PEER_REFUSED' }))
  // one request at a time on a stream, in order
  const both = await Promise.all([chain.status(status, soon()), chain.proof(new Uint8Array(32).fill(6), 1, soon())])
  expect(both[1]).toEqual(Uint8Array.of(6, 1))
  await chain.close()
  expect(chain.isOpen).toBe(false)
})

test('who asks too much is told when to come back, and whoever does not listen is reset', async () => {
  const { source, blocks, hashes } = await served()
  const { link } = await pair(source, {
    limits: { requestRate: { burst: 3, perSecond: 0.001 }, dataRate: { burst: 1e6, perSecond: 1 } }
  })
  const chain = await link()
  const wanted = blocks.map((block, at) => ({ hash: hashes[at + 1]!, length: block.length }))
  for (let i = 0; i < 3; i++) await chain.proof(new Uint8Array(32).fill(5), 9, soon())
  const refused = await chain.proof(new Uint8Array(32).fill(5), 9, soon()).catch(error => error)
  expect(refused).toMatchObject({ code: 'CHAIN_PEER_BUSY' })
  expect(retryAfterOf(refused)).toBeGreaterThan(100)
  let some = 0
  for (let i = 0; i < 10; i++) some += await chain.blocks(wanted, () => {}, soon()).catch(() => 0)
  expect(some).toBeGreaterThan(40)
  expect(some).toBeLessThan(400)
  const ask = () => chain.proof(new Uint8Array(32).fill(5), 9, soon())
  let ended: unknown
  for (let i = 0; i < 60 && !(ended as { code?: string })?.code?.includes('UNREACHABLE'); i++) {
    ended = await ask().catch(error => error)
  }
  expect(ended).toMatchObject({ code: 'CHAIN_PEER_UNREACHABLE' })
})

async function rawStream(connection: Connection) {
  return new FrameStream(await connection.newStream(CHAIN_PROTOCOL), FRAME)
}

test('requests that nobody sends who keeps to the protocol reset the stream and are counted', async () => {
  const { source } = await served()
  const { connection, faults } = await pair(source)
  const bad = [
    new Uint8Array(4_097),
    Uint8Array.of(0xff, 0xff),
    // a chain id of one byte
    Uint8Array.of(10, 1, 1),
    new Uint8Array()
  ]
  for (const [at, frame] of bad.entries()) {
    const frames = await rawStream(connection)
    const closed = once(frames.stream as never, 'close')
    await frames.write(frame, soon())
    await closed
    expect(faults).toHaveLength(at + 1)
  }
  // longer than any frame: never held in memory
  const frames = await rawStream(connection)
  frames.stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
  await once(frames.stream as never, 'close')
  expect(faults).toHaveLength(bad.length + 1)
})

test.each([
  ['stalls', 'CHAIN_PEER_STALLED', async () => {}],
  ['answers with rubbish', 'CHAIN_PEER_FAULT', (frames: FrameStream) => frames.write(Uint8Array.of(0xff, 0xff))],
  [
    'answers with a frame without end',
    'CHAIN_PEER_FAULT',
    async (frames: FrameStream) => void frames.stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
  ],
  ['sends more than was asked for', 'CHAIN_PEER_FAULT', (frames: FrameStream) => frames.write(data(300))],
  [
    'cuts a block off',
    'CHAIN_PEER_FAULT',
    async (frames: FrameStream) => {
      await frames.write(data(100))
      await frames.write(Response.encode({ status: 4, message: '', retryAfter: 0, proof: new Uint8Array() }))
    }
  ],
  ['sends nothing without end', 'CHAIN_PEER_FAULT', (frames: FrameStream) => frames.write(data(0))],
  ['closes', 'CHAIN_PEER_UNREACHABLE', (frames: FrameStream) => frames.close()]
])('a peer that %s is given up with %s', async (_, code, answer) => {
  await using server = await startNode({})
  await using client = await startNode({ listen: [] })
  await server.handle(CHAIN_PROTOCOL, async stream => {
    const frames = new FrameStream(stream, FRAME)
    await frames.read(soon())
    await answer(frames)
  })
  const connection = await client.dial(server.getMultiaddrs())
  const link = await ChainLink.open(connection, new Uint8Array(32), soon(), { stallTimeout: 300 })
  await expect(link.blocks([{ hash: new Uint8Array(32), length: 250 }], () => {}, soon())).rejects.toThrow(
    expect.objectContaining({ code })
  )
  expect(link.isOpen).toBe(false)
})

const data = (length: number) =>
  Response.encode({
    status: 0,
    message: '',
    retryAfter: 0,
    proof: new Uint8Array(),
    blocks: { data: new Uint8Array(length) }
  })

test('a peer that keeps no chain is told apart from one that cannot be reached', async () => {
  await using server = await startNode({})
  await using client = await startNode({ listen: [] })
  const connection = await client.dial(server.getMultiaddrs())
  await expect(ChainLink.open(connection, new Uint8Array(32), soon())).rejects.toThrow(
    expect.objectContaining({ code: 'CHAIN_PEER_UNSUPPORTED' })
  )
})
