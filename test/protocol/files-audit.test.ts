import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Entry } from '../../src/chain/index.ts'
import { TalosError } from '../../src/errors.ts'
import { mediaTypeOf } from '../../src/protocols/files/media-type.ts'
import { type FileAgent, pairOfFileAgents as pair } from '../support/file-agents.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { within } from '../support/within.ts'

const soon = (): AbortSignal => AbortSignal.timeout(30_000)

const sent = async (from: FileAgent, to: FileAgent, path: string) => {
  const { id } = await from.files.send(to.peerId, path)
  await from.files.completed(id, soon())
  return id
}

const fileOf = (name: string, content: Uint8Array): string => {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

/** The root is of the protocol's own tree: that both have the same is what counts here, and test/vectors/file.json has what it is. */
const digests = (content: Uint8Array) => ({
  hash: createHash('sha256').update(content).digest('hex'),
  root: expect.stringMatching(/^[0-9a-f]{64}$/)
})

test.each([0, 1, 600_000])('a file of %i bytes is in the chains of both, by the same name and hash', async size => {
  await using p = await pair()
  const content = randomBytes(size)
  const id = await sent(p.alice, p.bob, fileOf('CON.txt', content)) // no name for a file everywhere
  const [alice, bob] = [p.alice.peerId.toString(), p.bob.peerId.toString()]
  const operation = `file/${alice}/${id}`
  const common = { name: 'CON.txt', type: mediaTypeOf(content), size, entries: 1 }
  const completed = { event: 'completed', ...common, transfer: operation, ...digests(content) }
  expect(await p.alice.recorded()).toEqual([
    { event: 'offered', peer: bob, ...common, transfer: operation },
    { event: 'agreed', peer: bob, ...common, operation },
    { ...completed, peer: bob, operation: `${operation}/completed` }
  ])
  expect(await p.bob.recorded()).toEqual([
    { event: 'accepted', peer: alice, ...common, operation },
    { ...completed, peer: alice, operation: `${operation}/completed` }
  ])
  const [there, here] = [(await p.alice.recorded()).at(-1)!, (await p.bob.recorded()).at(-1)!]
  expect(there['root']).toBe(here['root'])
})

test('a directory is recorded with its size and number of entries', async () => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'tree')
  mkdirSync(join(path, 'sub'), { recursive: true })
  writeFileSync(join(path, 'sub', 'a'), 'abc')
  await sent(p.alice, p.bob, path)
  for (const agent of [p.alice, p.bob]) {
    const last = (await agent.recorded()).at(-1)!
    expect(last).toMatchObject({ event: 'completed', name: 'tree', type: 'inode/directory', size: 3, entries: 2 })
    expect(last).not.toHaveProperty('hash')
  }
})

test.each([
  true, // the nodes start again
  false // they go on when there is room
])('a disk that fails at the end: neither record nor state, and later both; over a restart: %s', async restarts => {
  const failing = new Set(['alice', 'bob'])
  const failed = { alice: Promise.withResolvers<void>(), bob: Promise.withResolvers<void>() }
  const failOnce = (name: 'alice' | 'bob') => (entries: readonly Entry[]) => {
    const isEnd = entries.some(({ fields }) => fields.some(({ value }) => value === 'completed'))
    if (!isEnd || !failing.delete(name)) return
    failed[name].resolve()
    throw new TalosError('STORAGE_FULL', 'no space is left')
  }
  await using p = await pair({ alice: { onRecord: failOnce('alice') }, bob: { onRecord: failOnce('bob') } })
  const content = randomBytes(1_000_000)
  const { id } = await p.alice.files.send(p.bob.peerId, fileOf('report', content))
  const both = [
    [p.bob, failed.bob],
    [p.alice, failed.alice]
  ] as const
  for (const [agent, { promise }] of both) {
    await within(promise, 'the end of the transfer')
    if (restarts) await agent.stop()
    expect((await agent.recorded()).filter(({ event }) => event === 'completed')).toEqual([])
    if (restarts) await agent.start() // it has come, or has been sent, and nobody hashes it on the way any more
  }
  await p.alice.files.completed(id, soon())
  for (const [agent] of both) {
    expect((await agent.recorded()).at(-1)).toMatchObject({ event: 'completed', ...digests(content) })
    expect(agent.files.list()).toMatchObject([{ state: 'done' }])
  }
  expect(readdirSync(p.bob.downloads).sort()).toEqual(['.partial', 'report'])
})

test('a directory that was in its place when the disk failed is not received again', async () => {
  let isFull = true
  const onRecord = (entries: readonly Entry[]): void => {
    if (!isFull || !entries.some(({ fields }) => fields.some(({ value }) => value === 'completed'))) return
    isFull = false
    throw new TalosError('STORAGE_FULL', 'no space is left')
  }
  await using p = await pair({ bob: { onRecord } })
  const path = join(temporaryFolder(), 'tree')
  mkdirSync(path)
  writeFileSync(join(path, 'a'), 'abc')
  await sent(p.alice, p.bob, path)
  expect(isFull).toBe(false)
  expect(readdirSync(p.bob.downloads, { recursive: true }).sort()).toEqual(['.partial', 'tree', 'tree/a'])
  expect((await p.bob.recorded()).map(({ event }) => event)).toEqual(['accepted', 'completed'])
})

test('what came to nothing is recorded with its reason', async () => {
  let answer: 'yes' | 'no' | 'wait' = 'no'
  let asked = (): void => {}
  await using p = await pair({
    bob: {
      decide: async (_, signal) => {
        asked()
        if (answer === 'wait') await new Promise((_, reject) => signal.addEventListener('abort', reject))
        return answer === 'yes' ? { accept: true } : { accept: false, reason: 'not today' }
      },
      limits: { other: 10 }
    }
  })
  const refused: string[] = []
  p.bob.files.addEventListener('refused', ({ detail: { offer, code } }) => refused.push(`${offer.size} ${code}`))
  await expect(sent(p.alice, p.bob, fileOf('declined', randomBytes(5)))).rejects.toMatchObject({
    code: 'FILE_DECLINED'
  })
  await expect(sent(p.alice, p.bob, fileOf('large', randomBytes(11)))).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' })
  answer = 'wait'
  const isAsked = new Promise<void>(resolve => (asked = resolve))
  const { id } = await p.alice.files.send(p.bob.peerId, fileOf('cancelled', randomBytes(5)))
  await isAsked
  await p.alice.files.cancel(id)
  expect(refused).toEqual(['5 FILE_DECLINED', '11 FILE_TOO_LARGE'])
  expect((await p.alice.recorded()).map(({ name, event, reason }) => [name, event, reason])).toEqual([
    ['declined', 'offered', undefined],
    ['declined', 'failed', 'FILE_DECLINED'],
    ['large', 'offered', undefined],
    ['large', 'failed', 'FILE_TOO_LARGE'],
    ['cancelled', 'offered', undefined],
    ['cancelled', 'cancelled', 'FILE_CANCELLED']
  ])
  // who took nothing has nothing; what it refused is for the node to count
  expect(await p.bob.recorded()).toEqual([])
})
