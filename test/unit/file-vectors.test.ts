import { expect, test } from 'vitest'
import { makeFileVectors } from '../support/file-vectors.ts'
import { vectorReader } from '../support/python.ts'

// A change here is a change of the wire: it needs another version of the protocol. When that is meant, `npx vitest run <this file> --update`
// writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(makeFileVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/file.json')
})

const python = vectorReader('file')

test.skipIf(python.missing)('Python reads them from the specification alone', () => {
  expect(python.read()).toBe('10 messages and 7 files read\n')
})
