import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readTrail } from '../support/audit.ts'
import { LiveProcess } from '../support/live-process.ts'
import { freePort } from '../support/ports.ts'
import { eventually } from '../support/processes.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

/** Each way. */
const COUNT = 150
const KILLS = 4
const PROGRAM = fileURLToPath(new URL('../fixtures/soak-agent.mjs', import.meta.url))

test('agents that are killed at any point have each message recorded once, as it is in the history', {
  timeout: 300_000
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  const logOf = ({ name }: Machine) => join(world.folder, `${name}.log`)
  const received = (of: Machine) =>
    existsSync(logOf(of)) ? new Set(readFileSync(logOf(of), 'utf8').match(/^got \S+/gm)).size : 0
  const start = async (self: Machine, peer: Machine) => {
    const port = String(await freePort())
    const args = [PROGRAM, self.dataDir, world.address, peer.peerId, String(COUNT), logOf(self), port, port]
    const started = new LiveProcess({ file: process.execPath, args }, {})
    context.onTestFinished(() => started.kill().catch(() => {}))
    return started
  }
  const running = new Map([
    [alice, await start(alice, bob)],
    [bob, await start(bob, alice)]
  ])
  for (let kill = 0; kill < KILLS; kill++) {
    const [victim, other] = kill % 2 === 0 ? [alice, bob] : [bob, alice]
    const wanted = Math.min(COUNT, received(victim) + 1 + Math.floor((Math.random() * COUNT) / KILLS))
    await eventually(() => received(victim) >= wanted, 60_000)
    await running.get(victim)!.kill('SIGKILL')
    running.set(victim, await start(victim, other))
  }
  await eventually(() => received(alice) === COUNT && received(bob) === COUNT, 120_000)
  for (const one of running.values()) await one.kill('SIGKILL')

  const operations: Record<string, string[]> = {}
  for (const self of [alice, bob]) {
    const { records, report } = await readTrail(self)
    expect(report.errors).toEqual([])
    expect(records[0]).toMatchObject({ event: 'begun', agent: self.peerId })
    for (const event of ['sent', 'received']) {
      const of = records.filter(one => one['event'] === event).map(one => String(one['operation']))
      expect(new Set(of).size, `${self.name} ${event}`).toBe(COUNT)
      expect(of).toHaveLength(COUNT)
      operations[`${self.name} ${event}`] = of.sort()
    }
    const { messages } = await self.json<{ messages: Array<{ id: string; audit?: object }> }>(
      'history',
      '--limit',
      '1000'
    )
    expect(messages).toHaveLength(2 * COUNT)
    expect(messages.filter(({ audit }) => audit === undefined || 'differs' in audit)).toEqual([])
  }
  expect(operations['Alice sent']).toEqual(operations['Bob received'])
  expect(operations['Bob sent']).toEqual(operations['Alice received'])
})
