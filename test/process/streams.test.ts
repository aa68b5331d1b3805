import { fileURLToPath } from 'node:url'
import { expect, type TestContext, test } from 'vitest'
import { LiveProcess } from '../support/live-process.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

// Streams between two programs that both work through a daemon: four processes, each of which is killed in the middle of one.

const PROGRAM = fileURLToPath(new URL('../fixtures/stream-program.mjs', import.meta.url))

function program(world: TalosWorld, context: TestContext, { dataDir, env }: Machine, ...mode: string[]): LiveProcess {
  const running = new LiveProcess({ file: process.execPath, args: [PROGRAM, dataDir, world.address, ...mode] }, env)
  context.onTestFinished(() => running.kill().catch(() => {}))
  return running
}

async function streaming(context: TestContext) {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  const start = async (machine: Machine) => {
    const daemon = machine.start('daemon')
    await daemon.event('ready')
    await daemon.event('registered')
    return daemon
  }
  const [writersNode, readersNode] = await Promise.all([start(alice), start(bob)])
  const reader = program(world, context, bob, 'read')
  expect(await reader.event('ready')).toMatchObject({ through: 'another' })
  const writer = program(world, context, alice, 'write', bob.peerId)
  expect(await writer.event('ready')).toMatchObject({ through: 'another' })
  await reader.event('taking')
  const again = (...mode: string[]) => program(world, context, bob, ...mode)
  return { writersNode, readersNode, reader, writer, again }
}

test('the program that writes is killed: the reader is told', { timeout: 120_000 }, async context => {
  const { writer, reader } = await streaming(context)
  await writer.kill()
  expect(await reader.event('broken')).toMatchObject({ code: 'STREAM_ABORTED' })
})

test('the program that reads is killed: the writer is told, and another takes the next', {
  timeout: 120_000
}, async context => {
  const { writer, reader, again } = await streaming(context)
  await reader.kill()
  expect(await writer.event('broken')).toMatchObject({ code: 'STREAM_ABORTED' })
  const next = again('read')
  expect(await next.event('read')).toMatchObject({ bytes: 1_000_000 })
  await writer.event('written')
})

test.for(['writersNode', 'readersNode'] as const)(
  'the %s is killed: both are told, and go on',
  { timeout: 120_000 },
  async (which, context) => {
    const live = await streaming(context)
    await live[which].kill()
    for (const side of [live.writer, live.reader]) {
      expect(await side.event('broken')).toMatchObject({ code: 'STREAM_BROKEN' })
    }
    // one of the programs is the node now
    await live.writer.event('written')
    expect(await live.reader.event('read')).toMatchObject({ bytes: 1_000_000 })
  }
)
