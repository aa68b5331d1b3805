import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { LiveAgent, LiveProcess } from '../support/live-process.ts'
import { script } from '../support/mcp-tunnel.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { TunnelNet } from '../support/tunnel-net.ts'
import { within } from '../support/within.ts'

// kill -9 of each process, and of the link between them: every request is answered, nothing hangs, nothing is left behind.

/** `never` is never answered, `later` after a while, each told with `notifications/message`; `pid` says who answers. */
const SERVER = script(`
  const heard = []
  on(message => {
    const { id, method, params } = message
    heard.push(method)
    if (method === 'initialize') send({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } } })
    else if (method === 'pid') send({ id, result: process.pid })
    else if (method === 'heard') send({ id, result: heard })
    else if (method === 'never' || method === 'later') send({ method: 'notifications/message', params: { level: 'info', data: { begun: id } } })
    if (method === 'later') setTimeout(() => send({ id, result: 'late' }), params.ms)
  })
`)

/** What a request may take to be answered when something was killed. */
const SOON = 5000

async function session(server = SERVER, options: { through?: TcpProxy; env?: Record<string, string> } = {}) {
  const net = await TunnelNet.open()
  try {
    const serving = await net.serve(server, options)
    const live = net.connect(options.env === undefined ? {} : { env: options.env })
    await live.initialize()
    return { net, serving, live, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() }
  } catch (error) {
    await net[Symbol.asyncDispose]()
    throw error
  }
}

async function call(live: LiveAgent, id: string, method = 'pid', params: object = {}) {
  await live.agent.write({ id, method, params })
  return live.agent.answer(id)
}

/** Makes a call and waits until the server has it. */
async function begin(live: LiveAgent, id: string, method = 'never', params: object = {}): Promise<void> {
  await live.agent.write({ id, method, params })
  await live.agent.line(line => line.includes(`"begun":"${id}"`))
}

function answeredOnce(live: LiveAgent, ...ids: string[]): void {
  for (const id of ids) expect([id, live.agent.answers(id)]).toEqual([id, 1])
}

describe.concurrent('kill -9', () => {
  test.each(['at rest', 'in the middle of a call'])(
    'of mcp-connect, %s: its session ends on the host',
    async when => {
      await using s = await session()
      if (when !== 'at rest') await begin(s.live, 'a')
      await s.net.kill(s.live)
      const closed = performance.now()
      await s.serving.event('session-ended')
      await s.net.watch.noneLeft(SOON, pid => pid === s.serving.pid || isGuardian(pid))
      expect(performance.now() - closed).toBeLessThan(10_000)
      // and the next one works
      const next = s.net.connect()
      await next.initialize()
      expect((await call(next, 'b')).result).toBeGreaterThan(0)
    },
    30_000
  )

  test.each(['at rest', 'in the middle of a call'])(
    'of mcp-serve, %s: the same mcp-connect goes on with the next',
    async when => {
      await using s = await session()
      const first = (await call(s.live, 'first')).result
      if (when !== 'at rest') await begin(s.live, 'a')
      await s.net.kill(s.serving)
      if (when !== 'at rest') {
        const answer = await within(s.live.agent.answer('a'), 'the answer', SOON)
        expect(answer.error).toMatchObject({ code: 5030, data: { reason: expect.stringMatching(/link-lost|no-link/) } })
      }
      await s.net.watch.noneLeft(SOON, pid => pid === s.live.pid)
      // asked while nobody is there: answered too
      expect(await within(call(s.live, 'nobody'), 'the answer', SOON)).toMatchObject({ error: { code: 5030 } })

      await s.net.serve(SERVER, { port: s.serving.port })
      await s.live.line(line => line.includes('connected to'), s.live.said.length)
      const heard = await call(s.live, 'heard', 'heard')
      expect(heard.result).toEqual(['initialize', 'notifications/initialized', 'heard'])
      expect((await call(s.live, 'second')).result).not.toBe(first)
      answeredOnce(s.live, 'init', 'first', 'nobody', 'heard', 'second', ...(when === 'at rest' ? [] : ['a']))
    },
    40_000
  )

  test.each(['at rest', 'in the middle of a call'])(
    'of the MCP server, %s: another one takes up the session',
    async when => {
      await using s = await session()
      const pid = (await call(s.live, 'first')).result as number
      if (when !== 'at rest') await begin(s.live, 'a')
      process.kill(pid, 'SIGKILL')
      if (when !== 'at rest')
        expect((await within(s.live.agent.answer('a'), 'the answer', SOON)).error?.code).toBe(5020)
      const again = await within(call(s.live, 'again'), 'the next call', SOON)
      // at rest the call may meet the server's end
      if (when !== 'at rest') expect(again.result).not.toBe(pid)
      expect((await call(s.live, 'heard', 'heard')).result).toEqual(expect.arrayContaining(['initialize', 'heard']))
      answeredOnce(s.live, 'init', 'first', 'again', 'heard')
    },
    30_000
  )

  test.each(['at rest', 'in the middle of a call'])(
    'of the bootstrap server, %s: tunnels go on, and with the next one new ones are made',
    async when => {
      await using net = await TunnelNet.open()
      const server = await net.bootstrap()
      await net.serve(SERVER)
      const live = net.connect()
      await live.initialize()
      if (when !== 'at rest') await begin(live, 'a', 'later', { ms: 500 })
      await net.kill(server)
      if (when !== 'at rest') expect((await live.agent.answer('a')).result).toBe('late')
      expect((await within(call(live, 'b'), 'the answer', SOON)).result).toBeGreaterThan(0)
      await net.bootstrap(server.port)
      const next = net.connect()
      await next.initialize()
      expect((await call(next, 'c')).result).toBeGreaterThan(0)
    },
    40_000
  )

  test('of the bootstrap server before mcp-connect starts: it asks again until one answers', async () => {
    await using net = await TunnelNet.open()
    const server = await net.bootstrap()
    await net.serve(SERVER)
    await net.kill(server)
    const live = net.connect()
    await live.line(line => line.includes('cannot reach the server'))
    await net.bootstrap(server.port)
    await live.line(line => line.includes('connected to'))
    await live.initialize()
    expect((await call(live, 'a')).result).toBeGreaterThan(0)
  }, 40_000)

  test.each(['at rest', 'in the middle of a call'])(
    'of the bootstrap server that relays the tunnel, %s: every request is answered, and the next server takes over',
    async when => {
      await using net = await TunnelNet.open()
      const server = await net.bootstrap()
      // an address where nobody listens: what remains is the relay
      const serving = await net.serve(SERVER, { env: { TALOS_ANNOUNCE: '/ip4/127.0.0.1/tcp/9' } })
      const live = net.connect()
      await live.initialize()
      await live.line(line => line.includes('through a relay'))
      expect((await call(live, 'before')).result).toBeGreaterThan(0)
      if (when !== 'at rest') await begin(live, 'a')
      const [said, heard] = [live.said.length, serving.said.length]
      await net.kill(server)
      // its port is closed: the link ends, and what is in flight is answered when it is not taken up again
      if (when !== 'at rest') {
        expect((await within(live.agent.answer('a'), 'the answer', SOON)).error?.code).toBe(5030)
      }
      expect((await within(call(live, 'nobody'), 'the answer', SOON)).error?.code).toBe(5030)
      await net.bootstrap(server.port)
      await serving.event('registered', heard)
      await live.line(line => line.includes('connected to') && line.includes('through a relay'), said)
      expect((await call(live, 'after')).result).toBeGreaterThan(0)
      answeredOnce(live, 'init', 'before', 'nobody', 'after', ...(when === 'at rest' ? [] : ['a']))
    },
    90_000
  )
})

describe.concurrent('a server that does not want to end', () => {
  const STUBBORN = {
    'ignores the end of its input and SIGTERM': `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`,
    'has children and grandchildren that do so too': `
      const child = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);"
      const nest = "require('node:child_process').spawn(process.execPath, ['-e', " + JSON.stringify(child) + "], { stdio: 'inherit' });"
      require('node:child_process').spawn(process.execPath, ['-e', nest + child], { stdio: 'inherit' })
      process.on('SIGTERM', () => {})`,
    'prints junk all the time': `
      process.on('SIGTERM', () => {})
      setInterval(() => process.stdout.write('junk\\n[undefined]\\n{"half": \\n\\u0000\\u001b[2J\\n'), 1)`,
    'reads no more': `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stdin.once('data', () => setTimeout(() => process.stdin.pause(), 50))`
  }

  test.each(Object.entries(STUBBORN))(
    '%s: none of it outlives its session',
    async (_, source) => {
      const answering = `
      on(({ id, method, params }) => method === 'initialize' && send({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 's', version: '1' } } }))
    `
      await using s = await session(script(answering + source))
      const others = (pid: number) => pid === s.serving.pid || isGuardian(pid)
      // the agent closes its side
      s.net.watch.remember(s.serving.pid)
      s.live.child.stdin.end()
      await within(s.live.exited, 'the end of mcp-connect', SOON)
      await s.serving.event('session-ended')
      await s.net.watch.noneLeft(SOON, others)
      // the host dies: its guardian sees to the rest
      const next = s.net.connect()
      await next.initialize()
      await s.net.kill(s.serving)
      await s.net.watch.noneLeft(SOON, pid => pid === next.pid)
    },
    40_000
  )

  test('that reads nothing is no reason not to answer when the host stops', async () => {
    await using s = await session(
      script(
        `process.stdin.once('data', () => { process.stdin.pause(); send({ id: 'init', result: {} }) }); setInterval(() => {}, 1000)`
      )
    )
    const pad = 'x'.repeat(1_000_000)
    const requests = Array.from({ length: 12 }, (_, i) => ({ id: `big-${i}`, method: 'x', params: { pad } }))
    // not all are read before the host is gone
    const written = s.live.agent.write(...requests)
    await s.serving.kill('SIGTERM')
    for (let i = 0; i < 12; i++) {
      const answer = await within(s.live.agent.answer(`big-${i}`), 'the answer', 2 * SOON)
      expect(answer.error?.code).toBe(5030)
    }
    await written
  }, 90_000)
})

describe('a link that is cut', () => {
  async function proxied(env: Record<string, string> = {}) {
    const proxy = await TcpProxy.start()
    const s = await session(SERVER, { through: proxy, env })
    return {
      ...s,
      proxy,
      [Symbol.asyncDispose]: async () => {
        await s[Symbol.asyncDispose]()
        await proxy[Symbol.asyncDispose]()
      }
    }
  }

  test.concurrent.each(['reset', 'finish'] as const)(
    'with a %s: the call in flight survives, and the next ones work',
    async cut => {
      await using s = await proxied()
      const pid = (await call(s.live, 'pid')).result
      for (const round of ['1', '2', '3']) {
        await begin(s.live, `later-${round}`, 'later', { ms: 700 })
        s.proxy[cut]()
        await s.live.agent.write({ id: `during-${round}`, method: 'pid' })
        expect(await within(s.live.agent.answer(`later-${round}`), 'the late answer', SOON)).toMatchObject({
          result: 'late'
        })
        expect(await s.live.agent.answer(`during-${round}`)).toMatchObject({ result: pid })
      }
      answeredOnce(s.live, 'pid', ...['1', '2', '3'].flatMap(round => [`later-${round}`, `during-${round}`]))
    },
    40_000
  )

  // the link is given up after 9 to 11 s of silence; a call must outlive the 4 s that it has when a link was closed
  test.concurrent.each([3, 16])(
    'that is silent for %i s: the call in flight survives',
    async seconds => {
      await using s = await proxied()
      const pid = (await call(s.live, 'pid')).result
      await begin(s.live, 'later', 'later', { ms: 1000 })
      s.proxy.silence()
      await s.live.agent.write({ id: 'during', method: 'pid' })
      await delay(seconds * 1000) // the silence itself is what is tested
      s.proxy.restore()
      expect(await s.live.agent.answer('later')).toMatchObject({ result: 'late' })
      expect(await s.live.agent.answer('during')).toMatchObject({ result: pid })
      answeredOnce(s.live, 'later', 'during')
    },
    60_000
  )

  test('again and again leaves nothing behind', async () => {
    // with little room for garbage, what is kept shows early, or kills the process
    await using s = await proxied({ NODE_OPTIONS: '--max-old-space-size=80 --max-semi-space-size=1' })
    const rounds = Number(process.env['TALOS_RECONNECTS'] ?? 50)
    const both: LiveProcess[] = [s.live, s.serving]
    const round = async (number: number) => {
      const resumed = s.live.line(line => line.includes('the link is back'), s.live.said.length)
      if (number % 2 === 0) s.proxy.reset()
      else s.proxy.finish()
      const answer = await call(s.live, `round-${number}`)
      expect(answer.result).toBeGreaterThan(0)
      await resumed
    }
    // until V8 has filled the room that it has: what grows after that is kept
    for (let i = 0; i < Math.max(10, rounds * 0.3); i++) await round(-1 - i)
    const before = both.map(held)
    const processes = s.net.watch.running().length
    for (let i = 0; i < rounds; i++) {
      await round(i)
      if (i % 100 === 99) console.log(`${i + 1} reconnects: ${JSON.stringify(both.map(held))}`)
    }
    const after = both.map(held)
    for (const [i, { handles, bytes }] of after.entries()) {
      expect(handles).toBeLessThanOrEqual(before[i]!.handles + 2)
      expect(bytes - before[i]!.bytes).toBeLessThan(20 * 1024 * 1024)
    }
    expect(s.net.watch.running()).toHaveLength(processes)
    console.log(`${rounds} reconnects: ${JSON.stringify({ before, after })}`)
  }, 600_000)
})

/** Open handles and resident bytes of a process. */
function held({ pid }: LiveProcess): { handles: number; bytes: number } {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return { handles: readdirSync(`/proc/${pid}/fd`).length, bytes: pages * 4096 }
}

/** The host's helper, which lives as long as the host. */
function isGuardian(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('talos-guardian')
  } catch {
    return false
  }
}
