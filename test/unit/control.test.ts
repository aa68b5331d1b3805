import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { TalosError } from '../../src/errors.ts'
import { attach } from '../../src/node/control/client.ts'
import { readEndpoint } from '../../src/node/control/endpoint.ts'
import type { NodeApi, NodeEvent, NodeGreeting } from '../../src/node/control/methods.ts'
import { ControlServer } from '../../src/node/control/server.ts'
import type { NodeStreams } from '../../src/node/streams/types.ts'
import type { OwnTunnels } from '../../src/node/tunnels/own-tunnels.ts'
import { drained } from '../../src/protocols/framing/drained.ts'
import type { HostedTunnels } from '../../src/protocols/mcp/tunnel/hosted.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { within } from '../support/within.ts'

const greeting: NodeGreeting = { version: 'test', pid: 1, peerId: 'peer', name: 'Alice', role: 'agent', startedAt: 0 }

/** A node's socket with some of a node's calls behind it. */
async function serve(api: Partial<NodeApi>, dataDir = temporaryFolder(), tunnels = {} as OwnTunnels) {
  const listeners = new Set<(event: NodeEvent) => void>()
  const released: symbol[] = []
  const server = await ControlServer.start({
    dataDir,
    greeting,
    api: {
      onEvent: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      release: client => released.push(client),
      ...api
    } as NodeApi,
    tunnels,
    streams: {} as NodeStreams
  })
  onTestFinished(() => server.close())
  const client = await attach(dataDir)
  onTestFinished(() => client![Symbol.asyncDispose]())
  return {
    server,
    dataDir,
    client: client!,
    tell: (event: NodeEvent) => {
      for (const listener of listeners) listener(event)
    },
    listeners,
    released
  }
}

const outgoing = (content: Uint8Array) => ({
  id: '1',
  peer: 'bob',
  state: 'queued' as const,
  contentType: 'text/plain',
  content,
  queuedAt: 1,
  expiresAt: 2,
  stateAt: 1
})

test('a call goes over with its bytes and comes back, and the socket is private', async () => {
  const { client, dataDir } = await serve({ send: async ({ content }) => outgoing(content) })
  expect(client.greeting).toEqual(greeting)
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  expect(await client.api.send({ peer: 'bob', content: bytes })).toEqual(outgoing(bytes))
  for (const file of ['node.json', 'node.sock']) expect((await stat(join(dataDir, file))).mode & 0o777).toBe(0o600)
})

test('an error arrives with its code and hint', async () => {
  const { client } = await serve({
    send: async () => {
      throw new TalosError('PEER_UNKNOWN', 'no such peer', { hint: 'name one' })
    }
  })
  const call = client.api.send({ peer: 'x', content: new Uint8Array() })
  await expect(call).rejects.toMatchObject({ code: 'PEER_UNKNOWN', message: 'no such peer', hint: 'name one' })
})

test('malformed parameters are refused before the node sees them', async () => {
  let calls = 0
  const { client } = await serve({
    take: async () => {
      calls++
      return null
    }
  })
  for (const params of [{}, { id: 7 }, { id: '' }, null, 'x']) {
    await expect(client.api.take(params as never)).rejects.toMatchObject({ code: 'NODE_REQUEST_INVALID' })
  }
  expect(calls).toBe(0)
})

test('giving up a call tells the node', async () => {
  const begun = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  const { client } = await serve({
    waitFor: (_, { signal } = {}) =>
      new Promise((_, reject) => {
        begun.resolve()
        signal!.addEventListener('abort', () => {
          stopped.resolve()
          reject(signal!.reason)
        })
      })
  })
  const controller = new AbortController()
  const call = client.api.waitFor({ id: '1', state: 'read' }, { signal: controller.signal })
  const failed = expect(call).rejects.toThrow('enough')
  await within(begun.promise, 'the call reaches the node')
  controller.abort(new Error('enough'))
  await failed
  await within(stopped.promise, 'the node hears of it')
})

test('events reach who asks for them, and a client that leaves is released', async () => {
  const { client, tell, released, listeners } = await serve({})
  const seen = Promise.withResolvers<NodeEvent>()
  client.api.onEvent(seen.resolve)
  while (listeners.size === 0) await new Promise(resolve => setImmediate(resolve))
  tell({ type: 'message', id: '1', peer: 'bob' })
  expect(await within(seen.promise, 'the event')).toEqual({ type: 'message', id: '1', peer: 'bob' })
  await client[Symbol.asyncDispose]()
  while (released.length === 0 || listeners.size > 0) await new Promise(resolve => setImmediate(resolve))
})

test('a broadcast arrives with its bytes', async () => {
  const { client, tell, listeners } = await serve({})
  const seen = Promise.withResolvers<NodeEvent>()
  client.api.onEvent(seen.resolve)
  while (listeners.size === 0) await new Promise(resolve => setImmediate(resolve))
  const content = Uint8Array.from({ length: 256 }, (_, i) => i)
  const event = { type: 'broadcast', topic: 'x', id: '1', peer: 'bob', contentType: 'a/b', content, sentAt: 1 } as const
  tell(event)
  expect(await within(seen.promise, 'the event')).toEqual(event)
})

test('a call under way fails with NODE_GONE when the node ends', async () => {
  const { client, server } = await serve({ waitFor: () => new Promise(() => {}) })
  const call = expect(client.api.waitFor({ id: '1', state: 'read' })).rejects.toMatchObject({ code: 'NODE_GONE' })
  await server.close()
  await within(call, 'the failure')
  await within(client.ended, 'the end')
})

test('what begins after the node has ended fails with NODE_GONE, whatever it is', async () => {
  const { client, server } = await serve({})
  await server.close()
  await within(client.ended, 'the end')
  const gone = { code: 'NODE_GONE' }
  await expect(client.api.status({})).rejects.toMatchObject(gone)
  const tunnels = { maxLine: 1, grace: 1 } as HostedTunnels
  await expect(client.tunnels.offer({ services: ['mcp'], authorizedPeers: [], tunnels })).rejects.toMatchObject(gone)
  await expect(client.streams.onOffer(() => {})).rejects.toMatchObject(gone)
})

test('what a program offers ends with it, also when it ends before that is on disk', async () => {
  const added = Promise.withResolvers<() => void>()
  const ended = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const tunnels = {
    add: () => {
      asked.resolve()
      return added.promise
    }
  } as unknown as OwnTunnels
  const { client, released } = await serve({}, temporaryFolder(), tunnels)
  const offering = client.tunnels.offer({
    ...{ services: ['mcp'], authorizedPeers: ['12D3KooWGBfKqTqgPNZhfTZLbTKpg9xWnDzyJcTYQYQzWSmCjTLt'] },
    tunnels: { maxLine: 1024, grace: 1 } as HostedTunnels
  })
  offering.catch(() => {})
  await within(asked.promise, 'the offer')
  await client[Symbol.asyncDispose]()
  await within(client.ended, 'the end of the program')
  while (released.length === 0) await new Promise(setImmediate)
  added.resolve(() => ended.resolve())
  await within(ended.promise, 'the end of the offer')
  await expect(offering).rejects.toMatchObject({ code: 'NODE_GONE' })
})

test('who does not know the token is answered nothing', async () => {
  const { dataDir } = await serve({ status: async () => ({ dataDir: 'secret' }) as never })
  const { path } = (await readEndpoint(dataDir))!
  const socket = connect(path)
  onTestFinished(() => void socket.destroy())
  const said: Buffer[] = []
  socket.on('data', chunk => said.push(chunk))
  for (const [id, method, params] of [
    [1, 'status', {}],
    [2, 'hello', { token: '0'.repeat(32) }],
    [3, 'status', {}],
    [4, 'subscribe', {}]
  ]) {
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`)
  }
  while (Buffer.concat(said).toString().split('NODE_DENIED').length < 5)
    await within(once(socket, 'data'), 'the answers')
  expect(Buffer.concat(said).toString()).not.toContain('secret')
})

test.each([
  ['junk', 'GET / HTTP/1.1\r\n\r\n'],
  ['a huge length', 'Content-Length: 99999999999999\r\n\r\n'],
  ['broken JSON', 'Content-Length: 3\r\n\r\n{,}']
])('%s on the socket does no harm', async (_, text) => {
  const { client, dataDir } = await serve({ take: async () => null })
  const socket = connect((await readEndpoint(dataDir))!.path)
  socket.on('error', () => {})
  socket.end(text)
  await within(once(socket, 'close'), 'the end of that connection')
  expect(await client.api.take({ id: '1' })).toBeNull()
})

test('where a node was killed, nobody is found and the next one takes its place', async () => {
  const dataDir = temporaryFolder()
  await writeFile(
    join(dataDir, 'node.json'),
    JSON.stringify({ protocol: 1, pid: 1, path: join(dataDir, 'node.sock'), token: 'x' }),
    { mode: 0o600 }
  )
  await writeFile(join(dataDir, 'node.sock'), '')
  expect(await attach(dataDir)).toBeUndefined()
  const { client } = await serve({ take: async () => null }, dataDir)
  expect(await client.api.take({ id: '1' })).toBeNull()
})

test('a file that others can write is not believed', async () => {
  const dataDir = temporaryFolder()
  await writeFile(join(dataDir, 'node.json'), JSON.stringify({ protocol: 1, pid: 1, path: '/tmp/x', token: 'x' }), {
    mode: 0o666
  })
  expect(await readEndpoint(dataDir)).toBeUndefined()
})

test('a node of another protocol version is named', async () => {
  const { dataDir } = await serve({})
  const endpoint = (await readEndpoint(dataDir))!
  await writeFile(join(dataDir, 'node.json'), JSON.stringify({ ...endpoint, protocol: 2 }), { mode: 0o600 })
  await expect(attach(dataDir)).rejects.toMatchObject({ code: 'NODE_VERSION' })
})

test('a data directory with a path too long for a socket has it elsewhere', async () => {
  const dataDir = join(temporaryFolder(), 'd'.repeat(120))
  const { mkdir } = await import('node:fs/promises')
  await mkdir(dataDir, { mode: 0o700 })
  const { client } = await serve({ take: async () => null }, dataDir)
  expect(await client.api.take({ id: '1' })).toBeNull()
  expect((await readEndpoint(dataDir))!.path.length).toBeLessThan(104)
})

test('waiting for room leaves no listener behind, however often a stream is full', async () => {
  const stream = new PassThrough({ highWaterMark: 1 })
  for (let count = 0; count < 20; count++) {
    expect(stream.write('xx')).toBe(false)
    const room = drained(stream)
    stream.read()
    await within(room, 'room')
  }
  expect([stream.listenerCount('close'), stream.listenerCount('drain')]).toEqual([
    new PassThrough().listenerCount('close'),
    0
  ])
  stream.write('xx')
  const room = drained(stream)
  stream.destroy()
  await within(Promise.all([room, drained(stream)]), 'the end of one that was closed')
})
