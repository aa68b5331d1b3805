import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RunningServer, ServerEnd } from '../../src/protocols/mcp/server.ts'
import { SpareServer } from '../../src/protocols/mcp/spare.ts'

class TestServer implements RunningServer {
  readonly output = new PassThrough()
  readonly #end = Promise.withResolvers<ServerEnd>()
  readonly ended = this.#end.promise
  stopped = false
  async send(): Promise<void> {}
  async stop(): Promise<void> {
    this.stopped = true
    this.exit()
  }
  exit(): void {
    this.#end.resolve({ code: 0, signal: null })
  }
}

let started: TestServer[] = []
const spareServer = () =>
  new SpareServer(async () => {
    started.push(new TestServer())
    return started.at(-1)!
  })

beforeEach(() => {
  started = []
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

test('what was prepared is taken once', async () => {
  const spare = spareServer()
  spare.prepare()
  spare.prepare()
  expect(started).toHaveLength(1)
  expect(await spare.take()).toBe(started[0])
  expect(await spare.take()).toBe(started[1])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(started.map(({ stopped }) => stopped)).toEqual([false, false])
})

test('what nobody takes is ended', async () => {
  const spare = spareServer()
  spare.prepare()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(started[0]!.stopped).toBe(true)
  spare.prepare()
  expect(started).toHaveLength(2)
})

test('one that has ended by itself is not taken, and not started again at once', async () => {
  const spare = spareServer()
  spare.prepare()
  started[0]!.exit()
  await vi.advanceTimersByTimeAsync(1)
  spare.prepare()
  expect(started).toHaveLength(1)
  expect(await spare.take()).toBe(started[1])
})

test('one that does not start is started for the session, which is told why', async () => {
  let starts = 0
  const spare = new SpareServer(async () => {
    starts++
    throw new Error('no such program')
  })
  spare.prepare()
  await expect(spare.take()).rejects.toThrow('no such program')
  expect(starts).toBe(2)
})

test('stop() ends what waits, and nothing is prepared after it', async () => {
  const spare = spareServer()
  spare.prepare()
  await spare.stop()
  expect(started[0]!.stopped).toBe(true)
  spare.prepare()
  expect(started).toHaveLength(1)
})
