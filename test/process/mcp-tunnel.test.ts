import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { ServerSpec } from '../../src/protocols/mcp/child.ts'
import type { Decide } from '../../src/protocols/mcp/decision.ts'
import { script, TestTunnel } from '../support/mcp-tunnel.ts'
import { eventually, runs } from '../support/processes.ts'
import { RawAgent } from '../support/raw-agent.ts'

let tunnel: TestTunnel
let agent: RawAgent

afterEach(async () => {
  await tunnel.stop()
})

function start(server: ServerSpec, options?: ConstructorParameters<typeof TestTunnel>[1]): void {
  tunnel = new TestTunnel(server, options)
  agent = new RawAgent(tunnel.input, tunnel.output)
  tunnel.connect()
}

/** Answers every request with the very text of its params. */
const ECHO = script(`
  on((message, text) => {
    if (message.id === undefined) return
    const id = /"id":("[^"]*"|[0-9.]+)/.exec(text)[1]
    line('{"jsonrpc":"2.0","id":' + id + ',"result":' + text.slice(text.indexOf('"params":') + 9, -1) + '}')
  })
`)

test.each([
  '{"a":12345678901234567890,"b":1.0,"c":1e400,"d":-0.0,"e":1E+2}',
  '{"a":"\\u0061\\/\\u00e9é\\ud83d\\ude00😀","\\u0062":[ 1 ,\t2 ]}'
])('bytes pass as they are: %s', async params => {
  start(ECHO)
  await agent.write(`{"jsonrpc":"2.0","id":1,"method":"x","params":${params}}`)
  await agent.line(line => line === `{"jsonrpc":"2.0","id":1,"result":${params}}`)
})

test('10 MiB both ways, byte for byte', async () => {
  start(ECHO)
  const params = `{"x":"${'é0\\u00e9'.repeat(1_100_000)}"}`
  const call = `{"jsonrpc":"2.0","id":1,"method":"x","params":${params}}`
  expect(Buffer.byteLength(call)).toBeGreaterThan(0.8 * 10 * 1024 * 1024)
  await agent.write(call)
  const answer = await agent.line(() => true)
  expect(answer === `{"jsonrpc":"2.0","id":1,"result":${params}}`).toBe(true)
})

test('10,000 calls with 64 in flight: each answered once, with its own', async () => {
  start(ECHO)
  const waiting = new Map<number, () => void>()
  let read = 0
  const onLines = () => {
    for (; read < agent.lines.length; read++) {
      const { id, result } = JSON.parse(agent.lines[read]!)
      expect(result).toEqual({ n: id })
      waiting.get(id)!()
      expect(waiting.delete(id)).toBe(true)
    }
  }
  tunnel.output.on('data', onLines)
  let next = 0
  const worker = async () => {
    while (next < 10_000) {
      const id = next++
      const answered = new Promise<void>(resolve => waiting.set(id, resolve))
      await agent.write({ id, method: 'x', params: { n: id } })
      await answered
    }
  }
  await Promise.all(Array.from({ length: 64 }, worker))
  expect(agent.lines.length).toBe(10_000)
})

test('what a server says before an answer comes before it, in order', async () => {
  start(
    script(`
    on(message => {
      for (let i = 0; i < 500; i++) send({ method: 'notifications/progress', params: { progressToken: message.id, progress: i } })
      send({ id: message.id, result: {} })
    })
  `)
  )
  await agent.write({ id: 1, method: 'x' })
  await agent.answer(1)
  expect(agent.lines.slice(0, 500).map(line => JSON.parse(line).params.progress)).toEqual(
    Array.from({ length: 500 }, (_, i) => i)
  )
  expect(agent.lines.length).toBe(501)
})

describe('a server that ends', () => {
  const MORTAL = script(`
    const heard = []
    on(message => {
      if (message.method === 'die') process.kill(process.pid, 'SIGKILL')
      else if (message.method === 'initialize') send({ id: message.id, result: { pid: process.pid } })
      else if (message.method === 'heard') send({ id: message.id, result: heard })
      else if (message.method === 'ask') send({ id: 0, method: 'roots/list' })
      else if (message.method === undefined) heard.push(message.result)
      else if (message.method !== 'never') heard.push(message.method)
    })
  `)

  test('in the middle of a call: one answer for each call, and the next one works', async () => {
    start(MORTAL)
    await agent.write({ id: 'i', method: 'initialize', params: {} }, { method: 'notifications/initialized' })
    await agent.answer('i')
    await agent.write({ id: 1, method: 'never' }, { id: 2, method: 'never' }, { id: 3, method: 'die' })
    for (const id of [1, 2, 3]) expect((await agent.answer(id)).error?.code).toBe(5020)
    await agent.write({ id: 4, method: 'heard' })
    expect((await agent.answer(4)).result).toEqual(['notifications/initialized'])
    for (const id of ['i', 1, 2, 3]) expect(agent.answers(id)).toBe(1)
    expect(agent.lines.length).toBe(5)
  })

  test('again and again is left alone for a while, and each request is told', async () => {
    start(MORTAL)
    for (let id = 1; id <= 5; id++) {
      await agent.write({ id, method: 'die' })
      expect((await agent.answer(id)).error?.message).toContain('SIGKILL')
    }
    await agent.write({ id: 6, method: 'heard' })
    expect((await agent.answer(6)).error).toMatchObject({ code: 5020, message: expect.stringContaining('5 times') })
  })

  test('takes the questions that it asked with it; late answers do not reach its successor', async () => {
    start(MORTAL)
    await agent.write({ method: 'x' }, { id: 'i', method: 'initialize' }, { id: 1, method: 'ask' })
    await agent.line(line => line.includes('roots/list'))
    await agent.write({ id: 2, method: 'die' })
    await agent.line(
      line =>
        line ===
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0,"reason":"the server that asked has ended"}}'
    )
    const from = agent.lines.length
    await agent.write({ id: 3, method: 'ask' })
    const asked = JSON.parse(await agent.line(line => line.includes('roots/list'), from))
    expect(asked.id).not.toBe(0)
    await agent.write({ id: 0, result: 'late' }, { id: asked.id, result: 'right' }, { id: 4, method: 'heard' })
    expect((await agent.answer(4)).result).toEqual(['right'])
  })

  test('or cannot be started: the request is told, and nothing of the host', async () => {
    start({ file: '/secret/place/server', args: [] })
    await agent.write({ id: 1, method: 'x' })
    const { error } = await agent.answer(1)
    expect(error?.code).toBe(5020)
    expect(error?.message).not.toContain('secret')
  })
})

describe('bad input of the agent', () => {
  test.each<[string, string | Buffer, number, unknown]>([
    ['junk', 'hello', -32700, null],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"x"}]', -32600, null],
    ['a duplicate key', '{"jsonrpc":"2.0","id":5,"method":"x","params":{"name":"a","name":"b"}}', -32600, 5],
    ['a case variant', '{"jsonrpc":"2.0","id":5,"method":"x","params":{"Name":"a"}}', -32600, 5],
    ['no UTF-8', Buffer.from('{"jsonrpc":"2.0","id":5,"method":"\xff"}', 'latin1'), -32700, 5],
    [
      'too deep',
      `{"jsonrpc":"2.0","method":"x","params":{"a":${'['.repeat(99)}${']'.repeat(99)}},"id":"d"}`,
      -32600,
      'd'
    ],
    ['too long', `{"method":"x","params":{"a":"${'x'.repeat(20_000)}"},"jsonrpc":"2.0","id":6}`, 4130, 6]
  ])('%s gets one clear error, and the tunnel lives on', async (_what, line, code, id) => {
    start(ECHO, { bridge: { maxLine: 10_000 } })
    tunnel.input.write(line)
    await agent.write('', { id: 99, method: 'x', params: { ok: 1 } })
    expect((await agent.answer(id as null)).error?.code).toBe(code)
    expect((await agent.answer(99)).result).toEqual({ ok: 1 })
    expect(agent.lines.length).toBe(2)
  })

  test('a message over the limit of the host, which is lower, is not sent; the agent is told', async () => {
    start(
      script(`
        on(message => {
          if (message.method === 'ask') { asked = message.id; send({ id: 'q', method: 'm' }) }
          else send({ id: asked ?? message.id, result: message.error?.code ?? 'ok' })
        })
        let asked
      `),
      { host: { maxLine: 10_000 } }
    )
    const params = { x: 'x'.repeat(20_000) }
    await agent.write({ id: 1, method: 'x', params }, { id: 2, method: 'x' })
    expect((await agent.answer(1)).error?.code).toBe(4130)
    expect((await agent.answer(2)).result).toBe('ok')
    await agent.write({ id: 3, method: 'ask' })
    await agent.line(line => line.includes('"q"'))
    await agent.write({ id: 'q', result: params })
    expect((await agent.answer(3)).result).toBe(4130)
  })

  test('which a peer that is no bridge of ours sends is refused by the host as well', async () => {
    start(ECHO, { host: { maxLine: 10_000 } })
    const link = tunnel.serve()
    const lines = [
      '{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1,"a":2}}',
      '[]',
      `{"jsonrpc":"2.0","id":2,"method":"x","params":{"a":"${'x'.repeat(20_000)}"}}`,
      '{"jsonrpc":"2.0","id":3,"result":{}}',
      '{"jsonrpc":"2.0","id":4,"method":"x","params":{}}\n{"jsonrpc":"2.0","id":5,"method":"x"}',
      '{"jsonrpc":"2.0","id":6,"method":"x","params":{}}'
    ]
    await link.send(lines.map(line => Buffer.from(line)))
    const answers: { id: unknown; error?: { code: number } }[] = []
    for await (const batch of link.incoming()) {
      answers.push(...batch.map(line => JSON.parse(Buffer.from(line).toString())))
      if (answers.length >= 5) break
    }
    expect(answers.map(({ id, error }) => [id, error?.code]).sort()).toEqual(
      [
        [1, -32600],
        [null, -32600],
        [2, 4130],
        [null, -32700],
        [6, undefined]
      ].sort()
    )
    await link.end()
  })

  test('the same id twice in flight, and too many in flight', async () => {
    start(script('on(() => {})'), { bridge: { maxInFlight: 3 } })
    await agent.write(
      { id: 1, method: 'x' },
      { id: 1, method: 'x' },
      { id: 2, method: 'x' },
      { id: 3, method: 'x' },
      { id: 4, method: 'x' }
    )
    expect((await agent.answer(1)).error?.code).toBe(-32600)
    expect((await agent.answer(4)).error?.code).toBe(4290)
  })
})

describe('bad output of the server', () => {
  test('junk, answers that nobody waits for, and second answers are dropped', async () => {
    start(
      script(`
      line('Server running on stdio'); line('[undefined]'); line('{"half":'); line('\\x1b[2J')
      send({ id: 77, result: 'unasked' })
      on(message => {
        line('more junk')
        send({ id: message.id, result: 'first' })
        send({ id: message.id, result: 'second' })
      })
    `)
    )
    await agent.write({ id: 1, method: 'x' })
    await agent.answer(1)
    await agent.write({ id: 2, method: 'x' })
    expect((await agent.answer(2)).result).toBe('first')
    expect(agent.lines.map(line => JSON.parse(line).result)).toEqual(['first', 'first'])
  })

  test('an answer that is too long or malformed is replaced by an error', async () => {
    start(
      script(`
        on(message => {
          if (message.method === 'long') send({ result: 'x'.repeat(50000), id: message.id })
          else line('{"jsonrpc":"2.0","result":{"a":1,"a":2},"id":' + message.id + '}')
        })
      `),
      { host: { maxLine: 10_000 } }
    )
    await agent.write({ id: 1, method: 'long' }, { id: 2, method: 'x' })
    expect((await agent.answer(1)).error?.code).toBe(4130)
    expect((await agent.answer(2)).error?.code).toBe(5020)
  })

  test('a question of the server that cannot be passed on is answered to the server', async () => {
    start(
      script(`
        on(message => {
          if (message.id === 1) { line('{"jsonrpc":"2.0","id":"q","method":"m","params":{"name":1,"NAME":2}}'); asked = message.id }
          else if (message.id === 'q') send({ id: asked, result: message.error.code })
        })
        let asked
      `)
    )
    await agent.write({ id: 1, method: 'x' })
    expect((await agent.answer(1)).result).toBe(-32600)
  })
})

describe('time', () => {
  test('a call over the limit is answered and cancelled', async () => {
    start(
      script(`
        const cancelled = []
        on(message => {
          if (message.method === 'notifications/cancelled') cancelled.push(message.params.requestId)
          else if (message.method === 'cancelled') send({ id: message.id, result: cancelled })
        })
      `),
      { host: { callTimeout: 100 } }
    )
    await agent.write({ id: 'listen', method: 'subscriptions/listen' }, { id: 'slow', method: 'x' })
    expect((await agent.answer('slow')).error?.code).toBe(5040)
    await agent.write({ id: 2, method: 'cancelled' })
    expect((await agent.answer(2)).result).toEqual(['slow'])
    expect(agent.answers('listen')).toBe(0)
  })

  test("the agent's cancellation reaches the server once, and only for what is in flight", async () => {
    start(
      script(`
        const heard = []
        on(message => {
          heard.push(message.params?.requestId ?? message.id)
          if (message.method === 'heard') send({ id: message.id, result: heard })
        })
      `)
    )
    const cancel = (requestId: unknown) => ({ method: 'notifications/cancelled', params: { requestId } })
    await agent.write({ id: 1, method: 'x' }, { id: 2, method: 'heard' })
    await agent.answer(2)
    // 4 is cancelled before it was sent, and never is
    await agent.write(cancel(1), cancel(1), cancel(2), { id: 4, method: 'x' }, cancel(4), { id: 3, method: 'heard' })
    expect((await agent.answer(3)).result).toEqual([1, 2, 1, 3])
    expect(agent.answers(1)).toBe(0)
  })
})

describe('the decision', () => {
  test('refuses requests with its error, drops notifications, both ways', async () => {
    const refuse: Decide = call =>
      call.method.startsWith('bad')
        ? { allow: false, error: { code: 4030, message: `no ${call.subject}` } }
        : { allow: true }
    start(
      script(`
        const heard = []
        on(message => {
          heard.push(message.method ?? message.error?.code)
          if (message.method === 'ask') { send({ id: 'q', method: 'bad/question' }); send({ method: 'bad/news' }); send({ method: 'news' }) }
          if (message.method === 'heard') send({ id: message.id, result: heard })
        })
      `),
      { host: { decide: refuse }, bridge: { decide: refuse } }
    )
    await agent.write({ id: 1, method: 'bad/request' }, { id: 2, method: 'ask' }, { method: 'bad/notification' })
    expect((await agent.answer(1)).error).toEqual({ code: 4030, message: 'no unknown' })
    await agent.line(line => line.includes('"news"'))
    await agent.write({ id: 3, method: 'heard' })
    expect((await agent.answer(3)).result).toEqual(['ask', 4030, 'heard'])
    expect(agent.lines.some(line => line.includes('bad/news') || line.includes('bad/question'))).toBe(false)
  })
})

describe('the era', () => {
  const discover = (id: number) => ({
    id,
    method: 'server/discover',
    params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }
  })

  test('a server of the older era never sees server/discover in its session, and is not started for it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'talos-test-'))
    try {
      // exits on anything before initialize, as servers written with rmcp do; leaves a mark for each start
      start(
        script(`
          require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'starts'))}, 'x')
          let ready = false
          on(message => {
            if (message.method === 'initialize') ready = true
            if (!ready) process.exit(1)
            send({ id: message.id, result: message.method })
          })
        `)
      )
      await agent.write(discover(1), discover(2))
      expect((await agent.answer(1)).error?.code).toBe(-32601)
      expect((await agent.answer(2)).error?.code).toBe(-32601)
      expect(await readFile(join(folder, 'starts'), 'utf8')).toBe('x') // the probe
      await agent.write({ id: 3, method: 'initialize' })
      expect((await agent.answer(3)).result).toBe('initialize')
      await agent.write(discover(4))
      expect((await agent.answer(4)).error?.code).toBe(-32601)
      expect(await readFile(join(folder, 'starts'), 'utf8')).toBe('xx')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a server of the new era is asked once; its own answer is given without starting a session', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'talos-test-'))
    try {
      start(
        script(`
          require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'starts'))}, 'x')
          on(message => line('{"jsonrpc":"2.0","result":{"supportedVersions":["2026-07-28"],"capabilities":{},"big":12345678901234567890},"id":' + JSON.stringify(message.id) + '}'))
        `)
      )
      await agent.write(discover(1))
      await agent.line(
        line =>
          line ===
          '{"jsonrpc":"2.0","result":{"supportedVersions":["2026-07-28"],"capabilities":{},"big":12345678901234567890},"id":1}'
      )
      await agent.write(discover(2))
      await agent.answer(2)
      expect(await readFile(join(folder, 'starts'), 'utf8')).toBe('x')
      await agent.write({ id: 3, method: 'tools/list' })
      await agent.answer(3)
      expect(await readFile(join(folder, 'starts'), 'utf8')).toBe('xx')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('a link that breaks', () => {
  const SERVER = script(`
    const heard = []
    on((message, text) => {
      heard.push(message.method ?? message.id)
      if (message.method === 'initialize') send({ id: message.id, result: { own: 1 } })
      if (message.method === 'heard') send({ id: message.id, result: heard })
      if (message.method === 'ask') send({ id: 0, method: 'roots/list' })
    })
  `)

  test('for good: what was in flight is told, and a new host hears the opening first', async () => {
    start(SERVER)
    await agent.write({ id: 'i', method: 'initialize', params: { v: 1 } })
    await agent.answer('i')
    await agent.write({ method: 'notifications/initialized' }, { id: 1, method: 'never' }, { id: 2, method: 'ask' })
    await agent.line(line => line.includes('roots/list'))
    tunnel.link.cut('the host is gone')
    expect((await agent.answer(1)).error).toMatchObject({
      code: 5030,
      message: expect.stringContaining('the host is gone')
    })
    await agent.line(line => line.includes('notifications/cancelled'))
    await agent.write({ id: 3, method: 'heard' }, { id: 0, result: 'late' })
    tunnel.connect()
    expect((await agent.answer(3)).result).toEqual(['initialize', 'notifications/initialized', 'heard'])
    const from = agent.lines.length
    await agent.write({ id: 4, method: 'ask' })
    await agent.line(line => line.includes('roots/list'), from)
    for (const id of ['i', 1, 2, 3]) expect(agent.answers(id)).toBe(1)
  })

  test('before the opening was answered: it is sent again', async () => {
    start(script('on(() => {})'))
    await agent.write({ id: 'i', method: 'initialize' })
    tunnel.link.cut('gone')
    tunnel.connect(SERVER)
    expect((await agent.answer('i')).result).toEqual({ own: 1 })
    expect(agent.answers('i')).toBe(1)
  })

  test('and does not come back: requests are told after the wait, each once', async () => {
    start(SERVER, { bridge: { linkWait: 200 } })
    await agent.write({ id: 1, method: 'never' }, { id: 2, method: 'heard' })
    await agent.answer(2)
    tunnel.link.cut('gone')
    await agent.answer(1)
    await agent.write({ id: 3, method: 'x' }, { id: 4, method: 'x' }, { method: 'n' })
    expect((await agent.answer(3)).error?.code).toBe(5030)
    expect((await agent.answer(4)).error?.code).toBe(5030)
    for (const id of [1, 2, 3, 4]) expect(agent.answers(id)).toBe(1)
  })

  test('and is taken up in time: nothing is noticed', async () => {
    start(ECHO)
    await agent.write({ id: 1, method: 'x', params: {} })
    await agent.answer(1)
    tunnel.link.interrupt()
    await agent.write({ id: 2, method: 'x', params: { n: 2 } }, { id: 3, method: 'x', params: { n: 3 } })
    tunnel.link.resume()
    expect((await agent.answer(2)).result).toEqual({ n: 2 })
    expect((await agent.answer(3)).result).toEqual({ n: 3 })
    expect(tunnel.bridge.missed).toBe(0)
  })

  test('and is taken up late: what was told an error is cancelled, and its late answer dropped', async () => {
    start(
      script(`
        let late
        on(message => {
          if (message.method === 'late') late = message.id
          else if (message.method === 'notifications/cancelled') send({ id: late, result: 'late' })
          else send({ id: message.id, result: 'ok' })
        })
      `),
      { bridge: { linkWait: 100 } }
    )
    await agent.write({ id: 1, method: 'late' }, { id: 2, method: 'x' })
    await agent.answer(2)
    tunnel.link.interrupt()
    expect((await agent.answer(1)).error?.code).toBe(5030)
    await agent.write({ id: 3, method: 'x' })
    expect((await agent.answer(3)).error?.code).toBe(5030)
    tunnel.link.resume()
    expect(tunnel.bridge.missed).toBe(2)
    await agent.write({ id: 4, method: 'x' })
    expect((await agent.answer(4)).result).toBe('ok')
    for (const id of [1, 2, 3, 4]) expect(agent.answers(id)).toBe(1)
  })
})

describe('the end', () => {
  test('the agent closes its side: answers on their way still arrive, then all ends', async () => {
    start(script("on(message => setTimeout(send, 100, { id: message.id, result: 'late but there' }))"))
    await agent.write({ id: 1, method: 'x' })
    tunnel.input.end()
    expect((await agent.answer(1)).result).toBe('late but there')
    await tunnel.done
    await Promise.all(tunnel.sessions)
  })

  test('the agent closes its side and an answer never comes: it is not waited for long', async () => {
    start(script('on(() => {})'), { bridge: { lastAnswersWait: 100 } })
    await agent.write({ id: 1, method: 'x' })
    tunnel.input.end()
    await tunnel.done
    expect((await agent.answer(1)).error?.code).toBe(5030)
  })

  test('the agent reads no more: the bridge ends', async () => {
    start(ECHO)
    await agent.write({ id: 1, method: 'x', params: {} })
    await agent.answer(1)
    tunnel.output.destroy()
    await tunnel.done
    await Promise.all(tunnel.sessions)
  })

  test('close() answers everything, once, and the processes of the session end', async () => {
    start(
      script(
        "line('{}'); on(message => { if (message.method === 'pid') send({ id: message.id, result: process.pid }) })"
      )
    )
    await agent.write({ id: 1, method: 'pid' }, { id: 2, method: 'never' })
    const pid = (await agent.answer(1)).result as unknown as number
    await tunnel.bridge.close('the owner has refused this')
    expect((await agent.answer(2)).error).toMatchObject({ code: 5030, message: 'the owner has refused this' })
    await Promise.all(tunnel.sessions)
    expect(runs(pid)).toBe(false)
    await tunnel.bridge.close('again')
    expect(agent.answers(2)).toBe(1)
  })

  test('the agent does not read: the session ends nevertheless, and so does a server that is blocked on it', async () => {
    tunnel = new TestTunnel(
      script(
        "on(() => {}); setInterval(() => { for (let i = 0; i < 100; i++) send({ method: 'n', params: { x: 'y'.repeat(10000) } }) }, 1)"
      )
    )
    tunnel.connect()
    tunnel.input.write('{"jsonrpc":"2.0","id":1,"method":"x"}\n')
    await eventually(() => tunnel.output.readableLength >= 1024 * 1024)
    await tunnel.bridge.close('over')
    await Promise.all(tunnel.sessions)
  })
})
