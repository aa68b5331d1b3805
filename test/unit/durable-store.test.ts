import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { expect, onTestFinished, test } from 'vitest'
import { crypto } from '../../src/crypto/index.ts'
import { DurableStore } from '../../src/node/durable-store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const textOf = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

async function fresh(key = randomBytes(32)) {
  const location = join(temporaryFolder(), 'store')
  const open = async () => {
    const store = await DurableStore.open(location, key, crypto)
    onTestFinished(() => store.close())
    return store
  }
  return { location, open, store: await open() }
}

const read = (store: DurableStore, key: string) => store.transact(async t => textOf(await t.get(key)))
const write = (store: DurableStore, key: string, value: string) => store.transact(async t => t.put(key, bytes(value)))

test('what a transaction wrote is there after a reopening', async () => {
  const { store, open } = await fresh()
  await write(store, 'a', 'one')
  await store.close()
  expect(await read(await open(), 'a')).toBe('one')
})

test('a transaction sees its own writes and those before it, and one that throws leaves nothing', async () => {
  const { store } = await fresh()
  const results = await Promise.allSettled([
    store.transact(async t => t.put('n', bytes('1'))),
    store.transact(async t => {
      t.put('n', bytes('lost'))
      throw new Error('no')
    }),
    store.transact(async t => {
      const before = textOf(await t.get('n'))
      t.put('n', bytes('2'))
      t.delete('other')
      return [before, textOf(await t.get('n'))]
    })
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(results[2]).toMatchObject({ value: ['1', '2'] })
  expect(await read(store, 'n')).toBe('2')
})

test('keys come in order, within bounds, from both ends, with what is not yet on disk', async () => {
  const { store } = await fresh()
  for (const key of ['a/1', 'a/2', 'a/3', 'a/5', 'b/1']) await write(store, key, key)
  const seen = await store.transact(async t => {
    t.put('a/4', bytes('new'))
    t.delete('a/2')
    return [
      await t.keys('a/'),
      await t.keys('a/', { after: 'a/1', limit: 2 }),
      await t.keys('a/', { before: 'a/5', reverse: true, limit: 2 }),
      await t.keys('c/')
    ]
  })
  expect(seen).toEqual([['a/1', 'a/3', 'a/4', 'a/5'], ['a/3', 'a/4'], ['a/4', 'a/3'], []])
})

test('nothing on disk can be read without the key, and a record is of use at its own key only', async () => {
  const { store, location, open } = await fresh()
  await write(store, 'secret', 'a sentence nobody may read')
  await store.close()
  const raw = await Promise.all((await readdir(location)).map(file => readFile(join(location, file), 'latin1')))
  expect(raw.join('')).not.toContain('nobody may read')

  const level = new Level<string, Uint8Array>(location, { valueEncoding: 'view' })
  await level.put('elsewhere', (await level.get('secret'))!)
  await level.close()
  const again = await open()
  await expect(read(again, 'elsewhere')).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
  expect(await read(again, 'secret')).toBe('a sentence nobody may read')
})

test('a second process is told that the store is taken, and a closed one that it is closed', async () => {
  const { store, open } = await fresh()
  await expect(open()).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
  await store.close()
  await expect(read(store, 'a')).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
})

test('close() waits for what was begun', async () => {
  const { store, open } = await fresh()
  const written = Promise.all(Array.from({ length: 100 }, (_, i) => write(store, `k${i}`, String(i))))
  await store.close()
  await written
  expect(await read(await open(), 'k99')).toBe('99')
})
