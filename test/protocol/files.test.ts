import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { CHUNK_LENGTH } from '../../src/protocols/files/constants.ts'
import type { Transfer } from '../../src/protocols/files/index.ts'
import { LinkScheduler, schedulerOf } from '../../src/protocols/framing/index.ts'
import { type FileAgent, type FileAgentInit, pairOfFileAgents as pair } from '../support/file-agents.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { within } from '../support/within.ts'

const soon = (): AbortSignal => AbortSignal.timeout(30_000)

const sent = async (from: FileAgent, to: FileAgent, path: string) => {
  const { id } = await from.files.send(to.peerId, path)
  return from.files.completed(id, soon())
}

const listing = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .map(entry => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(root.length), entry.isFile() ? readFileSync(path).toString('hex') : 'directory']
    })
    .sort()

/** The first transfer of the agent that fails or is cancelled. */
const over = (agent: FileAgent) =>
  within(
    new Promise<Transfer>(resolve =>
      agent.files.addEventListener('failed', ({ detail }) => resolve(detail), { once: true })
    ),
    'the end of a transfer'
  )

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
  expect(listing(join(p.bob.downloads, 'tree'))).toEqual(listing(folder))
})

const large = (path: string, size = 30_000_000): Buffer => {
  const content = randomBytes(size)
  writeFileSync(path, content)
  return content
}

/** Resolves when `agent` knows of so many bytes that are verified, or has all. */
function received(agent: FileAgent, bytes: number): Promise<void> {
  return within(
    new Promise(resolve => {
      const look = () => {
        if (!agent.files.list().some(({ doneBytes, state }) => doneBytes >= bytes || state === 'done')) return
        for (const event of ['progress', 'done'] as const) agent.files.removeEventListener(event, look)
        resolve()
      }
      // the rest may come between two that tell of progress
      for (const event of ['progress', 'done'] as const) agent.files.addEventListener(event, look)
      look()
    }),
    `${bytes} bytes`,
    20_000
  )
}

test('cut links: it goes on where it was, each time, and is asked for once', async () => {
  const asked: string[] = []
  await using p = await pair({
    bob: {
      limits: { other: 0 },
      decide: async ({ name }) => {
        asked.push(name)
        return { accept: true }
      }
    }
  })
  const path = join(temporaryFolder(), 'large')
  const content = large(path)
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  for (let cut = 1; cut <= 5; cut++) {
    await received(p.bob, cut * 4_000_000 + Math.floor(Math.random() * 1_000_000))
    for (const connection of p.bob.node.getConnections()) connection.abort(new Error('cut'))
  }
  await p.alice.files.completed(id, soon())
  expect(readFileSync(join(p.bob.downloads, 'large')).equals(content)).toBe(true)
  expect(asked).toEqual(['large'])
})

test('both sides are stopped on the way, and start again', async () => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'large')
  const content = large(path)
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  await received(p.bob, 5_000_000)
  await p.bob.stop()
  await p.bob.start()
  await received(p.bob, 15_000_000)
  await p.alice.stop()
  await p.alice.start()
  await p.alice.files.completed(id, soon())
  expect(readFileSync(join(p.bob.downloads, 'large')).equals(content)).toBe(true)
})

test('what is damaged while nobody looks is sent again', async () => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'large')
  const content = large(path)
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  await received(p.bob, 5_000_000)
  await p.bob.stop()
  const [partial] = readdirSync(join(p.bob.downloads, '.partial'))
  const part = join(p.bob.downloads, '.partial', partial!, 'part')
  const damaged = readFileSync(part)
  damaged[1_000_000]! ^= 1
  writeFileSync(part, damaged)
  await p.bob.start()
  await p.alice.files.completed(id, soon())
  expect(readFileSync(join(p.bob.downloads, 'large')).equals(content)).toBe(true)
})

test('a directory of many files, cut and stopped on the way', async () => {
  await using p = await pair()
  const folder = join(temporaryFolder(), 'tree')
  for (let i = 0; i < 400; i++) {
    mkdirSync(join(folder, `${i % 7}`), { recursive: true })
    writeFileSync(join(folder, `${i % 7}`, `file ${i}`), randomBytes(i * 97))
  }
  large(join(folder, '3/large'), 8_000_000)
  const { id } = await p.alice.files.send(p.bob.peerId, folder)
  await received(p.bob, 1_000_000)
  for (const connection of p.bob.node.getConnections()) connection.abort(new Error('cut'))
  await received(p.bob, 5_000_000)
  await p.bob.stop()
  await p.bob.start()
  await p.alice.files.completed(id, soon())
  expect(listing(join(p.bob.downloads, 'tree'))).toEqual(listing(folder))
})

test('the receiver is away when it is sent, and the sender when it comes', async () => {
  await using p = await pair()
  await p.bob.stop()
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const { id, state } = await p.alice.files.send(p.bob.peerId, path)
  expect(state).toBe('waiting')
  await p.alice.stop()
  await p.bob.start()
  await p.alice.start()
  await p.alice.files.completed(id, soon())
  expect(readFileSync(join(p.bob.downloads, 'file'), 'utf8')).toBe('content')
})

test('several at once, both ways; what has the same name is kept beside the other', async () => {
  await using p = await pair()
  const sources = Array.from({ length: 6 }, (_, i) => {
    const path = join(temporaryFolder(), 'same.bin')
    return { path, content: large(path, 100_000 * i + 1) }
  })
  const transfers = await Promise.all([
    ...sources.map(({ path }) => p.alice.files.send(p.bob.peerId, path)),
    p.bob.files.send(p.alice.peerId, sources[5]!.path)
  ])
  await Promise.all(transfers.map(({ id }, i) => (i === 6 ? p.bob : p.alice).files.completed(id, soon())))
  const arrived = readdirSync(p.bob.downloads)
    .filter(name => name !== '.partial')
    .map(name => readFileSync(join(p.bob.downloads, name)).toString('hex'))
  expect(arrived.sort()).toEqual(sources.map(({ content }) => content.toString('hex')).sort())
  expect(readFileSync(join(p.alice.downloads, 'same.bin')).equals(sources[5]!.content)).toBe(true)
})

test.each(['alice', 'bob'] as const)('%s cancels on the way: both know, and nothing is left', async who => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'large')
  large(path, 60_000_000)
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  const ended = p.alice.files.completed(id, soon()).catch(error => error)
  const atBob = over(p.bob)
  await received(p.bob, 3_000_000)
  const mine = p[who].files.list()[0]!
  expect(await p[who].files.cancel(mine.id)).toMatchObject({ state: 'cancelled' })
  expect(await ended).toMatchObject({ code: 'FILE_CANCELLED' })
  expect(await atBob).toMatchObject({ reason: { code: 'FILE_CANCELLED' } })
  expect(readdirSync(p.bob.downloads)).toEqual(['.partial'])
  expect(readdirSync(join(p.bob.downloads, '.partial'))).toEqual([])
  await expect(p[who].files.cancel(mine.id)).rejects.toThrow(expect.objectContaining({ code: 'FILE_OVER' }))
  await expect(p.alice.files.cancel('nothing')).rejects.toThrow(expect.objectContaining({ code: 'FILE_UNKNOWN' }))
})

test('a yes while the sender is away is kept, also over a restart, and nobody is asked again', async () => {
  const asked = Promise.withResolvers<string>()
  const answer = Promise.withResolvers<void>()
  let questions = 0
  const decide: NonNullable<FileAgentInit>['decide'] = async ({ id }) => {
    questions++
    asked.resolve(id)
    await answer.promise
    return { accept: true }
  }
  await using p = await pair({ bob: { decide } })
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  const offered = await within(asked.promise, 'the question')
  await p.alice.stop()
  await vi.waitFor(() => expect(p.bob.node.getConnections()).toEqual([]), 10_000)
  answer.resolve()
  await p.bob.files.decided(offered)
  expect(p.bob.files.list()).toMatchObject([{ id: offered, state: 'waiting' }])
  await p.bob.stop()
  await p.bob.start()
  await p.alice.start()
  await p.alice.files.completed(id, soon())
  expect(readFileSync(join(p.bob.downloads, 'file'), 'utf8')).toBe('content')
  expect(questions).toBe(1)
})

test('cancelled while the receiver still thinks: the question is withdrawn', async () => {
  const asked = Promise.withResolvers<void>()
  const withdrawn = Promise.withResolvers<void>()
  await using p = await pair({
    bob: {
      decide: (_, signal) => {
        asked.resolve()
        signal.addEventListener('abort', () => withdrawn.resolve())
        return new Promise(() => {})
      }
    }
  })
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  await within(asked.promise, 'the question')
  expect(await p.alice.files.cancel(id)).toMatchObject({ state: 'cancelled' })
  await within(withdrawn.promise, 'the end of the question')
  expect(p.bob.files.list()).toEqual([])
})

test('declined: the sender is told why, and does not ask again', async () => {
  await using p = await pair({ bob: { decide: async () => ({ accept: false, reason: 'not now\u001b[2J' }) } })
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  await expect(p.alice.files.completed(id, soon())).rejects.toThrow(
    expect.objectContaining({ code: 'FILE_DECLINED', message: 'the receiver does not want it: not now [2J' })
  )
})

test('too large for its kind: nobody is asked', async () => {
  await using p = await pair({ bob: { limits: { document: 5 }, decide: () => Promise.reject(new Error('asked')) } })
  const path = join(temporaryFolder(), 'file.bin')
  writeFileSync(path, 'a text, whatever it is called')
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  await expect(p.alice.files.completed(id, soon())).rejects.toThrow(expect.objectContaining({ code: 'FILE_TOO_LARGE' }))
})

test('a source that changes on the way fails at both sides', async () => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'large')
  large(path, 60_000_000)
  const atBob = over(p.bob)
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  const ended = p.alice.files.completed(id, soon()).catch(error => error)
  await received(p.bob, 1_000_000)
  appendFileSync(path, 'more')
  expect(await ended).toMatchObject({ code: 'FILE_SOURCE_CHANGED' })
  expect(await atBob).toMatchObject({ state: 'failed', reason: { code: 'FILE_SOURCE_CHANGED' } })
  expect(readdirSync(join(p.bob.downloads, '.partial'))).toEqual([])
})

test('a download folder that cannot be used: it fails, and goes on when it is sent again', async () => {
  await using p = await pair()
  mkdirSync(p.bob.downloads)
  writeFileSync(join(p.bob.downloads, '.partial'), 'in the way')
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const first = await p.alice.files.send(p.bob.peerId, path)
  await expect(p.alice.files.completed(first.id, soon())).rejects.toThrow(
    expect.objectContaining({ code: 'FILE_FOLDER' })
  )
  expect(p.alice.files.list()).toMatchObject([{ state: 'failed', resumable: true }])
  rmSync(join(p.bob.downloads, '.partial'))
  const again = await p.alice.files.send(p.bob.peerId, path)
  expect(again.id).toBe(first.id)
  await p.alice.files.completed(again.id, soon())
  expect(readFileSync(join(p.bob.downloads, 'file'), 'utf8')).toBe('content')
})

test('a crash between the last byte and the name is made good at the next start', async () => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  await sent(p.alice, p.bob, path)
  await p.bob.stop()
  // as it is after the record was written and before the file was moved
  const [key] = await p.bob.store.transact(transaction => transaction.keys('file/in/'))
  const record = JSON.parse(Buffer.from((await p.bob.store.transact(t => t.get(key!)))!).toString())
  await p.bob.store.transact(async t => t.put(key!, Buffer.from(JSON.stringify({ ...record, state: 'waiting' }))))
  const partial = join(p.bob.downloads, '.partial', record.id)
  mkdirSync(partial)
  renameSync(join(p.bob.downloads, 'file'), join(partial, 'part'))
  await p.bob.start()
  expect(readFileSync(join(p.bob.downloads, 'file'), 'utf8')).toBe('content')
  expect(p.bob.files.list()).toMatchObject([{ state: 'done' }])
  expect(readdirSync(join(p.bob.downloads, '.partial'))).toEqual([])
})

test('a peer that has forgotten the session is offered it again', async () => {
  await using p = await pair()
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  await sent(p.alice, p.bob, path)
  await p.bob.store.transact(async transaction => {
    for (const key of await transaction.keys('')) if (!/^(file|chain)\//.test(key)) transaction.delete(key)
  })
  await sent(p.alice, p.bob, path)
  expect(readdirSync(p.bob.downloads).sort()).toEqual(['.partial', 'file', 'file (2)'])
})

test('each chunk waits for its turn at the scheduler of its connection, behind what is more urgent', async () => {
  await using p = await pair()
  const turns = vi.spyOn(LinkScheduler.prototype, 'run')
  onTestFinished(() => turns.mockRestore())
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, randomBytes(3 * CHUNK_LENGTH))
  await sent(p.alice, p.bob, path)
  const connections = p.alice.node.getConnections(p.bob.peerId)
  const ofThis = turns.mock.contexts.flatMap((scheduler, at) =>
    connections.some(connection => scheduler === schedulerOf(connection)) ? [turns.mock.calls[at]![0]] : []
  )
  // ENTRY, three chunks, ENTRY END, END
  expect(ofThis).toEqual(Array(6).fill('bulk'))
})

test('someone who takes no files', async () => {
  await using p = await pair()
  await p.bob.node.unhandle('/talos/file/1.0.0')
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'content')
  const { id } = await p.alice.files.send(p.bob.peerId, path)
  await expect(p.alice.files.completed(id, soon())).rejects.toThrow(
    expect.objectContaining({ code: 'FILE_UNSUPPORTED' })
  )
})
