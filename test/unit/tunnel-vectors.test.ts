import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Uint8ArrayList } from 'uint8arraylist'
import { expect, test } from 'vitest'
import { decodeVarint } from '../../src/protocols/framing/varint.ts'
import { vectorReader } from '../support/python.ts'
import { makeTunnelVectors } from '../support/tunnel-vectors.ts'

const file = fileURLToPath(new URL('../vectors/tunnel.json', import.meta.url))
const frozen = JSON.parse(readFileSync(file, 'utf8'))
const list = (hex: string): Uint8ArrayList => new Uint8ArrayList(Buffer.from(hex, 'hex'))

// A change here is a change of the wire: it needs another version of the protocol. When that is meant, `npx vitest run <this file> --update`
// writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(makeTunnelVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/tunnel.json')
})

test('length prefixes are read as the vectors say', () => {
  for (const { length, prefix } of frozen.lengthPrefixes) {
    expect(decodeVarint(list(prefix))).toEqual({ value: length, length: prefix.length / 2 })
    expect(decodeVarint(list(prefix.slice(0, -2)))).toBeUndefined()
  }
  for (const prefix of frozen.malformedLengthPrefixes) {
    expect(() => decodeVarint(list(prefix)), prefix).toThrow(
      expect.objectContaining({ code: 'NETWORK_FRAME_MALFORMED' })
    )
  }
})

const python = vectorReader('tunnel')

test.skipIf(python.missing)('Python reads them from the specification alone', () => {
  expect(python.read()).toBe(`${frozen.conversation.length} messages read\n`)
})
