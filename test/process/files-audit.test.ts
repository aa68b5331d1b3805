import { randomBytes, randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { secretOf, startFileAgent } from '../support/file-agents.ts'
import { Party } from '../support/file-parties.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** No more than a peer may offer at once. */
const FILES = 24
const KILLS = 4

/** What the disk of an agent says that is not running: each transfer with its state, and the events that are recorded of it. */
async function onDisk(folder: string): Promise<Map<string, { state: string; events: string[] }>> {
  // nobody is known there: whatever waits goes on waiting
  await using agent = await startFileAgent({ folder, secret: secretOf(folder) })
  const transfers = agent.files.list().map(({ name, state }) => [name, { state, events: [] as string[] }] as const)
  const found = new Map(transfers)
  for (const { event, name } of await agent.recorded()) {
    const transfer = found.get(name as string)
    expect(transfer, `a record of ${name}, of which there is no transfer`).toBeDefined()
    transfer!.events.push(event as string)
  }
  return found
}

test('kill -9 of either side: what is recorded of a transfer and its state are there together', {
  timeout: 180_000
}, async () => {
  const folder = temporaryFolder()
  const paths = Array.from({ length: FILES }, (_, at) => {
    const path = join(folder, `file-${at}`)
    writeFileSync(path, randomBytes(1_000 * at))
    return path
  })
  const folders = { alice: join(folder, 'alice'), bob: join(folder, 'bob') }
  let alice = await Party.start(folders.alice)
  let bob = await Party.start(folders.bob)
  await alice.tell({ order: 'queue', peer: bob.peer, paths })
  const between = { alice: 0, bob: 0 }
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const isLast = kill === KILLS
      const side = kill % 2 === 0 ? ('bob' as const) : ('alice' as const)
      let left = isLast ? Number.POSITIVE_INFINITY : randomInt(1, 10)
      const enough = Promise.withResolvers<void>()
      const victim = side === 'alice' ? alice : bob
      victim.onProgress = () => void (--left === 0 && enough.resolve())
      victim.child.once('exit', () => enough.resolve())
      await alice.tell({ order: 'meet', peer: bob.peer, address: bob.address })
      const all = alice.tell({ order: 'finish' })
      await (isLast ? all : Promise.race([enough.promise, all]))
      await Promise.all([alice.kill(), bob.kill(), all.catch(() => {})])

      for (const name of ['alice', 'bob'] as const) {
        const first = name === 'alice' ? ['offered'] : []
        const accepted = name === 'alice' ? 'agreed' : 'accepted'
        for (const [file, { state, events }] of await onDisk(folders[name])) {
          const begun = events.includes(accepted) || name === 'bob' ? [...first, accepted] : first
          expect([name, file, state, events]).toEqual([
            name,
            file,
            state,
            state === 'done' ? [...first, accepted, 'completed'] : begun
          ])
          if (isLast) expect([name, file, state]).toEqual([name, file, 'done'])
          else if (state !== 'done') between[name]++
        }
      }
      if (!isLast) [alice, bob] = [await Party.start(folders.alice), await Party.start(folders.bob)]
    }
  } finally {
    await alice.kill()
    await bob.kill()
  }
  expect(between.alice).toBeGreaterThan(0)
})
