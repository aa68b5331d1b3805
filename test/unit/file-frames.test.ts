import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { expect, test } from 'vitest'
import { decodeFrame, decodePieces } from '../../src/protocols/files/frames.ts'
import { encodeFrame } from '../../src/protocols/framing/index.ts'

/** What came, cut anywhere. */
function inPieces(bytes: Uint8Array, cuts: number[]): Uint8ArrayList {
  const list = new Uint8ArrayList()
  const at = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (let i = 1; i < at.length; i++) if (at[i]! > at[i - 1]!) list.append(bytes.slice(at[i - 1], at[i]))
  return list
}

type Outcome = { type: number; body: string } | { code: string }

function outcome(decode: () => { type: number; body: Uint8Array | Uint8ArrayList }): Outcome {
  try {
    const { type, body } = decode()
    return { type, body: Buffer.from(body.subarray()).toString('hex') }
  } catch (error) {
    return { code: (error as { code: string }).code }
  }
}

/** Frames as they should be, and with bytes in front, behind and changed. */
const frames = fc
  .record({
    type: fc.nat(127),
    body: fc.uint8Array({ maxLength: 400 }),
    before: fc.constantFrom([], [0x1a, 0], [0x08, 1], [0x12, 0]),
    after: fc.constantFrom([], [0], [0x08, 3], [0x08, 0x80], [0x12, 1, 7]),
    change: fc.option(fc.record({ at: fc.nat(8), to: fc.nat(255) }))
  })
  .map(({ type, body, before, after, change }) => {
    const bytes = Uint8Array.from([...before, ...encodeFrame(type, body).subarray(), ...after])
    if (change !== null && change.at < bytes.length) bytes[change.at] = change.to
    return bytes
  })

test('a frame in pieces is read as a whole one is, however it is encoded', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 5 }), (bytes, cuts) => {
      expect(outcome(() => decodePieces(inPieces(bytes, cuts)))).toEqual(outcome(() => decodeFrame(bytes)))
    }),
    { numRuns: 3000 }
  )
})
