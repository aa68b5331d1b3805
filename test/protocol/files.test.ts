import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acquaint, type FileAgent, startFileAgent } from '../support/file-agents.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const soon = (): AbortSignal => AbortSignal.timeout(20_000)

type Init = Parameters<typeof startFileAgent>[0]

async function pair(init: { alice?: Init; bob?: Init } = {}) {
  const alice = await startFileAgent(init.alice)
  const bob = await startFileAgent(init.bob)
  acquaint(alice, bob)
  return {
    alice,
    bob,
    [Symbol.asyncDispose]: async () => {
      await alice[Symbol.asyncDispose]()
      await bob[Symbol.asyncDispose]()
    }
  }
}

const sent = async (from: FileAgent, to: FileAgent, path: string) => {
  const { id } = await from.files.send(to.peerId, path)
  return from.files.completed(id, soon())
}

test.each([0, 1, 65_507, 262_038, 262_039, 5_000_000])('a file of %i bytes arrives as it is', async size => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'some file.bin')
  writeFileSync(path, randomBytes(size))
  expect(await sent(p.alice, p.bob, path)).toMatchObject({ state: 'done', size, doneBytes: size, doneEntries: 1 })
  expect(readFileSync(join(p.bob.downloads, 'some file.bin')).equals(readFileSync(path))).toBe(true)
  expect(readdirSync(join(p.bob.downloads, '.partial'))).toEqual([])
  expect(p.bob.files.list()).toMatchObject([
    { direction: 'in', state: 'done', path: join(p.bob.downloads, 'some file.bin') }
  ])
})

test('a directory arrives with all that is in it', async () => {
  await using p = await pair()
  const folder = join(temporaryFolder(), 'tree')
  mkdirSync(join(folder, 'a/b/empty'), { recursive: true })
  writeFileSync(join(folder, 'zero'), '')
  writeFileSync(join(folder, '.hidden'), 'hidden')
  writeFileSync(join(folder, 'a/one'), randomBytes(300_000))
  writeFileSync(join(folder, 'a/b/ü.txt'), 'ü')
  await sent(p.alice, p.bob, folder)
  const listing = (root: string) =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .map(entry => {
        const path = join(entry.parentPath, entry.name)
        return [path.slice(root.length), entry.isFile() ? readFileSync(path).toString('hex') : 'directory']
      })
      .sort()
  expect(listing(join(p.bob.downloads, 'tree'))).toEqual(listing(folder))
})
