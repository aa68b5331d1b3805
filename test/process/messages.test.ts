import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually, runs } from '../support/processes.ts'
import { talos } from '../support/talos.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

interface Sent {
  id: string
  state: string
}
interface Shown {
  direction: 'in' | 'out'
  id: string
  state?: string
  text?: string
  base64?: string
}

const send = (from: Machine, to: Machine, text: string, ...flags: string[]) =>
  from.json<Sent>('send', to.peerId, text, ...flags)
const history = async (of: Machine) => (await of.json<{ messages: Shown[] }>('history')).messages

describe.concurrent('messages between processes', () => {
  test('a message is delivered, shown, and read', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    const listening = bob.start('listen')
    await listening.event('registered')
    // who read it is told to a sender that is still there: a `send` on its own has ended by then
    await alice.start('daemon').event('ready')

    expect(await send(alice, bob, 'hello', '--wait', '30s')).toMatchObject({
      state: expect.stringMatching(/delivered|read/)
    })
    expect(await listening.event('message')).toMatchObject({ peer: alice.peerId, text: 'hello' })
    await eventually(async () => (await history(alice))[0]?.state === 'read', 20_000)
    expect(await history(bob)).toMatchObject([{ direction: 'in', text: 'hello' }])
  })

  test('an agent that takes messages from known peers alone', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    bob.env['TALOS_MESSAGES_ACCEPT_FROM'] = 'known'
    const listening = bob.start('listen')
    await listening.event('registered')
    const refused = await alice.run('send', bob.peerId, 'who are you', '--wait', '30s')
    expect([refused.status, refused.stderr]).toEqual([5, expect.stringContaining('MESSAGE_NOT_ACCEPTED')])
    // the node that runs looks it up for each message
    await bob.json('peers', 'add', 'alice', alice.peerId)
    await eventually(async () => (await alice.run('send', bob.peerId, 'hello', '--wait', '30s')).status === 0, 30_000)
    expect(await listening.event('message')).toMatchObject({ peer: alice.peerId, text: 'hello' })
    alice.env['TALOS_MESSAGES_ACCEPT_FROM'] = 'friends'
    const wrong = await alice.run('inbox')
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('TALOS_MESSAGES_ACCEPT_FROM')])
  })

  test('standard input and bytes arrive as they were', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    const listening = bob.start('listen')
    await listening.event('registered')
    const bytes = Buffer.from([0, 255, 10, 13, 128])
    const sent = await talos(
      ['send', bob.peerId, '-', '--wait', '30s', '--type', 'application/x-test', '--data-dir', alice.dataDir],
      {
        env: { TALOS_SERVERS: world.address },
        input: bytes,
        timeout: 60_000
      }
    )
    expect(sent.status, sent.stderr).toBe(0)
    expect(await listening.event('message')).toMatchObject({
      contentType: 'application/x-test',
      base64: bytes.toString('base64')
    })
  })

  test('what passed between two is forgotten on one side, when that is confirmed', {
    timeout: 120_000
  }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    await bob.start('daemon').event('ready')
    await send(alice, bob, 'one', '--wait', '30s')
    expect(await bob.json('inbox', '--take')).toMatchObject({ messages: [{ text: 'one' }] })
    await send(alice, bob, 'two', '--wait', '30s')

    const asked = await bob.run('history', '--forget', alice.peerId, '--json')
    expect(JSON.parse(asked.stdout)).toMatchObject({ error: { code: 'USAGE_NOT_CONFIRMED' } })
    expect(await history(bob)).toHaveLength(2)
    const forget = (): Promise<object> => bob.json('history', '--forget', alice.peerId, '--yes')
    expect(await forget()).toEqual({ forgotten: 1, kept: 1 })
    expect(await history(bob)).toMatchObject([{ text: 'two' }])
    expect(await forget()).toEqual({ forgotten: 0, kept: 1 })
    // the other side has both, and so has the chain of this one
    expect(await history(alice)).toHaveLength(2)
    const { records } = await bob.json<{ records: unknown[] }>('audit', 'log', '--kind', 'message')
    expect(records).toHaveLength(2)
    expect((await bob.run('history', 'x', '--forget', alice.peerId)).stderr).toContain('USAGE_INVALID')
  })

  test('a peer that is away gets it when it comes, from a daemon that was restarted meanwhile', {
    timeout: 120_000
  }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    const daemon = alice.start('daemon')
    await daemon.event('ready')
    expect(await send(alice, bob, 'one')).toMatchObject({ state: 'queued' })
    await daemon.kill('SIGKILL')
    const again = alice.start('daemon')
    await again.event('ready')
    await send(alice, bob, 'two')

    const listening = bob.start('listen')
    await listening.line(line => line.includes('"two"'))
    const texts = listening.said
      .filter(line => line.startsWith('{"event":"message"'))
      .map(line => JSON.parse(line).text)
    expect(texts).toEqual(['one', 'two'])
  })

  test('a message that cannot be delivered in time fails the command and stays queued', {
    timeout: 120_000
  }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    const { status, stdout } = await alice.run('send', bob.peerId, 'x', '--wait', '500ms', '--json')
    expect(status).toBe(5)
    expect(JSON.parse(stdout).error.code).toBe('MESSAGE_NOT_DELIVERED')
    expect(await history(alice)).toMatchObject([{ state: expect.stringMatching(/queued|stored/), text: 'x' }])
  })

  test('what listen has shown is not in the inbox; what nobody has shown is, until it is taken', {
    timeout: 120_000
  }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    await bob.start('daemon').event('registered')
    for (const text of ['one', 'two', 'three']) await send(alice, bob, text, '--wait', '30s')

    const inbox = async (...flags: string[]) =>
      (await bob.json<{ messages: Shown[] }>('inbox', ...flags)).messages.map(({ text }) => text)
    expect(await inbox()).toEqual(['one', 'two', 'three'])
    expect(await inbox('--take', '--limit', '1')).toEqual(['one'])
    const listening = bob.start('listen')
    await listening.line(line => line.includes('"three"'))
    await eventually(async () => (await inbox()).length === 0)
    expect(listening.said.join('\n')).not.toContain('"one"')
  })
})

describe.concurrent('one node per data directory', () => {
  test('commands at the same time work, with a daemon and without one', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    await bob.start('daemon').event('registered')
    const all = async (round: string) => {
      const runs = await Promise.all([1, 2, 3].map(i => alice.run('send', bob.peerId, `${round}${i}`, '--json')))
      for (const { status, stdout, stderr } of runs) expect(status, stdout + stderr).toBe(0)
    }
    await all('without')
    const daemon = alice.start('daemon')
    await daemon.event('ready')
    await all('with')
    await eventually(
      async () => (await history(alice)).filter(({ state }) => state === 'delivered').length === 6,
      20_000
    )
  })

  test('a killed daemon heals itself, and a second one is refused', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const alice = await world.machine('Alice')
    const first = alice.start('daemon')
    await first.event('ready')
    const refused = await alice.run('daemon', '--json')
    expect(JSON.parse(refused.stdout).error.code).toBe('NODE_RUNNING')
    await first.kill('SIGKILL')
    expect(await history(alice)).toEqual([])
    const second = alice.start('daemon')
    expect(await second.event('ready')).toMatchObject({ peerId: alice.peerId })
  })

  test('a daemon in the background works for others, and is ended by a command', {
    timeout: 120_000
  }, async context => {
    const world = await TalosWorld.start(context)
    const alice = await world.machine('Alice')
    const { pid } = await alice.json<{ pid: number }>('daemon', '--detach')
    try {
      expect(runs(pid)).toBe(true)
      expect(await alice.json('status')).toMatchObject({ node: { pid, role: 'daemon' } })
      expect(await alice.json('daemon', '--stop')).toEqual({ stopped: true, pid })
      await eventually(() => !runs(pid))
      expect(await alice.json('daemon', '--stop')).toEqual({ stopped: false })
    } finally {
      if (runs(pid)) process.kill(pid, 'SIGKILL')
    }
  })

  test('a daemon in the background is given the passphrase of a sealed wallet', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const alice = await world.machine('Alice')
    const env = { TALOS_PASSPHRASE: 'correct horse battery' }
    const dataDir = join(world.folder, 'sealed')
    const run = (...args: string[]) => talos([...args, '--data-dir', dataDir], { env: { ...alice.env, ...env } })
    expect((await run('init', '--name', 'sealed')).status).toBe(0)
    const { status, stdout, stderr } = await run('daemon', '--detach', '--json')
    expect(status, stdout + stderr).toBe(0)
    const { pid } = JSON.parse(stdout)
    try {
      expect(runs(pid)).toBe(true)
      // who asks the node needs no passphrase
      const asked = await talos(['history', '--data-dir', dataDir, '--json'])
      expect(asked.status, asked.stdout).toBe(0)
      expect(JSON.parse((await run('daemon', '--stop', '--json')).stdout)).toEqual({ stopped: true, pid })
    } finally {
      if (runs(pid)) process.kill(pid, 'SIGKILL')
    }
  })

  test('a daemon that cannot start in the background says why', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const alice = await world.machine('Alice')
    await writeFile(join(alice.dataDir, 'config.yaml'), 'nonsense: 1\n', { mode: 0o600 })
    const { status, stdout } = await alice.run('daemon', '--detach', '--json')
    expect(status).toBe(1)
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'NODE_NOT_STARTED',
      message: expect.stringContaining('nonsense')
    })
    expect(readFileSync(join(alice.dataDir, 'daemon.log'), 'utf8')).toContain('CONFIG_INVALID')
  })

  test('a download folder that cannot be used is told at the start', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const bob = await world.machine('Bob')
    const { status, stderr } = await bob.run('listen', '--download-dir', join(bob.dataDir, 'wallet.json/inside'))
    expect(stderr).toContain('cannot write into the download folder')
    expect(stderr).toContain('--download-dir')
    expect(status).toBe(6)
  })

  test('a listener goes on when the daemon that it worked through is killed', { timeout: 120_000 }, async context => {
    const world = await TalosWorld.start(context)
    const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
    const daemon = bob.start('daemon')
    await daemon.event('registered')
    const listening = bob.start('listen')
    await listening.event('listening')
    await send(alice, bob, 'before', '--wait', '30s')
    await listening.line(line => line.includes('"before"'))
    await daemon.kill('SIGKILL')
    await send(alice, bob, 'after', '--wait', '40s')
    await listening.line(line => line.includes('"after"'))
    expect(listening.said.filter(line => line.includes('"before"'))).toHaveLength(1)
  })
})
