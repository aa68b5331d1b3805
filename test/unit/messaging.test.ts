import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { openEnvelope } from '../../src/protocols/messaging/envelope.ts'
import { addToRanges } from '../../src/protocols/messaging/records.ts'
import { isUuidV7, UuidSource, uuidBytes, uuidText } from '../../src/protocols/messaging/uuid.ts'
import { makeMessageVectors } from '../support/message-vectors.ts'

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const DAY = 86_400_000

// A change here is a change of the wire: it needs another version of the protocol. When that is meant,
// `npx vitest run test/unit/messaging.test.ts -u` writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(makeMessageVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/message.json')
})

test('the envelopes of the vectors are read, for their recipient and in their time only', () => {
  const frozen = JSON.parse(readFileSync(new URL('../vectors/message.json', import.meta.url), 'utf8')) as ReturnType<
    typeof makeMessageVectors
  >
  const recipient = bytesOf(frozen.recipient.publicKey)
  for (const { id, body, envelope } of frozen.envelopes) {
    const read = openEnvelope(crypto, bytesOf(envelope), recipient, frozen.now)
    expect(uuidText(read.id)).toBe(uuidText(bytesOf(id)))
    expect(Buffer.from(read.body).toString('hex')).toBe(body)
    const refused = (self: Uint8Array, now: number): unknown => {
      try {
        return openEnvelope(crypto, bytesOf(envelope), self, now)
      } catch (error) {
        return (error as { code?: string }).code
      }
    }
    expect(refused(bytesOf(frozen.sender.publicKey), frozen.now)).toBe('MESSAGE_MALFORMED')
    expect(refused(recipient, frozen.now - DAY - 1)).toBe('MESSAGE_MALFORMED')
    expect(refused(recipient, frozen.now + 15 * DAY + 1)).toBe('MESSAGE_MALFORMED')
  }
})

test('ids are UUIDv7, each greater than the one before, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 47 }), { minLength: 2, maxLength: 50 }), times => {
      let time = 0
      const source = new UuidSource(
        () => time,
        length => new Uint8Array(randomBytes(length))
      )
      const ids = times.flatMap(now => {
        time = now
        return [source.next(), source.next()]
      })
      for (const id of ids) {
        expect(isUuidV7(id)).toBe(true)
        expect(Buffer.compare(uuidBytes(uuidText(id)), id)).toBe(0)
      }
      const texts = ids.map(uuidText)
      expect(texts).toEqual([...new Set(texts)].sort())
    })
  )
})

test('four thousand ids of one millisecond are in order, too', () => {
  const source = new UuidSource(
    () => 1,
    length => new Uint8Array(randomBytes(length))
  )
  const ids = Array.from({ length: 10_000 }, () => uuidText(source.next()))
  expect(ids).toEqual([...new Set(ids)].sort())
})

test('ranges hold exactly the numbers that were added', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }), sequences => {
      const ranges: number[] = []
      for (const sequence of sequences) addToRanges(ranges, sequence)
      const held: number[] = []
      for (let i = 0; i < ranges.length; i += 2) {
        expect(ranges[i]).toBeLessThanOrEqual(ranges[i + 1]!)
        // disjoint and not touching
        if (i > 0) expect(ranges[i]).toBeGreaterThan(ranges[i - 1]! + 1)
        for (let one = ranges[i]!; one <= ranges[i + 1]!; one++) held.push(one)
      }
      expect(held).toEqual([...new Set(sequences)].sort((a, b) => a - b))
    })
  )
})
