import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeFileVectors } from '../support/file-vectors.ts'

const file = fileURLToPath(new URL('../vectors/file.json', import.meta.url))

// A change here is a change of the wire: it needs another version of the protocol. When that is meant, `npx vitest run -u` with
// this file's name writes the vectors anew.
test('the frozen vectors are made again, byte for byte, from their secrets', async () => {
  await expect(`${JSON.stringify(makeFileVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/file.json')
})

const found = spawnSync('python3', ['-c', 'import cryptography'], { encoding: 'utf8' })

test.skipIf(found.status !== 0)('Python reads them from the specification alone', () => {
  const reader = fileURLToPath(new URL('../support/file-vectors.py', import.meta.url))
  const run = spawnSync('python3', [reader, file], { encoding: 'utf8' })
  expect(run.stderr).toBe('')
  expect(run.stdout).toBe('8 messages and 7 files read\n')
})
