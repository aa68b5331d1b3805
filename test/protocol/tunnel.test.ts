import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { TalosError } from '../../src/errors.ts'
import { encodeFrame, FrameStream } from '../../src/protocols/framing/index.ts'
import type { TunnelChannel } from '../../src/protocols/mcp/tunnel/channel.ts'
import { type OpenStream, openTunnel } from '../../src/protocols/mcp/tunnel/client.ts'
import { FRAME, MCP_PROTOCOL, WINDOW } from '../../src/protocols/mcp/tunnel/constants.ts'
import { dialTunnel } from '../../src/protocols/mcp/tunnel/dial.ts'
import { openChannel, readOpen } from '../../src/protocols/mcp/tunnel/handshake.ts'
import { type TunnelHost, tunnelHost } from '../../src/protocols/mcp/tunnel/host.ts'
import { HostedTunnels, type HostedTunnelsInit } from '../../src/protocols/mcp/tunnel/hosted.ts'
import type { ResumableLink, TunnelLink } from '../../src/protocols/mcp/tunnel/link.ts'
import { TunnelFrame } from '../../src/protocols/mcp/tunnel/pb/tunnel.ts'
import type { MainSessions, Sealer, StreamSessions } from '../../src/protocols/sessions/index.ts'
import { answerRequest } from '../../src/protocols/sessions/prekey-exchange.ts'
import { startNode, within } from '../support/nodes.ts'

// The tunnel's own rules, with the cryptography left out below its interface; the real one is in sessions.test.ts
const plainSession: MainSessions = {
  seal: async (_, plaintext) => Uint8Array.from(plaintext),
  open: async (_, message) => ({ plaintext: message, confirmed: true, oneTime: true }),
  explain: () => ({ notice: undefined, withoutOneTime: false }),
  heal: async () => false
}
const plainSealer: Sealer = { seal: x => x.slice(), open: x => x.slice(), prepare: () => {}, close: () => {} }
const plainStreams: StreamSessions = {
  respond: () => ({ ratchetKey: new Uint8Array(32), session: () => plainSealer }),
  initiate: () => plainSealer
}

const text = (lines: Uint8Array[]): string[] => lines.map(line => Buffer.from(line).toString())
const bytes = (...lines: string[]): Uint8Array[] => lines.map(line => Buffer.from(line))

async function echo(link: TunnelLink): Promise<void> {
  for await (const lines of link.incoming()) await link.send(lines)
}

interface PairInit extends Partial<HostedTunnelsInit> {
  /** @default the client */
  authorizedPeers?: string[]
  /** Who is told that there is nothing at this moment, rather than that it is not for them. @default nobody */
  awaited?: Array<[peer: string, service: string]>
  sessions?: MainSessions
  streams?: StreamSessions
}

async function pair(options: PairInit = {}) {
  const { authorizedPeers, awaited = [], sessions: ownSessions, streams: ownStreams, ...init } = options
  const served: Array<{ link: TunnelLink; peer: string; service: string }> = []
  const host = await startNode<{ tunnel: TunnelHost }>({
    services: {
      tunnel: tunnelHost({
        sessions: ownSessions ?? plainSession,
        streams: ownStreams ?? plainStreams,
        isAwaited: async (peer, service) =>
          awaited.some(([one, of]) => peer.toString() === one && (service ?? of) === of)
      })
    }
  })
  const client = await startNode({ listen: [] })
  const tunnels = new HostedTunnels({
    serve: async (link, session) => {
      served.push({ link, ...session })
      await echo(link)
    },
    ...init
  })
  const offer = (services: string[], peers = authorizedPeers ?? [client.peerId.toString()], pid = process.pid) =>
    host.services.tunnel.offer({
      services,
      authorizedPeers: peers,
      maxLine: tunnels.maxLine,
      grace: tunnels.grace,
      pid,
      prepare: () => {},
      admit: async request => tunnels.admit(request)
    })
  const endOffer = offer(['echo'])
  const opens: Uint8Array[] = []
  const recording: MainSessions = {
    ...plainSession,
    seal: async (_, plaintext) => {
      opens.push(Uint8Array.from(plaintext))
      return Uint8Array.from(plaintext)
    }
  }
  const opener =
    (
      connect: (signal: AbortSignal) => Promise<Connection>,
      node = client,
      sessions = recording,
      streams = plainStreams
    ): OpenStream =>
    (request, signal) =>
      dialTunnel({ self: node.peerId, host: host.peerId, connect, sessions, streams }, request, signal)
  const open = (service = '', node = client, sessions = recording, streams = plainStreams) =>
    openTunnel(
      {
        open: opener(signal => node.dial(host.getMultiaddrs(), { signal }), node, sessions, streams),
        service
      },
      AbortSignal.timeout(5_000)
    )
  return {
    host,
    client,
    tunnels,
    served,
    opens,
    open,
    offer,
    endOffer,
    opener,
    /** A way over another connection. */
    elsewhere: async (signal: AbortSignal, sessions = recording, streams = plainStreams): Promise<OpenStream> => {
      const connection = await client.dial(host.getMultiaddrs(), { force: true, signal })
      return opener(async () => connection, client, sessions, streams)
    },
    [Symbol.asyncDispose]: async () => {
      await tunnels.stop()
      await Promise.all([client.stop(), host.stop()])
    }
  }
}

function once(link: ResumableLink, event: 'interrupted' | 'resumed' | 'ended'): Promise<unknown> {
  return within(
    new Promise(resolve => link.addEventListener(event, e => resolve((e as CustomEvent).detail), { once: true })),
    event
  )
}

async function collect(link: TunnelLink, count: number): Promise<string[]> {
  const lines: string[] = []
  for await (const batch of link.incoming()) {
    lines.push(...text(batch))
    if (lines.length >= count) break
  }
  return lines
}

test('lines travel both ways, whole and in order', async () => {
  await using p = await pair()
  const { link } = await p.open()
  const sent = Array.from({ length: 1_000 }, (_, i) => `line ${i}`)
  void link.send(bytes(...sent))
  expect(await within(collect(link, sent.length), 'the echo')).toEqual(sent)
  expect(p.served[0]).toMatchObject({ service: 'echo' })
  await link.end()
})

test('a 10 MiB line passes unchanged, both ways', async () => {
  await using p = await pair()
  const { link } = await p.open()
  const line = randomBytes(10 * 1024 * 1024)
  await link.send([line])
  for await (const [received] of link.incoming()) {
    expect(Buffer.compare(received!, line)).toBe(0)
    break
  }
  await link.end()
})

test('nothing is lost, doubled or reordered while the connection is cut again and again', async () => {
  await using p = await pair()
  const { link } = await p.open()
  const rounds = 6
  const perRound = 500
  const received: string[] = []
  const reading = (async () => {
    for await (const batch of link.incoming()) {
      received.push(...text(batch))
      if (received.length >= rounds * perRound) return
    }
  })()
  for (let round = 0; round < rounds; round++) {
    const resumed = once(link, 'resumed')
    const lines = Array.from({ length: perRound }, (_, i) => `line ${round * perRound + i} ${'x'.repeat(i)}`)
    const sending = Promise.all(lines.map(line => link.send(bytes(line))))
    // in the middle of what is on its way, from either end
    const end = round % 2 === 0 ? p.client : p.host
    for (const connection of end.getConnections()) connection.abort(new Error('cut'))
    await resumed
    await sending
  }
  await within(reading, 'all lines')
  const expected = Array.from({ length: rounds * perRound }, (_, i) => i)
  expect(received.map(line => Number(line.split(' ')[1]))).toEqual(expected)
  await link.end()
}, 60_000)

test('a tunnel moves to another connection while lines pass, and none is lost', async () => {
  await using p = await pair()
  const tunnel = await p.open()
  const [before] = p.client.getConnections()
  const count = 2_000
  const sending = (async () => {
    for (let i = 0; i < count; i++) await tunnel.link.send(bytes(`line ${i}`))
  })()
  const received: string[] = []
  for await (const batch of tunnel.link.incoming()) {
    if (received.length === 0) {
      await tunnel.moveTo(p.elsewhere, AbortSignal.timeout(5_000))
    }
    received.push(...text(batch))
    if (received.length >= count) break
  }
  await sending
  expect(tunnel.connection().id).not.toBe(before!.id)
  while (before!.status !== 'closed') await new Promise(resolve => setImmediate(resolve))
  expect(received).toEqual(Array.from({ length: count }, (_, i) => `line ${i}`))
  await tunnel.link.end()
})

test('a move that fails leaves the tunnel where it is', async () => {
  await using p = await pair()
  const { link, moveTo } = await p.open()
  await expect(moveTo(() => Promise.reject(new Error('no way')), AbortSignal.timeout(5_000))).rejects.toThrow('no way')
  await link.send(bytes('still here'))
  expect(await within(collect(link, 1), 'the echo')).toEqual(['still here'])
  await link.end()
})

test('a tunnel outlives the node of either side: what was under way arrives through the next one', async () => {
  const seeds = [randomBytes(32), randomBytes(32)]
  const tunnels = new HostedTunnels({ serve: echo })
  const startHost = async () => {
    const node = await startNode<{ tunnel: TunnelHost }>({
      seed: seeds[0]!,
      services: {
        tunnel: tunnelHost({ sessions: plainSession, streams: plainStreams, isAwaited: async () => true })
      }
    })
    const offer = () =>
      node.services.tunnel.offer({
        services: ['echo'],
        authorizedPeers: [client.peerId.toString()],
        maxLine: tunnels.maxLine,
        grace: tunnels.grace,
        pid: process.pid,
        prepare: () => {},
        admit: async request => tunnels.admit(request)
      })
    return { node, offer }
  }
  const startClient = () => startNode({ seed: seeds[1]!, listen: [] })
  let client = await startClient()
  let host = await startHost()
  host.offer()
  const open: OpenStream = (request, signal) =>
    dialTunnel(
      {
        self: client.peerId,
        host: host.node.peerId,
        connect: async dialSignal => client.dial(host.node.getMultiaddrs(), { signal: dialSignal }),
        sessions: plainSession,
        streams: plainStreams
      },
      request,
      signal
    )
  const { link } = await openTunnel({ open }, AbortSignal.timeout(5_000))
  await link.send(bytes('1'))
  expect(await collect(link, 1)).toEqual(['1'])
  for (const line of ['2', '3']) {
    const resumed = once(link, 'resumed')
    // the next node is there before the last one goes: how long that may take is another matter
    if (line === '2') {
      const last = client
      client = await startClient()
      await last.stop()
    } else {
      const last = host.node
      host = await startHost()
      await last.stop()
      // "not now" is not for good: the first attempts may find a node that does not know of the service yet
      host.offer()
    }
    await link.send(bytes(line))
    await resumed
    expect(await within(collect(link, 1), 'the echo')).toEqual([line])
  }
  expect(tunnels.size).toBe(1)
  await link.end()
  await tunnels.stop()
  await Promise.all([client.stop(), host.node.stop()])
})

test('a service of another offer is not there for a peer that this offer does not name', async () => {
  await using p = await pair()
  p.offer(['secret'], ['somebody'])
  await expect(p.open('secret')).rejects.toMatchObject({ code: 'TUNNEL_UNKNOWN_SERVICE' })
  // and is no reason why the only one that is would have to be named
  const { link, service } = await p.open()
  expect(service).toBe('echo')
  await link.end()
})

test('of two offers with one name the second is told who has it; when the first ends, it may', async () => {
  await using p = await pair()
  expect(() => p.offer(['other', 'echo'])).toThrow(
    expect.objectContaining({
      code: 'TUNNEL_SERVICE_TAKEN',
      message: expect.stringContaining(`process ${process.pid}`)
    })
  )
  p.endOffer()
  p.offer(['other', 'echo'])
  const { link } = await p.open('echo')
  await link.end()
})

test('a service that has gone is "not now" for those whom it was for, and "not authorised" for others', async () => {
  const awaited: Array<[string, string]> = []
  await using p = await pair({ awaited })
  p.endOffer()
  await expect(p.open()).rejects.toMatchObject({ code: 'TUNNEL_NOT_AUTHORISED' })
  awaited.push([p.client.peerId.toString(), 'echo'])
  await expect(p.open()).rejects.toMatchObject({ code: 'TUNNEL_NOT_NOW' })
  p.offer(['other'])
  await expect(p.open('echo')).rejects.toMatchObject({ code: 'TUNNEL_NOT_NOW' })
  await expect(p.open('nonsense')).rejects.toMatchObject({ code: 'TUNNEL_UNKNOWN_SERVICE' })
})

test('a sender is held back by an application that does not read, and goes on when it does', async () => {
  const gate = Promise.withResolvers<void>()
  await using p = await pair({
    serve: async link => {
      await gate.promise
      await echo(link)
    }
  })
  const { link } = await p.open()
  const line = Buffer.alloc(1024 * 1024, 'x')
  let sent = 0
  const sending = (async () => {
    for (; sent < 20; sent++) await link.send([line])
  })()
  const drained = collect(link, 20)
  // a sign of life still comes through: the link does not count as silent
  await expect(within(sending, 'all sent', 1_000)).rejects.toThrow('not within')
  expect(sent).toBeLessThan(8)
  gate.resolve()
  await within(sending, 'the rest')
  expect(await within(drained, 'the echo')).toHaveLength(20)
  await link.end()
}, 30_000)

test('a batch far above the window, for an application that is busy, arrives whole', async () => {
  const busy = Promise.withResolvers<void>()
  await using p = await pair({
    serve: async link => {
      await busy.promise
      await echo(link)
    }
  })
  const { link } = await p.open()
  const sent = Array.from({ length: 24 }, (_, i) => `${i} ${'x'.repeat(1024 * 1024)}`)
  const sending = link.send(bytes(...sent))
  const later = link.send(bytes('the last'))
  busy.resolve()
  expect(await within(collect(link, 25), 'the echo', 20_000)).toEqual([...sent, 'the last'])
  await Promise.all([sending, later])
  await link.end()
})

test('a genuine message that cannot be decoded ends the tunnel, and is not asked for again', async () => {
  const ended = Promise.withResolvers<unknown>()
  await using p = await pair({
    serve: async link => {
      await echo(link).catch(ended.resolve)
    }
  })
  const garbled: StreamSessions = {
    ...plainStreams,
    initiate: () => ({ ...plainSealer, seal: () => bytes('\xff\xff')[0]! })
  }
  const { link } = await p.open('', p.client, plainSession, garbled)
  const over = once(link, 'ended')
  await link.send(bytes('hello'))
  expect(await within(ended.promise, 'the end at the host')).toMatchObject({ code: 'TUNNEL_PROTOCOL' })
  expect(await over).toMatchObject({ code: 'TUNNEL_LOST' })
})

test('a peer that is not authorised learns just that', async () => {
  await using p = await pair({ authorizedPeers: ['somebody'] })
  await expect(p.open()).rejects.toMatchObject({ code: 'TUNNEL_NOT_AUTHORISED', message: 'not authorised' })
  expect(p.served).toHaveLength(0)
})

test('a connection that leads to another peer than the host is not used', async () => {
  await using p = await pair()
  await using other = await startNode()
  const opened = dialTunnel(
    {
      self: p.client.peerId,
      host: other.peerId,
      connect: async signal => p.client.dial(p.host.getMultiaddrs(), { signal }),
      sessions: plainSession,
      streams: plainStreams
    },
    { tunnelId: randomBytes(16), service: '', maxLine: 10_000 },
    AbortSignal.timeout(5_000)
  )
  await expect(opened).rejects.toMatchObject({ code: 'TUNNEL_WRONG_PEER' })
  expect(p.served).toHaveLength(0)
})

test('an unknown service is refused by name', async () => {
  await using p = await pair()
  await expect(p.open('nonsense')).rejects.toMatchObject({ code: 'TUNNEL_UNKNOWN_SERVICE' })
})

test('a host full of sessions says so', async () => {
  await using p = await pair({ maxSessionsPerPeer: 1 })
  const { link } = await p.open()
  await expect(p.open()).rejects.toMatchObject({ code: 'TUNNEL_BUSY' })
  await link.end()
})

test('a peer that opens one session after the other is told to wait, and others are not', async () => {
  await using p = await pair()
  const another = await startNode({ listen: [] })
  p.offer(['other'], [another.peerId.toString()])
  let refused: unknown
  let opened = 0
  for (; refused === undefined && opened < 200; opened++) {
    const tunnel = await p.open().catch(error => {
      refused = error
      return undefined
    })
    await tunnel?.link.end()
  }
  expect(refused).toMatchObject({ code: 'TUNNEL_BUSY', hint: expect.stringContaining('a minute') })
  expect(opened).toBeGreaterThan(50)
  const { link } = await p.open('', another)
  await link.end()
  await another.stop()
})

test('the secret of a stream is in no message once the stream is open, nor when it is refused', async () => {
  const plaintexts: Uint8Array[] = []
  const watched: MainSessions = {
    ...plainSession,
    seal: async (_, plaintext) => {
      plaintexts.push(plaintext)
      return Uint8Array.from(plaintext)
    },
    open: async (_, message) => {
      plaintexts.push(message)
      return { plaintext: message, confirmed: true, oneTime: true }
    }
  }
  const secrets: Uint8Array[] = []
  const keep = (secret: Uint8Array) => {
    secrets.push(secret)
    return plainSealer
  }
  const streams: StreamSessions = { respond: () => ({ ratchetKey: new Uint8Array(32), session: keep }), initiate: keep }
  await using p = await pair({ sessions: watched, streams })
  const { link } = await p.open('', p.client, watched, streams)
  await link.end()
  await expect(p.open('nonsense', p.client, watched)).rejects.toMatchObject({ code: 'TUNNEL_UNKNOWN_SERVICE' })
  expect(secrets).toHaveLength(2)
  // OPEN and ACCEPT as sealed and as opened, and the refused OPEN as sealed and as opened
  expect(plaintexts).toHaveLength(6)
  // both messages begin with tag, length and 16 bytes of the tunnel's id, and tag, length and 32 bytes of the secret
  const wiped = (plaintext: Uint8Array) => plaintext.subarray(20, 52).every(byte => byte === 0)
  // the host is done with a refused stream when the client has closed it
  await vi.waitFor(() => expect(plaintexts.every(wiped)).toBe(true), 5_000)
})

test('what cannot be decoded is always an error of the protocol', async () => {
  const connection = { remotePeer: peerIdFromPrivateKey(await generateKeyPair('Ed25519')) } as Connection
  const self = connection.remotePeer
  const request = { tunnelId: new Uint8Array(16), service: '', maxLine: 10_000 }
  const stream = (frame: Uint8Array) =>
    ({ read: async () => frame, write: async () => {}, finish: async () => {} }) as unknown as FrameStream
  const never = new AbortController().signal
  const garbage = fc.uint8Array({ maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(garbage, fc.constantFrom(...Object.values(FRAME), undefined), async (body, type) => {
      const frame = type === undefined ? body : TunnelFrame.encode({ type, body: body as Uint8Array<ArrayBuffer> })
      const opening = openChannel(stream(frame), self, connection, request, plainSession, plainStreams, never)
      const reading = readOpen(stream(frame), self, plainSession, never)
      const asking = answerRequest(
        stream(frame.slice(0, 64)),
        () => 0,
        async () => new Uint8Array()
      )
      for (const work of await Promise.allSettled([opening, reading, asking])) {
        if (work.status === 'rejected') expect(work.reason).toBeInstanceOf(TalosError)
      }
    }),
    { numRuns: 500 }
  )
})

test('a tunnel cannot be taken over by another peer that knows its id', async () => {
  await using p = await pair()
  const { link } = await p.open()
  await link.send(bytes('mine'))
  await collect(link, 1)
  await using thief = await startNode({ listen: [] })
  p.offer(['other'], [thief.peerId.toString()])
  const resumeOfAnother = Buffer.concat([p.opens[0]!, Buffer.from([0x20, 0x01])]) // field 4, resume = true
  const stolen = { ...plainSession, seal: async () => resumeOfAnother }
  await expect(p.open('', thief, stolen)).rejects.toMatchObject({ code: 'TUNNEL_UNKNOWN' })
  // while its owner may take it up with the very same message
  await expect(p.open('', p.client, stolen)).rejects.toMatchObject({ code: 'TUNNEL_PROTOCOL' })
  await link.end()
})

test('the end of one side is the end of the other, with its reason', async () => {
  await using p = await pair({
    serve: async link => {
      for await (const _ of link.incoming()) await link.end(new TalosError('TUNNEL_CLOSED', 'the server is gone'))
    }
  })
  const { link } = await p.open()
  await link.send(bytes('hello'))
  await expect(within(collect(link, 1), 'the end')).rejects.toMatchObject({
    code: 'TUNNEL_CLOSED',
    message: 'the server is gone'
  })
})

test('when the host is gone for good the link ends with TUNNEL_LOST, in a few seconds', async () => {
  await using p = await pair()
  const { link } = await p.open()
  await link.send(bytes('hello'))
  await collect(link, 1)
  const ended = once(link, 'ended')
  await p.host.unhandle(MCP_PROTOCOL)
  for (const connection of p.host.getConnections()) connection.abort(new Error('dead'))
  expect(await ended).toMatchObject({ code: 'TUNNEL_LOST' })
}, 20_000)

test('a host keeps a tunnel for its grace time and not longer', async () => {
  await using p = await pair({ grace: 50 })
  const { link } = await p.open()
  await link.send(bytes('hello'))
  await collect(link, 1)
  const served = p.served[0]!.link as ResumableLink
  const ended = once(served, 'ended')
  await p.client.stop()
  expect(await ended).toMatchObject({ code: 'TUNNEL_LOST' })
  expect(p.tunnels.size).toBeLessThanOrEqual(1)
})

test('a frame put together without a copy is the protobuf encoding', () => {
  for (const length of [0, 1, 127, 128, 70_000]) {
    const body = randomBytes(length)
    const expected = TunnelFrame.encode({ type: FRAME.data, body })
    if (length > 0) expect(Buffer.compare(encodeFrame(FRAME.data, body).subarray(), expected)).toBe(0)
    expect(Buffer.compare(TunnelFrame.decode(encodeFrame(FRAME.data, body)).body, body)).toBe(0)
  }
})

test('a stream that begins with anything but an OPEN is refused and closed', async () => {
  await using p = await pair()
  for (const frame of [
    TunnelFrame.encode({ type: FRAME.data, body: new Uint8Array(10) }),
    TunnelFrame.encode({ type: 99, body: new Uint8Array(10) }),
    randomBytes(40)
  ]) {
    const stream = await p.client.dialProtocol(p.host.getMultiaddrs(), MCP_PROTOCOL)
    const frames = new FrameStream(stream, { maxFrameLength: 1_000_000 })
    await frames.write(frame)
    const answer = await within(frames.read(), 'the refusal')
    expect(TunnelFrame.decode(answer!).type).toBe(FRAME.refuse)
    await frames.close()
  }
  expect(p.served).toHaveLength(0)
})

test('a move that the host is quicker with than the client takes one handshake, not one after the other for ever', async () => {
  await using p = await pair()
  // reading the host's answer takes as long as a disk does: the old stream is reset meanwhile
  const slow: MainSessions = {
    ...plainSession,
    seal: async (_, plaintext) => {
      p.opens.push(Uint8Array.from(plaintext))
      return Uint8Array.from(plaintext)
    },
    open: async (peer, message) => {
      await delay(30)
      return plainSession.open(peer, message)
    }
  }
  const { link, moveTo } = await p.open('', p.client, slow)
  for (let moves = 1; moves <= 3; moves++) {
    await moveTo(signal => p.elsewhere(signal, slow), AbortSignal.timeout(5_000))
    // an answer over the new stream: whatever the reset of the old one set off has begun by now
    const echoed = collect(link, 1)
    await link.send(bytes('x'))
    await within(echoed, 'the echo')
    expect(p.opens).toHaveLength(1 + moves)
  }
  await link.end()
})

/** A client of the host that says what it likes. */
async function liar(p: Awaited<ReturnType<typeof pair>>): Promise<TunnelChannel> {
  const connection = await p.client.dial(p.host.getMultiaddrs())
  const frames = new FrameStream(await connection.newStream(MCP_PROTOCOL), { maxFrameLength: 16 * 1024 * 1024 })
  const request = { tunnelId: randomBytes(16), service: '', maxLine: 16 * 1024 * 1024 }
  const signal = AbortSignal.timeout(5_000)
  return (await openChannel(frames, p.client.peerId, connection, request, plainSession, plainStreams, signal)).channel
}

async function endOf(link: TunnelLink): Promise<unknown> {
  try {
    for await (const _ of link.incoming());
    return undefined
  } catch (error) {
    return error
  }
}

test.each([
  ['lines from number 0', { first: 0, lines: bytes('a', 'b') }],
  ['a gap', { first: 2, lines: bytes('b') }],
  ['taking what was never sent', { consumed: 1 }],
  ['taking a number without an end', { consumed: Number.MAX_SAFE_INTEGER }]
])('%s ends the tunnel', async (_, message) => {
  const ended = Promise.withResolvers<unknown>()
  await using p = await pair({ serve: async link => ended.resolve(await endOf(link)) })
  await (await liar(p)).send(message)
  expect(await within(ended.promise, 'the end')).toMatchObject({ code: 'TUNNEL_PROTOCOL' })
})

test.each([
  ['WALLET_CORRUPT', 'TUNNEL_ENDED'],
  ['TUNNEL_LOST', 'TUNNEL_LOST']
])("the other side's reason %s is told as %s, and steers no terminal", async (code, told) => {
  const ended = Promise.withResolvers<unknown>()
  await using p = await pair({ serve: async link => ended.resolve(await endOf(link)) })
  const message = `\x1b]0;owned\x07${'x'.repeat(100_000)}`
  await (await liar(p)).send({ end: { code, message } })
  const error = (await within(ended.promise, 'the end')) as TalosError
  expect(error.code).toBe(told)
  expect(error.message).toMatch(/^\\u\{1b\}\]0;owned\\u\{7\}x+$/)
  expect(error.message.length).toBeLessThan(600)
})

test('lines without contents count against the window', async () => {
  const ended = Promise.withResolvers<unknown>()
  const busy = Promise.withResolvers<void>()
  await using p = await pair({
    serve: async link => {
      await busy.promise
      ended.resolve(await endOf(link))
    }
  })
  const channel = await liar(p)
  const lines = Array.from({ length: 10_000 }, () => new Uint8Array())
  const total = (2 * WINDOW) / 64 + 20_000
  for (let first = 1; first < total; first += lines.length) await channel.send({ first, lines }).catch(() => {})
  await within(endOfStream(channel), 'the reset')
  busy.resolve()
  expect(await within(ended.promise, 'the end')).toMatchObject({ code: 'TUNNEL_PROTOCOL' })
})

async function endOfStream(channel: TunnelChannel): Promise<void> {
  try {
    while ((await channel.receive()) !== undefined);
  } catch {
    // reset
  }
}

test('pings that nobody takes the answers of do not pile them up', async () => {
  let sealed = 0
  const counting: StreamSessions = {
    ...plainStreams,
    respond: () => ({
      ratchetKey: new Uint8Array(32),
      session: () => ({
        ...plainSealer,
        seal: x => {
          sealed++
          return x.slice()
        }
      })
    })
  }
  const ended = Promise.withResolvers<unknown>()
  await using p = await pair({
    streams: counting,
    serve: async link => {
      // more than a stream holds of what the peer does not read
      link.send(Array.from({ length: 30 }, () => new Uint8Array(1024 * 1024))).catch(() => {})
      ended.resolve(await endOf(link))
    }
  })
  const channel = await liar(p)
  channel.frames.stream.pause()
  for (let i = 0; i < 5_000; i++) await channel.send({ ping: true })
  await channel.send({ end: { code: '', message: '' } })
  expect(await within(ended.promise, 'the end')).toBeUndefined()
  expect(sealed).toBeLessThan(1_000)
})

test('a peer that does not read holds up neither the end of its session nor the stop of the host', async () => {
  const sending = Promise.withResolvers<TunnelLink>()
  await using p = await pair({
    serve: async link => {
      sending.resolve(link)
      await link.send(Array.from({ length: 30 }, () => new Uint8Array(1024 * 1024))).catch(() => {})
    }
  })
  const channel = await liar(p)
  channel.frames.stream.pause()
  await within(sending.promise, 'the session')
  await within(p.tunnels.stop(), 'the end of the sessions', 5_000)
  await within(Promise.resolve(p.host.stop()), 'the stop', 5_000)
})

test('the keys of a stream are wiped when the tunnel has moved on, and when it has ended', async () => {
  let open = 0
  const sealer = (): Sealer => {
    open++
    let closed = false
    return {
      ...plainSealer,
      close: () => {
        if (!closed) open--
        closed = true
      }
    }
  }
  const streams: StreamSessions = {
    respond: () => ({ ratchetKey: new Uint8Array(32), session: sealer }),
    initiate: sealer
  }
  await using p = await pair({ streams })
  const { link, moveTo } = await p.open('', p.client, plainSession, streams)
  expect(open).toBe(2)
  await moveTo(signal => p.elsewhere(signal, plainSession, streams), AbortSignal.timeout(5_000))
  await link.send(bytes('hello'))
  await within(collect(link, 1), 'the echo')
  expect(open).toBe(2)
  await link.end()
  await p.client.stop()
  await p.host.stop()
  expect(open).toBe(0)
})

test('an OPEN that cannot be read is answered with what heals the session, and tried once more', async () => {
  const notice = Uint8Array.of(1, 2, 3)
  const healed: unknown[] = []
  await using p = await pair({
    sessions: {
      ...plainSession,
      open: async () => {
        throw new TalosError('SESSION_UNKNOWN', 'no session of that id')
      },
      explain: () => ({ notice, withoutOneTime: true })
    }
  })
  let opens = 0
  const client: MainSessions = {
    ...plainSession,
    seal: async (_, plaintext) => {
      opens++
      return Uint8Array.from(plaintext)
    },
    heal: async (_, unreadable) => {
      healed.push({ ...unreadable, notice: [...(unreadable.notice ?? [])] })
      return true
    }
  }
  await expect(p.open('', p.client, client)).rejects.toMatchObject({ code: 'TUNNEL_NO_SESSION' })
  expect(healed).toEqual(healed.map(() => ({ notice: [1, 2, 3], withoutOneTime: true })))
  expect(healed.length).toBeGreaterThan(0)
  expect(opens).toBe(2)
  expect(p.served).toEqual([])
})

test('a host that says that it keeps a tunnel for ever is believed for an hour', async () => {
  await using p = await pair({ grace: 0xffff_ffff })
  const { link } = await p.open()
  await link.send(bytes('hello'))
  await collect(link, 1)
  const timeout = vi.spyOn(AbortSignal, 'timeout')
  // as a link does on which nothing comes any more
  link.dispatchEvent(new CustomEvent('interrupted', { detail: { closed: false } }))
  const waits = timeout.mock.calls.map(([ms]) => ms)
  timeout.mockRestore()
  expect(waits.length).toBeGreaterThan(0)
  expect(Math.max(...waits)).toBe(3_600_000)
})
