import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { attach } from '../../src/node/control/client.ts'
import { readEndpoint } from '../../src/node/control/endpoint.ts'
import type { NodeStatus } from '../../src/node/directory/types.ts'
import { joinNode } from '../../src/node/join.ts'
import { openTunnel } from '../../src/protocols/mcp/tunnel/client.ts'
import type { LiveAgent, LiveProcess } from '../support/live-process.ts'
import { script } from '../support/mcp-tunnel.ts'
import { eventually } from '../support/processes.ts'
import { talos } from '../support/talos.ts'
import { type Party, TunnelNet } from '../support/tunnel-net.ts'
import { within } from '../support/within.ts'

// Several commands of one data directory at once: one process is the node, the others work through it, and any of them may end.

const SERVER = script(`
  on(message => {
    const { id, method, params } = message
    if (method === 'initialize') send({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } } })
    else if (method === 'pid') send({ id, result: process.pid })
    else if (method === 'never' || method === 'later') send({ method: 'notifications/message', params: { level: 'info', data: { begun: id } } })
    if (method === 'later') setTimeout(() => send({ id, result: 'late' }), params.ms)
  })
`)

/** For what has to happen by itself, on a machine that is busy with other tests. Milliseconds. */
const SOON = 15_000

let calls = 0

/** The result of a call; one that meets the loss of a link is answered with an error, and made again. */
async function pidOf(live: LiveAgent): Promise<number> {
  for (const deadline = Date.now() + SOON; ; ) {
    const id = `pid-${++calls}`
    await live.agent.write({ id, method: 'pid' })
    const { result, error } = await within(live.agent.answer(id), `an answer to ${id}`, SOON)
    if (result !== undefined) return result as number
    if (error?.code !== 5030 || Date.now() > deadline) throw new Error(`no result: ${JSON.stringify(error)}`)
  }
}

/** Makes a call that the server answers after a while, and waits until the server has it. */
async function begin(live: LiveAgent, id: string, ms: number): Promise<void> {
  await live.agent.write({ id, method: 'later', params: { ms } })
  await live.agent.line(line => line.includes(`"begun":"${id}"`))
}

/**
 * What begin() began is answered, and the agent goes on: with the same server, unless the session was not taken up in time, which
 * a busy machine may be too slow for (tunnel.test.ts has it without processes).
 */
async function goesOn(live: LiveAgent, id: string, pid: number): Promise<void> {
  const { result, error } = await within(live.agent.answer(id), `the answer to ${id}`, SOON)
  if (result === undefined) expect(error?.code).toBe(5030)
  else expect(result).toBe('late')
  const now = await pidOf(live)
  if (!live.said.some(line => line.includes('the link has ended'))) expect([result, now]).toEqual(['late', pid])
  expect(live.agent.answers(id)).toBe(1)
}

/** The process that is the node of a data directory. */
async function nodeOf({ dataDir }: Party): Promise<number | undefined> {
  return (await readEndpoint(dataDir))?.pid
}

describe.concurrent('the node ends, and a session through it goes on', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'with %s, on the side that serves: the server that was asked answers',
    async signal => {
      await using net = await TunnelNet.open()
      const port = await net.fixedPort()
      const daemon = await net.start(net.host, 'daemon', 'ready', port)
      const serving = await net.serve(SERVER, { port })
      expect(await nodeOf(net.host)).toBe(daemon.pid)
      const live = net.connect()
      await live.initialize()
      const pid = await pidOf(live)
      await begin(live, 'a', 1000)
      await daemon.kill(signal)
      await goesOn(live, 'a', pid)
      await eventually(async () => (await nodeOf(net.host)) === serving.pid, SOON)
    },
    60_000
  )

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'with %s, on the side that connects',
    async signal => {
      await using net = await TunnelNet.open()
      await net.serve(SERVER)
      const daemon = await net.start(net.agent, 'daemon', 'ready')
      const [one, two] = [net.connect(), net.connect()]
      await Promise.all([one.initialize(), two.initialize()])
      const pids = [await pidOf(one), await pidOf(two)]
      expect(pids[0]).not.toBe(pids[1])
      expect(await nodeOf(net.agent)).toBe(daemon.pid)
      await Promise.all([begin(one, 'a', 1000), begin(two, 'b', 1000)])
      await daemon.kill(signal)
      await Promise.all([goesOn(one, 'a', pids[0]!), goesOn(two, 'b', pids[1]!)])
    },
    60_000
  )

  test('an mcp-connect that was the node: the other one of the data directory goes on', async () => {
    await using net = await TunnelNet.open()
    await net.serve(SERVER)
    const first = net.connect()
    await first.initialize()
    await eventually(async () => (await nodeOf(net.agent)) === first.pid, SOON)
    const second = net.connect()
    await second.initialize()
    const pid = await pidOf(second)
    await begin(second, 'a', 1000)
    await net.kill(first)
    await goesOn(second, 'a', pid)
    await eventually(async () => (await nodeOf(net.agent)) === second.pid, SOON)
  }, 60_000)
})

describe.concurrent('a command that stays takes the place of one that does not', () => {
  test.each([
    ['daemon', 'ready'],
    ['listen', 'listening']
  ])(
    '%s, of an mcp-connect with a call under way',
    async (command, ready) => {
      await using net = await TunnelNet.open()
      await net.serve(SERVER)
      const live = net.connect()
      await live.initialize()
      const pid = await pidOf(live)
      await eventually(async () => (await nodeOf(net.agent)) === live.pid, SOON)
      await begin(live, 'a', 2000)
      const staying = await net.start(net.agent, command, ready)
      expect(await nodeOf(net.agent)).toBe(staying.pid)
      await goesOn(live, 'a', pid)
    },
    60_000
  )

  test('mcp-serve, of an mcp-connect; and a daemon of that', async () => {
    await using net = await TunnelNet.open()
    const port = await net.fixedPort()
    // the host uses a tool of the other party, too
    await net.serve(SERVER, { reverse: true })
    const theirs = net.connect({ reverse: true })
    await theirs.initialize()
    await eventually(async () => (await nodeOf(net.host)) === theirs.pid, SOON)
    const serving = await net.serve(SERVER, { port })
    const live = net.connect()
    await live.initialize()
    expect(await nodeOf(net.host)).toBe(serving.pid)
    const pids = [await pidOf(theirs), await pidOf(live)]
    await Promise.all([begin(theirs, 'a', 2000), begin(live, 'b', 2000)])
    const daemon = await net.start(net.host, 'daemon', 'ready', port)
    expect(await nodeOf(net.host)).toBe(daemon.pid)
    await Promise.all([goesOn(theirs, 'a', pids[0]!), goesOn(live, 'b', pids[1]!)])
  }, 90_000)
})

test.concurrent('in any order of start and end the agent is served', async () => {
  await using net = await TunnelNet.open()
  const port = await net.fixedPort()
  const start: Record<string, () => Promise<LiveProcess>> = {
    serve: () => net.serve(SERVER, { port }),
    daemon: () => net.start(net.host, 'daemon', 'ready', port),
    listen: () => net.start(net.host, 'listen', 'listening', port)
  }
  const live = net.connect()
  for (const [starts, ends] of [
    ['serve daemon listen', 'serve daemon listen'],
    ['daemon listen serve', 'daemon listen serve'],
    ['listen serve daemon', 'daemon listen serve']
  ]) {
    const running = new Map<string, LiveProcess>()
    for (const name of starts!.split(' ')) running.set(name, await start[name]!())
    if (live.agent.answers('init') === 0) await live.initialize()
    await pidOf(live)
    for (const name of ends!.split(' ')) {
      await running.get(name)!.kill('SIGTERM')
      running.delete(name)
      if (running.has('serve')) await pidOf(live)
    }
  }
}, 90_000)

test.concurrent('status says how far away each connection of the running node is', async () => {
  await using net = await TunnelNet.open()
  const server = await net.bootstrap()
  const daemon = await net.start(net.agent, 'daemon', 'ready')
  const register = ['register', '--server', `127.0.0.1:${server.port}`, '--data-dir', net.agent.dataDir]
  expect((await talos(register)).status).toBe(0)
  const status = async (...flags: string[]) =>
    (await talos(['status', ...flags, '--data-dir', net.agent.dataDir], { timeout: 60_000 })).stdout
  const { node } = JSON.parse(await status('--json')) as NodeStatus
  expect(node!.pid).toBe(daemon.pid)
  expect(node!.connections.length).toBeGreaterThan(0)
  for (const { direct, roundTrip } of node!.connections) {
    expect(direct).toBe(true)
    expect(roundTrip).toBeGreaterThan(0)
  }
  expect(await status()).toMatch(/CONNECTED TO +ROUND TRIP +HOW[^\n]*\n\S+ +[0-9.]+ (ms|s) +direct/)
}, 60_000)

test.concurrent('status answers whatever begins and ends meanwhile', async () => {
  await using net = await TunnelNet.open()
  const status = () => talos(['status', '--json', '--data-dir', net.host.dataDir], { timeout: 60_000 })
  const asked = [status()]
  for (let round = 0; round < 3; round++) {
    const daemon = await net.start(net.host, 'daemon', 'ready', await net.fixedPort())
    asked.push(status(), status())
    await net.kill(daemon)
    asked.push(status())
  }
  for (const { status: code, stdout } of await Promise.all(asked)) expect(code, stdout).toBe(0)
}, 90_000)

test.concurrent('three commands that start at the same moment', async () => {
  await using net = await TunnelNet.open()
  const port = await net.fixedPort()
  const [, , serving] = await Promise.all([
    net.start(net.host, 'daemon', 'ready', port),
    net.start(net.host, 'listen', 'listening', port),
    net.serve(SERVER, { port })
  ])
  const lives = [net.connect(), net.connect(), net.connect()]
  await Promise.all(lives.map(live => live.initialize()))
  expect(new Set(await Promise.all(lives.map(pidOf))).size).toBe(3)
  expect(serving.running).toBe(true)
}, 90_000)

describe.concurrent('a program that serves', () => {
  test('is awaited by whom it names from when its node listens, before it serves for the first time', async () => {
    await using net = await TunnelNet.open()
    const port = await net.fixedPort()
    const live = net.connect()
    {
      const offering = { services: ['mcp'], authorizedPeers: [net.agent.peerId] }
      const listen = [`/ip4/127.0.0.1/tcp/${port}`]
      await using _ = await joinNode({ dataDir: net.host.dataDir, role: 'agent', config: { listen }, offering })
      await live.line(line => line.includes('not served at this moment'))
    }
    await net.serve(SERVER, { port })
    await live.initialize()
    expect(await pidOf(live)).toBeGreaterThan(0)
  }, 90_000)

  test('serves though the node ends while it is told what is served', async () => {
    await using net = await TunnelNet.open()
    const port = await net.fixedPort()
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    const node = await joinNode({ dataDir: net.host.dataDir, role: 'agent', config: { listen } })
    let asked = 0
    node.own!.tunnels.add = () => {
      asked++
      void node[Symbol.asyncDispose]()
      return new Promise(() => {})
    }
    const serving = await net.serve(SERVER, { port })
    expect(asked).toBe(1)
    expect(await nodeOf(net.host)).toBe(serving.pid)
    const live = net.connect()
    await live.initialize()
    expect(await pidOf(live)).toBeGreaterThan(0)
  }, 90_000)

  test('is killed while the node lives: calls are answered, and with the next one the agent goes on by itself', async () => {
    await using net = await TunnelNet.open()
    const port = await net.fixedPort()
    const daemon = await net.start(net.host, 'daemon', 'ready', port)
    const serving = await net.serve(SERVER, { port })
    const live = net.connect()
    await live.initialize()
    const pid = await pidOf(live)
    await live.agent.write({ id: 'a', method: 'never' })
    await live.agent.line(line => line.includes('"begun":"a"'))
    await net.kill(serving)
    expect(await within(live.agent.answer('a'), 'the answer', SOON)).toMatchObject({ error: { code: 5030 } })
    await net.watch.noneLeft(SOON, own => own === live.pid || own === daemon.pid)
    await live.line(line => line.includes('not served at this moment'))
    await net.serve(SERVER, { port })
    expect(await pidOf(live)).not.toBe(pid)
    expect(live.running && daemon.running).toBe(true)
  }, 90_000)

  test('under a name that another serves already is told who does', async () => {
    await using net = await TunnelNet.open()
    const serving = await net.serve(SERVER)
    const again = net.serve(SERVER, { port: 0 })
    await expect(again).rejects.toThrow(new RegExp(`TUNNEL_SERVICE_TAKEN[^]*process ${serving.pid}`))
    const other = await net.serve(SERVER, { port: 0, flags: ['--name', 'other'] })
    const [first, second] = [
      net.connect({ flags: ['--service', 'mcp'] }),
      net.connect({ flags: ['--service', 'other'] })
    ]
    await Promise.all([first.initialize(), second.initialize()])
    expect(await pidOf(first)).not.toBe(await pidOf(second))
    expect(other.running).toBe(true)
  }, 90_000)

  test('listens where its flags say, through a node that runs already', async () => {
    await using net = await TunnelNet.open()
    await net.start(net.host, 'daemon', 'ready')
    const port = await net.fixedPort()
    await net.serve(SERVER, { port, flags: ['--listen', `/ip4/127.0.0.1/tcp/${port}`] })
    const live = net.connect()
    await live.initialize()
    expect(await pidOf(live)).toBeGreaterThan(0)
  }, 60_000)
})

test.concurrent('a node that is stopped: who comes is told so, and who is there goes on when it does', async () => {
  await using net = await TunnelNet.open()
  await net.serve(SERVER)
  const daemon = await net.start(net.agent, 'daemon', 'ready')
  const live = net.connect()
  await live.initialize()
  const pid = await pidOf(live)
  process.kill(daemon.pid, 'SIGSTOP')
  try {
    const late = net.connect()
    await late.agent.write({ id: 'a', method: 'pid' })
    expect(await within(late.agent.answer('a'), 'the answer', SOON)).toMatchObject({ error: { code: 5030 } })
    expect(await within(late.exited, 'its end', SOON)).toMatchObject({ code: 1 })
    expect(late.said.join('\n')).toContain('NODE_STUCK')
    await live.agent.write({ id: 'b', method: 'pid' })
    await live.line(line => line.includes('the link is interrupted'))
  } finally {
    process.kill(daemon.pid, 'SIGCONT')
  }
  expect(await within(live.agent.answer('b'), 'the answer', SOON)).toMatchObject({ result: pid })
}, 120_000)

test.concurrent('what a killed node has left behind is in nobody’s way', async () => {
  await using net = await TunnelNet.open()
  await net.serve(SERVER)
  const daemon = await net.start(net.agent, 'daemon', 'ready')
  const left = await readFile(join(net.agent.dataDir, 'node.json'))
  await net.kill(daemon)
  expect(await nodeOf(net.agent)).toBe(daemon.pid)
  const first = net.connect()
  await first.initialize()
  first.child.stdin.end()
  await first.exited
  // a file without a socket, too
  await writeFile(join(net.agent.dataDir, 'node.json'), left, { mode: 0o600 })
  const second = net.connect()
  await second.initialize()
  expect(await pidOf(second)).toBeGreaterThan(0)
}, 60_000)

test.concurrent('a hundred programs that come and go leave nothing open at the node', async () => {
  await using net = await TunnelNet.open()
  // one that starts quickly, since every session has its own: it answers whatever has an id
  const answer = 's/.*"id":\\([^,}]*\\).*/{"jsonrpc":"2.0","id":\\1,"result":{}}/'
  await net.serve({ file: 'sed', args: ['-u', answer] })
  const daemon = await net.start(net.agent, 'daemon', 'ready')
  const round = async (withTunnel: boolean): Promise<void> => {
    await using node = await attach(net.agent.dataDir)
    const signal = AbortSignal.timeout(SOON)
    const target = await node!.tunnels.resolve('host', signal)
    if (!withTunnel) return
    const { link } = await openTunnel({ open: node!.tunnels.opener(target) }, signal)
    await link.send([Buffer.from('{"jsonrpc":"2.0","id":1,"method":"server/discover"}')])
    for await (const lines of link.incoming()) {
      expect(lines).toHaveLength(1)
      break
    }
    await link.end()
  }
  for (let i = 0; i < 5; i++) await round(true)
  const before = handlesOf(daemon)
  // the host takes 60 sessions of a peer at once
  for (let i = 0; i < 100; i++) await round(i % 2 === 0)
  await eventually(() => handlesOf(daemon) <= before, SOON)
}, 120_000)

function handlesOf({ pid }: LiveProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
