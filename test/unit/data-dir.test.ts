import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { checkDataDir, prepareDataDir, resolveDataDir } from '../../src/node/data-dir.ts'
import { withFileLock } from '../../src/node/file-lock.ts'
import { readPrivateFile, updatePrivateFile } from '../../src/node/private-file.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const failure = (code: string) => expect.objectContaining({ name: 'TalosError', code })
const posix = test.skipIf(process.platform === 'win32')

test('the flag comes before TALOS_DATA_DIR, and that before the platform', () => {
  expect(resolveDataDir('a', { TALOS_DATA_DIR: 'b' })).toBe(resolve('a'))
  expect(resolveDataDir(undefined, { TALOS_DATA_DIR: 'b' })).toBe(resolve('b'))
  expect(resolveDataDir(undefined, { TALOS_DATA_DIR: '' })).toMatch(/talos/)
})

posix('the folder is made 0700; an empty open one is closed, an open one in use is refused', async () => {
  const parent = temporaryFolder()
  await prepareDataDir(join(parent, 'a', 'b'))
  expect(statSync(join(parent, 'a', 'b')).mode & 0o777).toBe(0o700)
  const open = join(parent, 'open')
  mkdirSync(open)
  chmodSync(open, 0o755)
  await prepareDataDir(open)
  expect(statSync(open).mode & 0o777).toBe(0o700)
  writeFileSync(join(open, 'file'), '')
  for (const mode of [0o755, 0o770, 0o701]) {
    chmodSync(open, mode)
    await expect(prepareDataDir(open)).rejects.toEqual(failure('STORAGE_DIR_UNSAFE'))
    await expect(checkDataDir(open)).rejects.toEqual(failure('STORAGE_DIR_UNSAFE'))
    expect(statSync(open).mode & 0o777).toBe(mode)
  }
})

posix('a folder of another user is refused', async () => {
  // root makes one; everybody else finds one
  const isRoot = process.geteuid?.() === 0
  const folder = isRoot ? temporaryFolder() : '/'
  if (isRoot) spawnSync('chown', ['65534', folder])
  await expect(prepareDataDir(folder)).rejects.toEqual(failure('STORAGE_DIR_UNSAFE'))
  await expect(checkDataDir(folder)).rejects.toEqual(failure('STORAGE_DIR_UNSAFE'))
})

test('a file in its place is no data directory', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  await expect(prepareDataDir(file)).rejects.toEqual(failure('STORAGE_DIR_UNUSABLE'))
  await expect(checkDataDir(file)).rejects.toEqual(failure('STORAGE_DIR_UNUSABLE'))
  await expect(prepareDataDir(join(file, 'below'))).rejects.toEqual(failure('STORAGE_DIR_UNUSABLE'))
})

posix('a named pipe in place of a file is refused at once', async () => {
  const path = join(temporaryFolder(), 'pipe')
  expect(spawnSync('mkfifo', [path]).status).toBe(0)
  await expect(readPrivateFile(path)).rejects.toEqual(failure('STORAGE_READ_FAILED'))
})

test('a lock is held by one at a time and removed after success and failure', async () => {
  const path = join(temporaryFolder(), 'file')
  let holders = 0
  const hold = (fails: boolean) =>
    withFileLock(path, async stillHeld => {
      expect(++holders).toBe(1)
      await stillHeld()
      holders--
      if (fails) throw new Error('as asked')
    })
  const results = await Promise.allSettled([hold(false), hold(true), hold(false), hold(true), hold(false)])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  expect(existsSync(`${path}.lock`)).toBe(false)
})

test('the lock of a dead process, and one that is too old, are taken over by one at a time', async () => {
  const path = join(temporaryFolder(), 'file')
  const { pid } = spawnSync(process.execPath, ['--version'])
  const stale = [
    JSON.stringify({ pid, host: hostname(), token: 'x' }),
    JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x' }),
    ''
  ]
  for (const holder of stale) {
    writeFileSync(`${path}.lock`, holder)
    if (!holder.includes(hostname())) utimesSync(`${path}.lock`, 1, 1)
    let holders = 0
    await Promise.all(
      // one after another by a file operation each, so that some still look at the stale lock when others break it
      Array.from({ length: 24 }, async (_, turn) => {
        for (let operation = 0; operation < turn; operation++) await stat(path).catch(() => {})
        await withFileLock(path, async stillHeld => {
          expect(++holders).toBe(1)
          for (let operation = 0; operation < 5; operation++) await stillHeld()
          holders--
        })
      })
    )
    expect(readdirSync(join(path, '..'))).toEqual([])
  }
})

test('one who lost the lock does not write', async () => {
  const path = join(temporaryFolder(), 'file')
  const update = updatePrivateFile(path, () => {
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: process.pid, host: hostname(), token: 'another' }))
    return Buffer.from('late')
  })
  await expect(update).rejects.toEqual(failure('STORAGE_BUSY'))
  expect(readdirSync(join(path, '..'))).toEqual(['file.lock'])
})

test('an update that fails leaves the file and no other', async () => {
  const path = join(temporaryFolder(), 'file')
  await updatePrivateFile(path, () => Buffer.from('first'))
  const failing = updatePrivateFile(path, () => {
    throw new Error('as asked')
  })
  await expect(failing).rejects.toThrow('as asked')
  await updatePrivateFile(path, () => undefined)
  expect((await readPrivateFile(path))?.bytes.toString()).toBe('first')
  expect(readdirSync(join(path, '..'))).toEqual(['file'])
})
