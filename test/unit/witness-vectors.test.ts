import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { toHex } from '../../src/chain/bytes.ts'
import { parseEvidence, verifyEvidence } from '../../src/chain/evidence.ts'
import { vectorReader } from '../support/python.ts'
import { makeWitnessVectors } from '../support/witness-vectors.ts'

const file = fileURLToPath(new URL('../vectors/witness.json', import.meta.url))

// A change here is a change of the wire: it needs another version of the protocol. When that is meant, `npx vitest run <this file> --update`
// writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(await makeWitnessVectors(), null, 2)}\n`).toMatchFileSnapshot(
    '../vectors/witness.json'
  )
})

test('the evidence of the vectors convicts who it says', () => {
  const { evidence } = JSON.parse(readFileSync(file, 'utf8')) as {
    evidence: Array<{ text: string; culprit: string; place: number }>
  }
  expect(evidence.length).toBe(5)
  for (const { text, culprit, place } of evidence) {
    const found = verifyEvidence(parseEvidence(text)!)
    expect([toHex(found.culprit), found.place]).toEqual([culprit, place])
  }
})

const python = vectorReader('witness')

test.skipIf(python.missing)('Python reads them from the specification alone', () => {
  expect(python.read()).toBe('7 exchanges and 5 pieces of evidence read\n')
})
