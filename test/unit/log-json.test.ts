import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { logAsJson, logLine } from '../../src/cli/log-json.ts'

const NOW = new Date('2026-01-02T03:04:05.678Z')
const time = NOW.toISOString()

test('a line of DEBUG is taken apart, any other is a message', () => {
  const debug = (rest: string) => logLine(`2026-01-02T03:04:05.000Z ${rest}`, NOW)
  expect(debug('talos:mcp:session refused it: why')).toEqual({
    time,
    level: 'info',
    component: 'talos:mcp:session',
    message: 'refused it: why'
  })
  expect(debug('talos:mcp:error broken')).toMatchObject({ level: 'error', component: 'talos:mcp', message: 'broken' })
  expect(debug('libp2p:tcp:trace two\nlines')).toMatchObject({ level: 'trace', message: 'two\nlines' })
  expect(logLine('stopping…', NOW)).toEqual({ time, level: 'info', message: 'stopping…' })
})

test('each write is one line, whatever is in it', async () => {
  const stream = new PassThrough()
  logAsJson(stream as unknown as NodeJS.WriteStream)
  stream.write('one\ntwo "quoted"\n')
  stream.write(Buffer.from('three €\n'))
  stream.end()
  const lines = (await stream.toArray()).join('').trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line).message)).toEqual(['one\ntwo "quoted"', 'three €'])
})
