import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { pipe } from 'it-pipe'
import { describe, expect, test } from 'vitest'
import { LineSplitter, LineWriter, readLines, splitLines } from '../../src/protocols/mcp/lines.ts'
import type { Fault } from '../../src/protocols/mcp/message.ts'

function split(chunks: Uint8Array[], maxLine = 1000): { lines: string[]; faults: Fault[] } {
  const faults: Fault[] = []
  const splitter = new LineSplitter({ maxLine, onTooLarge: fault => faults.push(fault) })
  const lines = [...chunks.flatMap(chunk => splitter.push(chunk)), ...splitter.end()]
  return { lines: lines.map(line => Buffer.from(line).toString()), faults }
}

describe('LineSplitter', () => {
  test('gives the same lines however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom('\n', '\r\n', '\r', 'x'.repeat(20)), fc.string({ maxLength: 30 }))),
        fc.array(fc.nat({ max: 40 })),
        (parts, cuts) => {
          const bytes = Buffer.from(parts.join(''))
          const chunks: Uint8Array[] = []
          let at = 0
          for (const cut of cuts) {
            chunks.push(bytes.subarray(at, at + cut))
            at += cut
          }
          chunks.push(bytes.subarray(at))
          const wanted = bytes
            .toString()
            .split('\n')
            .map(line => (line.endsWith('\r') ? line.slice(0, -1) : line))
            .filter(line => line !== '')
          const short = wanted.filter(line => Buffer.byteLength(line) <= 25)
          expect(split(chunks).lines).toEqual(wanted)
          const capped = split(chunks, 25)
          expect(capped.lines).toEqual(short)
          expect(capped.faults.length).toBe(wanted.length - short.length)
        }
      ),
      { numRuns: 3000 }
    )
  })

  test('a line over the limit is skipped, its id is told, and the next line is there', () => {
    const long = `{"method":"a","params":{"x":"${'y'.repeat(5000)}"},"jsonrpc":"2.0","id":9}`
    const chunks = [...Buffer.from(`${long}\n{"next":1}\n`)].map(byte => Uint8Array.of(byte))
    const { lines, faults } = split(chunks, 1000)
    expect(lines).toEqual(['{"next":1}'])
    expect(faults).toMatchObject([{ reason: 'too-large', id: '9', error: { code: 4130 } }])
  })

  test('64 MiB in one line without an end is held in no more memory than the limit', () => {
    const splitter = new LineSplitter({ maxLine: 1024 * 1024, onTooLarge: () => {} })
    const chunk = Buffer.alloc(64 * 1024, 0x20)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 1024; i++) expect(splitter.push(chunk)).toEqual([])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
  })

  test('what one chunk completes is one batch', async () => {
    const batches: number[] = []
    for await (const batch of pipe(
      [Buffer.from('a\nb\nc'), Buffer.from('\n'), Buffer.from('d\ne')],
      splitLines({ maxLine: 10, onTooLarge: () => {} })
    )) {
      batches.push(batch.length)
    }
    expect(batches).toEqual([2, 1, 1, 1])
  })
})

describe('readLines', () => {
  const init = { maxLine: 100, onTooLarge: () => {} }
  const heard = (into: string[]) => (lines: Uint8Array[]) => {
    into.push(...lines.map(line => Buffer.from(line).toString()))
    return undefined
  }

  test('hands over lines as they are complete, and the last without its end', async () => {
    const stream = new PassThrough()
    const lines: string[] = []
    const done = readLines(stream, init, heard(lines))
    for (const chunk of ['a\nb', 'c\n', '\nd']) stream.write(chunk)
    stream.end()
    await done
    expect(lines).toEqual(['a', 'bc', 'd'])
  })

  test('reads nothing while what it handed over is not taken', async () => {
    const stream = new PassThrough({ highWaterMark: 1000 })
    const turns: PromiseWithResolvers<void>[] = []
    const done = readLines(stream, init, () => {
      turns.push(Promise.withResolvers())
      return turns.at(-1)!.promise
    })
    stream.write('a\n')
    await new Promise(resolve => setImmediate(resolve))
    for (const chunk of ['b\n', 'c\n']) stream.write(chunk)
    stream.end()
    await new Promise(resolve => setImmediate(resolve))
    expect(turns.length).toBe(1)
    for (let i = 0; i < turns.length; i++) {
      turns[i]!.resolve()
      await new Promise(resolve => setImmediate(resolve))
    }
    await done
    expect(turns.length).toBeGreaterThan(1)
  })

  test('ends with a stream that is destroyed, and fails with one that fails, or with whoever takes the lines', async () => {
    const destroyed = new PassThrough()
    const ended = readLines(destroyed, init, () => undefined)
    destroyed.destroy()
    await ended
    const broken = new PassThrough()
    const failed = readLines(broken, init, () => undefined)
    broken.destroy(new Error('broken'))
    await expect(failed).rejects.toThrow('broken')
    const refused = new PassThrough()
    const refusal = readLines(refused, init, () => Promise.reject(new Error('no')))
    refused.write('a\n')
    await expect(refusal).rejects.toThrow('no')
  })
})

describe('LineWriter', () => {
  test('waits until the reader has made room, keeps order, and batches', async () => {
    const stream = new PassThrough({ highWaterMark: 100 })
    const writer = new LineWriter(stream)
    const big = Buffer.alloc(70_000, 0x61)
    let second = false
    const first = writer.write([Buffer.from('1'), big])
    const next = writer.write([Buffer.from('2')])!.then(() => {
      second = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(second).toBe(false)
    let read = ''
    stream.on('data', chunk => {
      read += chunk
    })
    await Promise.all([first, next])
    expect(read).toBe(`1\n${big}\n2\n`)
  })

  test('rejects when the reader goes away, also while waiting', async () => {
    const stream = new PassThrough({ highWaterMark: 10 })
    const writer = new LineWriter(stream)
    const waiting = writer.write([Buffer.alloc(100)])
    stream.destroy()
    await expect(waiting).rejects.toMatchObject({ code: 'TUNNEL_PIPE_CLOSED' })
    expect(() => writer.write([Buffer.alloc(1)])).toThrow(expect.objectContaining({ code: 'TUNNEL_PIPE_CLOSED' }))
  })
})
