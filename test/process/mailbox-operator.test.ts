import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import { expect, test } from 'vitest'
import { TalosWorld } from '../support/talos-world.ts'

const SECRET = 'what Alice has to say to nobody but Bob'

/** All that is in the files of a folder, and their names. */
function contentsOf(folder: string): Buffer {
  return Buffer.concat(
    readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap(entry => [
      Buffer.from(entry.name),
      ...(entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name))] : [])
    ])
  )
}

test('a server that is killed while it holds messages has neither name nor PeerId of their sender on its disk, nor their words; and loses none', {
  timeout: 180_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice-Liddell'), await world.machine('Bob')]
  const once = bob.start('daemon')
  await once.line(line => line.startsWith('{"event":"registered"') && JSON.parse(line).mailboxes === 1)
  await once.kill('SIGTERM')
  const texts = [SECRET, `${SECRET}, and more`, `${SECRET}${'x'.repeat(500)}`]
  for (const text of texts) expect(await alice.json('send', bob.peerId, text)).toMatchObject({ state: 'stored' })
  await world.server.kill()

  const disk = contentsOf(join(world.folder, 'server'))
  const id = peerIdFromString(alice.peerId)
  // her key is there: she has a box at that server herself, and left the keys for it; which box is from whom is in test/protocol/mailbox.test.ts
  const traces = {
    'her name': 'Alice-Liddell',
    'her PeerId': alice.peerId,
    'the same in bytes': id.toMultihash().bytes,
    'her words': SECRET
  }
  for (const [what, trace] of Object.entries(traces)) expect(disk.includes(Buffer.from(trace)), what).toBe(false)
  // the same look finds who is registered there, so it would find her
  expect(
    disk.includes(Buffer.from(bob.peerId)) ||
      disk.includes(Buffer.from(peerIdFromString(bob.peerId).toMultihash().bytes))
  ).toBe(true)

  await world.startServer()
  const listening = bob.start('listen')
  await listening.line(line => line.includes(texts[2]!))
  const got = listening.said.filter(line => line.startsWith('{"event":"message"')).map(line => JSON.parse(line).text)
  expect(got).toEqual(texts)
})
