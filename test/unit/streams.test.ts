import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codecOf, codecRegistry, decodeBlock } from '../../src/protocols/streams/codecs.ts'
import { MAX_BLOCK_LENGTH, MAX_ENCODED_LENGTH } from '../../src/protocols/streams/constants.ts'
import { vectorReader } from '../support/python.ts'
import { makeStreamVectors, ZSTD_SAMPLE } from '../support/stream-vectors.ts'

// A change here is a change of the wire: it needs another version of the protocol. When that is meant, remove the
// file and run this test: it writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(makeStreamVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/stream.json')
})

const python = vectorReader('stream')

test.skipIf(python.missing)('Python reads them from the specification alone', () => {
  expect(python.read()).toBe('8 frames read\n')
})

test('zstd reads what the vectors give', async () => {
  const decode = codecOf(codecRegistry(), 'zstd').decoder()
  const block = await decodeBlock(decode, Buffer.from(ZSTD_SAMPLE.encoded, 'hex'))
  expect(Buffer.from(block).toString()).toBe(ZSTD_SAMPLE.block)
})

test('whatever a block holds, each built-in codec gives it back and stays within its chunk', async () => {
  const codecs = [...codecRegistry().values()]
  expect(codecs.map(({ name }) => name)).toEqual(['identity', 'zstd'])
  for (const codec of codecs) {
    const [encode, decode] = [codec.encoder(), codec.decoder()]
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: MAX_BLOCK_LENGTH }), async block => {
        const encoded = await encode(block)
        expect(encoded.byteLength).toBeLessThanOrEqual(MAX_ENCODED_LENGTH)
        expect(Buffer.compare(await decodeBlock(decode, encoded), block)).toBe(0)
      }),
      { numRuns: 50 }
    )
  }
})

test('where Node has no zstd, it is said, and identity is there', () => {
  const codecs = codecRegistry([], {})
  expect([...codecs.keys()]).toEqual(['identity'])
  expect(() => codecOf(codecs, 'zstd')).toThrow(
    expect.objectContaining({ code: 'STREAM_CODEC_UNKNOWN', hint: 'zstd needs Node 22.15 or newer.' })
  )
})

test('a codec has a name of its own', () => {
  const named = (name: string) => ({ name, encoder: () => (x: Uint8Array) => x, decoder: () => (x: Uint8Array) => x })
  for (const name of ['zstd', '', 'Opus', 'a b', 'x'.repeat(33)]) {
    expect(() => codecRegistry([named(name)]), name).toThrow(expect.objectContaining({ code: 'STREAM_CODEC_INVALID' }))
  }
  expect([...codecRegistry([named('opus')]).keys()]).toContain('opus')
})
