import { describe, expect, test } from 'vitest'
import type { LiveProcess } from '../support/live-process.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

const heard = (listener: LiveProcess): Array<Record<string, unknown>> =>
  listener.said.filter(line => line.startsWith('{"event":"broadcast"')).map(line => JSON.parse(line))

/** Says it again until `isHeard`: who has just begun to listen may miss the first second. */
const say = (from: Machine, text: string, topic: string, isHeard: () => boolean): Promise<void> =>
  eventually(async () => {
    await from.run('send', '*', text, '--topic', topic)
    return isHeard()
  }, 60_000)

describe.concurrent('broadcasts between processes', { timeout: 120_000 }, () => {
  test('who listens to the topic is told, who does not is not', async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob, carol, dave] = [
      await world.machine('Alice'),
      await world.machine('Bob'),
      await world.machine('Carol'),
      await world.machine('Dave')
    ]
    await alice.start('daemon').event('registered')
    const onTopic = [
      bob.start('listen', '--topic', 'Weather', '--topic', 'traffic'),
      carol.start('listen', '--topic', 'weather')
    ]
    const elsewhere = dave.start('listen', '--topic', 'sports')
    for (const listener of [...onTopic, elsewhere]) await listener.event('registered')

    await say(alice, 'rain by noon', 'weather', () => onTopic.every(listener => heard(listener).length > 0))
    for (const listener of onTopic) {
      expect(heard(listener)[0]).toMatchObject({
        topic: 'weather',
        peer: alice.peerId,
        text: 'rain by noon',
        contentType: 'text/plain; charset=utf-8',
        encrypted: false
      })
    }
    // a broadcast that he does hear comes after those that he does not: nothing of them is still under way
    await say(alice, 'two to one', 'sports', () => heard(elsewhere).length > 0)
    expect(heard(elsewhere).every(({ topic, text }) => topic === 'sports' && text === 'two to one')).toBe(true)
    expect(elsewhere.said.join('\n')).not.toContain('rain by noon')
    for (const listener of onTopic) expect(listener.said.join('\n')).not.toContain('two to one')
  })

  test('without a node that runs, the command is heard, too, and says that nothing was encrypted', async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    const listening = bob.start('listen', '--topic', 'weather')
    await listening.event('registered')
    let said = ''
    await eventually(async () => {
      said = (await alice.run('send', '*', 'hail', '--topic', 'weather')).stdout
      return heard(listening).length > 0
    }, 60_000)
    expect(said).toMatch(/NOT encrypted/)
    expect(await alice.json('send', '*', 'hail', '--topic', 'weather')).toMatchObject({ encrypted: false })
  })

  test('through a daemon: each listener hears its own topics, which are left when the last one has gone', async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    await alice.start('daemon').event('registered')
    await bob.start('daemon').event('registered')
    const listeners = [bob.start('listen', '--topic', 'weather'), bob.start('listen', '--topic', 'weather')]
    const other = bob.start('listen', '--topic', 'sports')
    await say(alice, 'fog', 'weather', () => listeners.every(listener => heard(listener).length > 0))
    await listeners[0]!.kill()
    const before = heard(listeners[1]!).length
    await say(alice, 'fog', 'weather', () => heard(listeners[1]!).length > before)
    expect(heard(other)).toEqual([])
    await listeners[1]!.kill()
    await eventually(async () => {
      const { status, stdout } = await alice.run('send', '*', 'fog', '--topic', 'weather', '--json')
      return status === 5 && JSON.parse(stdout).error.code === 'BROADCAST_NOBODY'
    }, 60_000)
  })

  test('the recipient * needs a topic, and a topic needs the recipient *', async context => {
    const world = await TalosWorld.start(context)
    const alice = await world.machine('Alice')
    for (const args of [
      ['send', '*', 'x'],
      ['send', 'bob', 'x', '--topic', 'weather']
    ]) {
      const { status, stdout } = await alice.run(...args, '--json')
      expect(status).toBe(2)
      expect(JSON.parse(stdout).error.code).toBe('USAGE_INVALID')
    }
  })
})
