import { afterEach, expect, test } from 'vitest'
import type { ServerSpec } from '../../src/protocols/mcp/child.ts'
import { script, TestTunnel } from '../support/mcp-tunnel.ts'
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

test('a server that is killed in the middle of a call: one answer for each call, and the next one works', async () => {
  start(
    script(`
    on(message => {
      if (message.method === 'die') process.kill(process.pid, 'SIGKILL')
      else if (message.method === 'initialize') send({ id: message.id, result: { pid: process.pid } })
      else if (message.method === 'heard') send({ id: message.id, result: heard })
      else if (message.method !== 'never') heard.push(message.method)
    })
    const heard = []
  `)
  )
  await agent.write({ id: 'i', method: 'initialize', params: {} }, { method: 'notifications/initialized' })
  await agent.answer('i')
  await agent.write({ id: 1, method: 'never' }, { id: 2, method: 'never' }, { id: 3, method: 'die' })
  for (const id of [1, 2, 3]) expect((await agent.answer(id)).error?.code).toBe(5020)
  await agent.write({ id: 4, method: 'heard' })
  expect((await agent.answer(4)).result).toEqual(['notifications/initialized'])
  expect(agent.answers('i')).toBe(1)
  for (const id of [1, 2, 3]) expect(agent.answers(id)).toBe(1)
  expect(agent.lines.length).toBe(5)
})
