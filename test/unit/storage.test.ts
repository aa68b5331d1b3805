import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { asStorageError } from '../../src/node/database.ts'
import { openStorage } from '../../src/node/storage.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('each owner has a part of its own, and finds it again', async () => {
  const folder = temporaryFolder()
  {
    await using storage = await openStorage(folder)
    await storage.of('one').batch([{ type: 'put', key: 'key', value: Uint8Array.of(1) }])
    await storage.of('two').batch([{ type: 'put', key: 'key', value: Uint8Array.of(2) }])
  }
  expect(statSync(join(folder, 'store')).mode & 0o777).toBe(0o700)
  await using storage = await openStorage(folder)
  expect(Array.from((await storage.of('one').get('key'))!)).toEqual([1])
  expect(Array.from((await storage.of('two').get('key'))!)).toEqual([2])
  expect(await storage.of('three').get('key')).toBeUndefined()
})

test('a database in use, a damaged one, and a file in its place are told apart', async () => {
  const folder = temporaryFolder()
  const storage = await openStorage(folder)
  await storage.of('one').batch([{ type: 'put', key: 'key', value: Uint8Array.of(1) }])
  await expect(openStorage(folder)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
  await storage.close()
  const manifest = readdirSync(join(folder, 'store')).find(name => name.startsWith('MANIFEST'))!
  const path = join(folder, 'store', manifest)
  const damaged = readFileSync(path).fill(0xff)
  writeFileSync(path, damaged)
  await expect(openStorage(folder)).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
  // as it was, for whoever wants to mend it
  expect(readFileSync(path).equals(damaged)).toBe(true)

  const other = temporaryFolder()
  writeFileSync(join(other, 'store'), '')
  await expect(openStorage(other)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
})

test.each([
  ['IO error: /x/000005.log: No space left on device', 'STORAGE_FULL'],
  ['IO error: /x/LOCK: Permission denied', 'STORAGE_DENIED'],
  ['Corruption: checksum mismatch', 'STORAGE_CORRUPT'],
  ['IO error: /x/000005.ldb: Input/output error', 'STORAGE_FAILED']
])('%s', (message, code) => {
  const error = asStorageError('/x', new Error('Database failed', { cause: new Error(message) }))
  expect(error).toMatchObject({ code, message: expect.stringContaining('/x') })
})
