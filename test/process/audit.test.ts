import { expect, test } from 'vitest'
import { readTrail } from '../support/audit.ts'
import { TalosWorld } from '../support/talos-world.ts'

test('a message is recorded by both sides, and what became of it', { timeout: 120_000 }, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  const listening = bob.start('listen')
  await listening.event('registered')
  const { id } = await alice.json<{ id: string }>('send', bob.peerId, 'hello', '--wait', '30s')
  await listening.event('message')
  await listening.kill()

  const sender = await readTrail(alice)
  expect(sender.report).toMatchObject({ valid: true })
  const operation = `message/${id}`
  expect(sender.records.find(one => one['operation'] === operation)).toMatchObject({
    event: 'sent',
    peer: bob.peerId,
    size: 5
  })
  expect(sender.records.map(({ event }) => event)).toContain('delivered')
  const receiver = await readTrail(bob)
  expect(receiver.report).toMatchObject({ valid: true })
  expect(receiver.records.find(one => one['operation'] === operation)).toMatchObject({
    event: 'received',
    peer: alice.peerId,
    size: 5
  })
})
