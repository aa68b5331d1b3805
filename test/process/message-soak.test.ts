import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, type TestContext, test } from 'vitest'
import { LiveProcess } from '../support/live-process.ts'
import { type Machine, TalosWorld } from '../support/talos-world.ts'

/** Each way, here; `npm run soak` sends 100,000. */
const COUNT = Number(process.env['TALOS_SOAK_MESSAGES'] ?? 4_000) / 2
/** Kills of one of the three processes, in turn by chance. */
const KILLS = Math.max(12, COUNT / 1_000)
const LIMIT = 300_000 + COUNT * 20

const PROGRAM = fileURLToPath(new URL('../fixtures/soak-agent.mjs', import.meta.url))

/** One of the two agents: a process that is killed and started again. */
class SoakAgent {
  readonly log: string
  #process: LiveProcess
  readonly #start: () => LiveProcess

  constructor(context: TestContext, world: TalosWorld, self: Machine, peer: Machine) {
    this.log = join(world.folder, `${self.name}.log`)
    const args = [PROGRAM, self.dataDir, world.address, peer.peerId, String(COUNT), this.log]
    this.#start = () => new LiveProcess({ file: process.execPath, args }, {})
    this.#process = this.#start()
    context.onTestFinished(() => this.#process.kill().catch(() => {}))
  }

  async kill(): Promise<void> {
    if (!this.#process.running) throw new Error(`the agent has ended by itself:\n${this.#process.said.join('\n')}`)
    await this.#process.kill('SIGKILL')
    this.#process = this.#start()
  }

  /** The numbers received, in their order; throws when one came again after it was acknowledged. */
  received(): number[] {
    const acknowledged = new Set<string>()
    const numbers = new Map<string, number>()
    const lines = existsSync(this.log) ? readFileSync(this.log, 'utf8').split('\n').slice(0, -1) : []
    for (const line of lines) {
      const [what, id, number] = line.split(' ') as [string, string, string]
      if (what === 'ack') acknowledged.add(id)
      else if (acknowledged.has(id)) throw new Error(`${number} (${id}) came again`)
      else numbers.set(id, Number(number))
    }
    return [...numbers.values()]
  }
}

test(`${2 * COUNT} messages, both ways, ${KILLS} kills: none lost, none doubled, order kept`, {
  timeout: LIMIT
}, async context => {
  const world = await TalosWorld.start(context)
  const [alice, bob] = [await world.machine('Alice'), await world.machine('Bob')]
  const agents = [new SoakAgent(context, world, alice, bob), new SoakAgent(context, world, bob, alice)]
  const progress = () => agents.reduce((sum, agent) => sum + agent.received().length, 0)

  for (let kills = 0; kills < KILLS; kills++) {
    // each kill when some more messages have come, so that they are spread over the whole run
    const wanted = (2 * COUNT * (kills + Math.random())) / KILLS
    while (progress() < wanted) await delay(50)
    const victim = Math.floor(Math.random() * 3)
    if (victim < 2) await agents[victim]!.kill()
    else {
      await world.server.kill('SIGKILL')
      await world.startServer()
    }
  }
  while (progress() < 2 * COUNT) await delay(200)
  const all = Array.from({ length: COUNT }, (_, number) => number)
  for (const agent of agents) expect(agent.received()).toEqual(all)
})
