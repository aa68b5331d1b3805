import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LiveAgent } from '../support/live-process.ts'
import { script } from '../support/mcp-tunnel.ts'
import { TunnelNet } from '../support/tunnel-net.ts'

// Through real processes: the bytes that come out are the bytes that went in.

const MAX = 10 * 1024 * 1024

/** Answers with the very text of the params; `size` with a line of so many bytes; `steps` tells of each first. */
const SERVER = script(`
  const chunks = []
  process.stdin.on('data', chunk => {
    chunks.push(chunk)
    if (!chunk.includes(10)) return
    const text = Buffer.concat(chunks.splice(0)).toString()
    const cut = text.lastIndexOf('\\n')
    if (cut + 1 < text.length) chunks.push(Buffer.from(text.slice(cut + 1)))
    for (const one of text.slice(0, cut).split('\\n')) answer(one)
  })
  function answer(text) {
    const id = /"id":("[^"]*"|[0-9.]+)/.exec(text.slice(0, 200))?.[1]
    if (id === undefined) return
    const head = '{"jsonrpc":"2.0","id":' + id + ',"result":'
    const method = /"method":"([a-z]+)"/.exec(text.slice(0, 200))[1]
    if (method === 'size') return line(head + '"' + 'y'.repeat(JSON.parse(text).params.bytes - head.length - 3) + '"}')
    if (method === 'steps') {
      for (let step = 1; step <= 3; step++) send({ method: 'notifications/progress', params: { progressToken: JSON.parse(id), progress: step } })
    }
    line(head + text.slice(text.indexOf('"params":') + 9, -1) + '}')
  }
`)

let net: TunnelNet
let live: LiveAgent

beforeAll(async () => {
  net = await TunnelNet.open()
  await net.serve(SERVER)
  live = net.connect()
})
afterAll(() => net[Symbol.asyncDispose]())

test.each([
  '{"a":12345678901234567890,"b":1.0,"c":1e400,"d":-0.0,"e":1E+2,"f":0.1000}',
  '{"a":"\\u0061\\/\\u00e9é\\ud83d\\ude00😀\\u2028\u2028","\\u0062":[ 1 ,\t2 ]}'
])('numbers and escapes are exact: %s', async params => {
  for (const id of ['1', '12345678901234567890', '"\\u0061"', '2.0']) {
    await live.agent.write(`{"jsonrpc":"2.0","id":${id},"method":"echo","params":${params}}`)
    const expected = `{"jsonrpc":"2.0","id":${id},"result":${params}}`
    await live.agent.line(line => line === expected)
  }
})

test('messages of exactly the limit pass both ways; one byte more is one clear error, and the session goes on', async () => {
  const request = (id: string, length: number) => {
    const [head, tail] = [`{"jsonrpc":"2.0","id":"${id}","method":"echo","params":{"p":"`, '"}}']
    return `${head}${'x'.repeat(length - head.length - tail.length)}${tail}`
  }
  const answer = (id: string) => live.agent.line(line => line.startsWith(`{"jsonrpc":"2.0","id":"${id}"`))

  await live.agent.write(request('up', MAX))
  expect((await answer('up')).length).toBe(MAX - '"method":"echo",'.length)
  await live.agent.write({ id: 'down', method: 'size', params: { bytes: MAX } })
  expect((await answer('down')).length).toBe(MAX)

  await live.agent.write(request('too-long', MAX + 1))
  expect(JSON.parse(await answer('too-long'))).toMatchObject({ error: { code: 4130, data: { reason: 'too-large' } } })
  // the id before a result is long gone when the end of the line is reached
  await live.agent.write({ id: 'answer-too-long', method: 'size', params: { bytes: MAX + 1 } })
  expect(JSON.parse(await answer('answer-too-long'))).toMatchObject({
    error: { message: expect.stringMatching(/10485/) }
  })
  await live.agent.write({ id: 'after', method: 'echo', params: {} })
  expect(JSON.parse(await answer('after'))).toMatchObject({ result: {} })
  for (const id of ['up', 'down', 'too-long', 'answer-too-long']) {
    expect(live.agent.lines.filter(line => line.startsWith(`{"jsonrpc":"2.0","id":"${id}"`))).toHaveLength(1)
  }
}, 60_000)

test('10,000 calls with 64 in flight: each is answered once, with its steps before it and in order', async () => {
  const CALLS = 10_000
  const from = live.agent.lines.length
  let [sent, done] = [0, 0]
  const next = (): string => {
    const id = sent++
    return `{"jsonrpc":"2.0","id":${id},"method":"steps","params":{"n":${id}}}\n`
  }
  const finished = Promise.withResolvers<void>()
  let tail = ''
  const count = (chunk: Buffer): void => {
    const lines = (tail + chunk.toString()).split('\n')
    tail = lines.pop()!
    const answers = lines.filter(line => line.includes('"result"')).length
    done += answers
    const more = Array.from({ length: Math.min(answers, CALLS - sent) }, next)
    if (more.length > 0) live.child.stdin.write(more.join(''))
    if (done >= CALLS) finished.resolve()
  }
  live.child.stdout.on('data', count)
  live.child.stdin.write(Array.from({ length: 64 }, next).join(''))
  await finished.promise
  live.child.stdout.off('data', count)

  const steps = new Map<number, unknown[]>()
  for (const line of live.agent.lines.slice(from)) {
    const { id, result, params } = JSON.parse(line)
    const call = id ?? params.progressToken
    steps.set(call, [...(steps.get(call) ?? []), id === undefined ? params.progress : result.n])
  }
  expect(steps.size).toBe(CALLS)
  for (const [call, seen] of steps) if (seen.length !== 4) expect([call, seen]).toEqual([call, [1, 2, 3, call]])
  expect([...steps].every(([call, seen]) => JSON.stringify(seen) === JSON.stringify([1, 2, 3, call]))).toBe(true)
}, 120_000)

test('a smaller limit of the host holds', async () => {
  await using small = await TunnelNet.open()
  await small.serve(SERVER, { flags: ['--max-message', '20000'] })
  const { agent } = small.connect({ flags: ['--max-message', '30000'] })
  const pad = (length: number) => ({ method: 'echo', params: { p: 'x'.repeat(length) } })
  await agent.write({ id: 1, ...pad(19_000) }, { id: 2, ...pad(25_000) }, { id: 3, ...pad(31_000) })
  expect((await agent.answer(1)).result).toEqual(pad(19_000).params)
  expect((await agent.answer(2)).error).toMatchObject({ code: 4130, message: expect.stringContaining('20000') })
  expect((await agent.answer(3)).error).toMatchObject({ code: 4130, message: expect.stringContaining('30000') })
  // more than all that one frame may hold
  await agent.write(...Array.from({ length: 100 }, (_, i) => ({ id: 100 + i, ...pad(19_000) })))
  expect((await agent.answer(199)).result).toEqual(pad(19_000).params)
}, 60_000)

test('a smaller limit of the agent holds: the host answers for a server that says more', async () => {
  const { agent } = net.connect({ flags: ['--max-message', '30000'] })
  await agent.write({ id: 1, method: 'size', params: { bytes: 30_000 } })
  expect((await agent.answer(1)).result).toBeDefined()
  await agent.write({ id: 2, method: 'size', params: { bytes: 3_000_000 } })
  expect((await agent.answer(2)).error).toMatchObject({ code: 4130, message: expect.stringContaining('30000') })
  await agent.write({ id: 3, method: 'size', params: { bytes: 1000 } })
  expect((await agent.answer(3)).result).toBeDefined()
}, 60_000)
