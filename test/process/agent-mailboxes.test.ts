import { expect, type TestContext, test } from 'vitest'
import { freePort } from '../support/ports.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

// Agents that hold messages for others (`mailbox: true`), two for one recipient (`mailboxes`); they are killed in between.

/** An agent that is a mailbox, always at the same address. */
async function mailboxOf(world: TalosWorld, name: string) {
  const machine = await world.machine(name)
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
  Object.assign(machine.env, { TALOS_MAILBOX: 'true', TALOS_LISTEN: address })
  const start = async () => {
    const daemon = machine.start('daemon')
    await daemon.event('ready')
    return daemon
  }
  return { address: `${address}/p2p/${machine.peerId}`, start, running: await start() }
}

/** Bob has been at both mailboxes once, and is away. */
async function away(context: TestContext) {
  const world = await TalosWorld.start(context)
  const mailboxes = [await mailboxOf(world, 'Carol'), await mailboxOf(world, 'Dave')] as const
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  bob.env['TALOS_MAILBOXES'] = mailboxes.map(({ address }) => address).join(' ')
  const daemon = bob.start('daemon')
  await daemon.line(line => line.startsWith('{"event":"registered"') && JSON.parse(line).mailboxes === 2)
  await daemon.kill('SIGTERM')
  return { alice, bob, mailboxes }
}

async function send(alice: Machine, bob: Machine, text: string): Promise<string> {
  return (await alice.json<{ state: string }>('send', bob.peerId, text)).state
}

test('of two mailboxes one is killed before and one between: each message arrives once', {
  timeout: 180_000
}, async context => {
  const { alice, bob, mailboxes } = await away(context)
  expect(await send(alice, bob, 'at both')).toBe('stored')
  await mailboxes[0].running.kill()
  expect(await send(alice, bob, 'at one')).toBe('stored')
  // it keeps what it had
  await mailboxes[1].running.kill()
  await mailboxes[1].start()
  const listening = bob.start('listen')
  await listening.line(line => line.includes('at one'))
  const got = listening.said.filter(line => line.startsWith('{"event":"message"')).map(line => JSON.parse(line).text)
  expect(got).toEqual(['at both', 'at one'])
})
