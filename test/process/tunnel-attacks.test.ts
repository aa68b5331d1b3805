import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addPeer } from '../../src/node/address-book.ts'
import { MCP_PROTOCOL, REFUSAL } from '../../src/protocols/mcp/tunnel/constants.ts'
import { TunnelFrame } from '../../src/protocols/mcp/tunnel/pb/tunnel.ts'
import { startAgent, type TestAgent } from '../support/agents.ts'
import type { LiveAgent } from '../support/live-process.ts'
import { script } from '../support/mcp-tunnel.ts'
import { RawPeer } from '../support/raw-tunnel.ts'
import { type Serving, TunnelNet } from '../support/tunnel-net.ts'
import { within } from '../support/within.ts'

// Peers that break the protocol, against a real `talos mcp-serve`. Whatever they do, an honest agent is served meanwhile.

/** Says what it was sent. */
const SERVER = script(`
  const heard = []
  on(({ id, method, params }) => {
    heard.push(method)
    if (method === 'initialize') send({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } } })
    else if (method === 'heard') send({ id, result: heard })
    else if (method === 'big') send({ id, result: 'x'.repeat(params.bytes) })
    else if (id !== undefined) send({ id, result: {} })
  })
`)

let net: TunnelNet
let serving: Serving
let honest: LiveAgent
/** Authorised, and bad. */
let mallory: RawPeer
/** Authorised too. */
let eve: RawPeer
let stranger: RawPeer
const agents: TestAgent[] = []
let calls = 0

beforeAll(async () => {
  net = await TunnelNet.open()
  for (let i = 0; i < 3; i++) agents.push(await startAgent())
  const bad = agents.slice(0, 2).flatMap(({ node }) => ['--authorized-peer', node.peerId.toString()])
  // with so little memory, a host that kept what peers make it hold would not live through this
  serving = await net.serve(SERVER, { flags: bad, env: { NODE_OPTIONS: '--max-old-space-size=128' } })
  honest = net.connect()
  await honest.initialize()
  const address = `/ip4/127.0.0.1/tcp/${serving.port}/p2p/${net.host.peerId}`
  const peers = agents.map(agent => new RawPeer(agent, address))
  mallory = peers[0]!
  eve = peers[1]!
  stranger = peers[2]!
}, 60_000)

afterAll(async () => {
  await Promise.all(agents.map(agent => agent[Symbol.asyncDispose]()))
  await net[Symbol.asyncDispose]()
})

/** The host runs and serves, the same agent over the same session. */
async function honestIsServed(): Promise<void> {
  const id = `honest-${calls++}`
  await honest.agent.write({ id, method: 'x' })
  expect((await within(honest.agent.answer(id), 'the honest answer', 5000)).result).toEqual({})
  expect(serving.running).toBe(true)
}
afterEach(honestIsServed)

const ask = (id: string, method = 'x', params: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}
const resident = (): number => Number(readFileSync(`/proc/${serving.pid}/statm`, 'utf8').split(' ')[1]) * 4096
const sessionsOpened = (): number => serving.said.filter(line => line.includes('session-opened')).length

test('a peer that is not on the list learns "not authorised", and nothing else', async () => {
  // it did not get so far as to have a session: any bytes will do
  const answer = await stranger.ask(TunnelFrame.encode({ type: 1, body: randomBytes(300) }))
  expect(answer).toEqual({
    accepted: false,
    refused: { reason: REFUSAL.notAuthorised, notice: new Uint8Array(), withoutOneTime: false }
  })
  // nor does it with one: whoever may write to the host may not use its tools
  await expect(stranger.open()).rejects.toMatchObject({ code: 'TUNNEL_NOT_AUTHORISED', message: 'not authorised' })
})

test('a forged, a replayed and a truncated OPEN open nothing; reordered ones do, and so does the next genuine one', async () => {
  const [first, second] = [await mallory.sealedOpen(), await mallory.sealedOpen()]
  const before = sessionsOpened()
  for (const forged of [flipped(first, 400), flipped(first, first.byteLength * 8 - 1), first.subarray(0, -1)]) {
    const answer = await mallory.ask(forged)
    expect([REFUSAL.noSession, REFUSAL.unsupported]).toContain(answer.refused?.reason)
  }
  expect(sessionsOpened()).toBe(before)
  expect(await mallory.ask(second)).toEqual({ accepted: true })
  expect(await mallory.ask(first)).toEqual({ accepted: true })
  for (const replayed of [first, second]) expect((await mallory.ask(replayed)).accepted).toBe(false)
  // nor does it work for somebody else
  expect((await eve.ask(await mallory.sealedOpen())).accepted).toBe(false)
  expect((await stranger.ask(first)).refused?.reason).toBe(REFUSAL.notAuthorised)
  expect(await mallory.ask(await mallory.sealedOpen())).toEqual({ accepted: true })
})

test('forged, replayed and truncated DATA frames are dropped, and the next genuine one arrives', async () => {
  const tunnel = await mallory.open()
  await tunnel.send(ask('1', 'once'))
  await tunnel.line(({ id }) => id === '1')
  const genuine = tunnel.sealed[0]!
  for (const bad of [genuine, flipped(genuine, 500), genuine.subarray(0, -3), randomBytes(200), new Uint8Array()]) {
    await tunnel.data(bad)
  }
  await tunnel.frame(TunnelFrame.encode({ type: 99, body: new Uint8Array(5) }))
  await tunnel.frame(randomBytes(64))
  await tunnel.send(ask('2', 'heard'))
  expect((await tunnel.line(({ id }) => id === '2'))['result']).toEqual(['once', 'heard'])
  tunnel.close()
})

test('a stream that floods with forged frames is ended, and only it', async () => {
  const [tunnel, other] = [await mallory.open(), await mallory.open()]
  for (let i = 0; i < 20; i++) await tunnel.data(randomBytes(100)).catch(() => {})
  await expect(tunnel.line(() => true)).rejects.toThrow()
  await other.send(ask('1'))
  expect((await other.line(({ id }) => id === '1'))['result']).toEqual({})
  other.close()
})

test('a recorded stream that is played again does nothing', async () => {
  const open = await mallory.sealedOpen()
  const tunnel = await mallory.open()
  await tunnel.send(ask('1', 'recorded'))
  await tunnel.line(({ id }) => id === '1')
  const before = sessionsOpened()
  // behind an OPEN that is accepted, the recorded frames are sealed for another stream
  const stream = await mallory.stream()
  await stream.write(open)
  await stream.read()
  for (const body of tunnel.sealed)
    await stream.write(TunnelFrame.encode({ type: 4, body: body as Uint8Array<ArrayBuffer> }))
  stream.abort(new Error('enough'))
  expect((await mallory.ask(open)).accepted).toBe(false)
  expect((await eve.ask(open)).accepted).toBe(false)
  expect(sessionsOpened()).toBeLessThanOrEqual(before + 1)
  tunnel.close()
})

test("another's tunnel cannot be taken up, nor opened a second time", async () => {
  const tunnel = await mallory.open()
  await tunnel.send(ask('1'))
  await tunnel.line(({ id }) => id === '1')
  const resume = { tunnelId: tunnel.id as Uint8Array<ArrayBuffer>, resume: true, received: 0 }
  expect((await eve.ask(await eve.sealedOpen(resume))).refused?.reason).toBe(REFUSAL.unknownTunnel)
  const again = { tunnelId: tunnel.id as Uint8Array<ArrayBuffer> }
  expect((await eve.ask(await eve.sealedOpen(again))).refused?.reason).toBe(REFUSAL.busy)
  await tunnel.send(ask('2'))
  expect((await tunnel.line(({ id }) => id === '2'))['result']).toEqual({})
  tunnel.close()
})

test("a peer that sits at the host's address with a key of its own is given nothing", async () => {
  const impostor = agents[2]!
  const heard: string[] = []
  await impostor.node.handle(MCP_PROTOCOL, stream => {
    heard.push(stream.protocol ?? MCP_PROTOCOL)
    stream.abort(new Error('heard enough'))
  })
  const port = Number(impostor.node.getMultiaddrs()[0]!.toString().split('/')[4])
  // a data directory of its own: the other one has an open connection to the host
  const dataDir = join(net.folder, 'victim')
  await mkdir(dataDir, { mode: 0o700 })
  await copyFile(join(net.agent.dataDir, 'wallet.json'), join(dataDir, 'wallet.json'))
  await addPeer({ dataDir, name: 'host', peer: net.host.peerId, addresses: [`/ip4/127.0.0.1/tcp/${port}`] })
  const victim = net.connect({ env: { TALOS_DATA_DIR: dataDir } })
  try {
    await victim.agent.write({ id: 1, method: 'secret', params: {} })
    await victim.line(line => line.includes('cannot reach the host'))
    expect(heard).toEqual([])
  } finally {
    victim.child.stdin.end()
    await victim.exited
  }
}, 60_000)

test.each([
  ['empty frames', 0],
  ['tiny frames', 1]
])('a stranger who goes on sending %s, and never closes its stream, is cut off', async (_, byte) => {
  const before = resident()
  const { stream } = await stranger.stream()
  const ended = new Promise(resolve => stream.addEventListener('close', resolve))
  const flood = (): void => {
    for (let room = true; room && stream.status === 'open'; ) room = stream.send(Buffer.alloc(64 * 1024, byte))
  }
  stream.addEventListener('drain', flood)
  flood()
  await within(ended, 'the end of the stream', 5000)
  // it floods at over 100 MB/s: what is kept would be far more, and garbage that is not collected yet is less
  expect(resident() - before).toBeLessThan(100 * 1024 * 1024)
})

test('garbage, oversized and truncated frames end their stream', async () => {
  const oversized = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])
  const overlong = Buffer.alloc(11, 0xff)
  const cutShort = Buffer.concat([Buffer.from([0xe8, 0x07]), randomBytes(10)])
  const garbled = Buffer.concat([Buffer.from([100]), randomBytes(100)])
  for (const bytes of [oversized, overlong, garbled]) {
    const { stream } = await mallory.stream()
    const ended = new Promise(resolve => stream.addEventListener('close', resolve))
    try {
      stream.send(bytes)
    } catch {
      // reset already
    }
    // long before a stream with no OPEN is given up
    await within(ended, 'the end of the stream', 5000)
  }
  const frames = await mallory.stream()
  frames.stream.send(cutShort)
  await frames.close()
  await within(
    frames.read().catch(() => {}),
    'the end of the stream'
  )
})

test.each([
  ['a batch', `[${ask('b')}]`, -32600],
  ['a key twice', '{"jsonrpc":"2.0","id":"b","method":"x","params":{},"m\\u0065thod":"y"}', -32600],
  ['a key in another case', '{"jsonrpc":"2.0","id":"b","Method":"x","method":"y"}', -32600],
  ['too deep', `{"jsonrpc":"2.0","id":"b","method":"x","params":${'['.repeat(5000)}${']'.repeat(5000)}}`, -32600],
  [
    'not UTF-8',
    Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":"b","method":"\xff'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}')
    ]),
    -32700
  ],
  ['no JSON', '{"jsonrpc":"2.0","id":"b","method":', -32700],
  ['a line break inside', '{"jsonrpc":"2.0",\n"id":"b","method":"x"}', -32700],
  ['nothing at all', '', -32700]
] as const)('%s is refused and never reaches the server', async (_, line, code) => {
  const tunnel = await mallory.open()
  await tunnel.send(ask('first'), line, ask('last', 'heard'))
  const messages: Record<string, unknown>[] = []
  await tunnel.line(message => {
    messages.push(message as Record<string, unknown>)
    return message.id === 'last'
  })
  expect(messages.at(-1)!['result']).toEqual(['x', 'heard'])
  expect(messages.filter(message => message['error'] !== undefined)).toMatchObject([{ error: { code } }])
  tunnel.close()
})

test('a peer that opens 10,000 streams, some with no OPEN, holds neither others nor memory', async () => {
  const before = resident()
  const connection = await eve.connection()
  const silent = await eve.stream()
  const began = performance.now()
  let opened = 0
  for (let batch = 0; batch < 100; batch++) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        try {
          const stream = await connection.newStream(MCP_PROTOCOL, {
            maxOutboundStreams: 100_000,
            signal: AbortSignal.timeout(20_000)
          })
          stream.addEventListener('close', () => {})
          opened++
        } catch {
          // refused by the limit
        }
      })
    )
    if (batch % 25 === 0) await honestIsServed()
  }
  console.log(
    `10,000 streams: ${opened} seemed open, ${Math.round(performance.now() - began)} ms, ${(resident() - before) >> 20} MiB`
  )
  expect(resident() - before).toBeLessThan(150 * 1024 * 1024)
  // what never says OPEN is told so and ended
  await within(
    silent.read().catch(() => {}),
    'the end of a silent stream',
    15_000
  )
  connection.abort(new Error('enough'))
}, 120_000)

test('a peer that never reads holds its own calls, and bounded memory', async () => {
  const before = resident()
  const tunnel = await mallory.open()
  for (let i = 0; i < 200; i++) await tunnel.send(ask(`big-${i}`, 'big', { bytes: 1_000_000 }))
  // enough calls of somebody else that the host must have worked on all of these meanwhile
  for (let i = 0; i < 200; i++) await honestIsServed()
  expect(resident() - before).toBeLessThan(100 * 1024 * 1024)
  tunnel.close()
}, 60_000)
