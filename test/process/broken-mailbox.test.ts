import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, type TestContext, test } from 'vitest'
import { LiveProcess } from '../support/live-process.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

const PROGRAM = fileURLToPath(new URL('../fixtures/broken-mailbox.ts', import.meta.url))
// the generated protobuf code has namespaces, which Node does not merely strip
const EXEC_ARGV = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning']
const SOON = 30_000

async function brokenWorld(context: TestContext): Promise<TalosWorld> {
  const world = new TalosWorld(context)
  const args = [...EXEC_ARGV, PROGRAM, join(world.folder, 'server')]
  world.server = new LiveProcess({ file: process.execPath, args }, {})
  context.onTestFinished(() => world.server.kill().catch(() => {}))
  const { addresses } = await world.server.event<{ addresses: string[] }>('ready')
  world.address = addresses.find(address => !address.includes('/ws'))!
  return world
}

/** Starts a command of an agent that goes on, and waits until its box is there. */
async function live(machine: Machine, command: string): Promise<LiveProcess> {
  const running = machine.start(command)
  await running.line(line => line.startsWith('{"event":"registered"') && JSON.parse(line).mailboxes === 1)
  return running
}

const shown = ({ said }: LiveProcess): string[] =>
  said.filter(line => line.startsWith('{"event":"message"')).map(line => JSON.parse(line).text)

test('a mailbox that delivers twice, in the wrong order, and for ever: each message is shown once, in order', {
  timeout: 180_000
}, async context => {
  const world = await brokenWorld(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  await (await live(bob, 'daemon')).kill('SIGTERM')
  const sent: string[] = []
  const states = async () => {
    const { messages } = await alice.json<{ messages: Array<{ state: string }> }>('history')
    return messages.map(({ state }) => state)
  }
  /** Alice leaves some messages for Bob at the mailbox, and is gone when he comes: he has them from there alone. */
  const send = async (count: number): Promise<string[]> => {
    const texts = Array.from({ length: count }, (_, i) => `message ${sent.length + i}`)
    const sending = await live(alice, 'daemon')
    for (const text of texts) await alice.json('send', bob.peerId, text)
    await eventually(async () => !(await states()).includes('queued'), SOON)
    await sending.kill('SIGTERM')
    sent.push(...texts)
    return texts
  }
  /** What Bob is shown of what was sent while he was away; the mailbox has everything of before, too. */
  const listen = async (texts: string[]): Promise<LiveProcess> => {
    const from = world.server.said.length
    const listening = await live(bob, 'listen')
    await listening.line(line => line.startsWith('{"event":"message"') && JSON.parse(line).text === texts.at(-1))
    await world.server.line(
      line => line.startsWith('{"event":"page"') && JSON.parse(line).boxes >= 2 * sent.length,
      from
    )
    return listening
  }
  const first = await send(10)
  const before = await listen(first)
  await before.kill('SIGTERM')
  expect(shown(before)).toEqual(first)

  const second = await send(4)
  const after = await listen(second)
  // the acknowledgements come to Alice in the same way
  await live(alice, 'daemon')
  await eventually(async () => (await states()).every(state => state === 'read'), SOON)
  expect(await states()).toHaveLength(sent.length)
  expect(shown(after)).toEqual(second)
  expect(world.server.running).toBe(true)
})
