import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { LiveProcess } from '../support/live-process.ts'
import { ProcessWatch } from '../support/process-watch.ts'
import { eventually } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/testnet.ts', import.meta.url))
const OPTIONS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning']
/** Of the busiest machine. Milliseconds. */
const PATIENCE = 120_000

/** The test net as a process, and what is left of it. */
class Net {
  readonly watch = new ProcessWatch()
  readonly live: LiveProcess
  readonly #temporary = temporaryFolder()

  constructor(...args: string[]) {
    const words = [...OPTIONS, SCRIPT, ...args, '--relays', '0']
    const env = { ...this.watch.mark, TMPDIR: this.#temporary }
    this.live = new LiveProcess({ file: process.execPath, args: words }, env)
    onTestFinished(() => this.watch.killAll())
  }

  get folders(): string[] {
    return readdirSync(this.#temporary).map(name => join(this.#temporary, name))
  }

  says(what: string): Promise<string> {
    return this.live.line(line => line.includes(what), 0, PATIENCE)
  }

  /** Its exit status. */
  async end(): Promise<number | null> {
    const { code } = await this.live.exited
    await this.watch.noneLeft(PATIENCE)
    return code
  }
}

test(
  'a scenario that succeeds ends with 0, and leaves neither process nor folder',
  async () => {
    const net = new Net('--check', 'smoke', '--nodes', '3')
    expect(await net.end()).toBe(0)
    expect(net.live.said.join('\n')).toMatch(
      /6 messages delivered, each once[\s\S]*the clock of agent-1 says \d{4}-[\s\S]*ok {2}smoke/
    )
    expect(net.folders).toEqual([])
  },
  2 * PATIENCE
)

test(
  'one that fails ends with 1, and the log of each node is kept',
  async () => {
    const net = new Net('--check', 'smoke', '--nodes', '1')
    expect(await net.end()).toBe(1)
    expect(net.live.said.join('\n')).toContain('FAILED  smoke: it takes two agents')
    const logs = join(net.folders[0]!, 'logs')
    expect(await net.says('logs: ')).toContain(logs)
    for (const [node, event] of [['server-1', 'ready'] as const, ['agent-1', 'registered'] as const]) {
      expect(readFileSync(join(logs, `${node}.log`), 'utf8')).toContain(`{"event":"${event}"`)
    }
  },
  2 * PATIENCE
)

test(
  '--keep keeps the folder',
  async () => {
    const net = new Net('--check', 'smoke', '--nodes', '2', '--keep')
    expect(await net.end()).toBe(0)
    const [folder] = net.folders
    expect(await net.says('kept: ')).toContain(folder!)
    expect(existsSync(join(folder!, 'agent-2/wallet.json'))).toBe(true)
  },
  2 * PATIENCE
)

test.each(['SIGINT', 'SIGHUP'] as const)(
  '%s while it runs, and while it starts, leaves nothing',
  async signal => {
    for (const moment of ['all are registered', '0 of 7 nodes are up']) {
      const net = new Net('--nodes', '6')
      await net.says(moment)
      // itself, its helper, and a node
      await eventually(() => net.watch.running().length > 2, PATIENCE)
      net.live.child.kill(signal)
      expect(await net.end()).toBe(0)
      expect(net.folders).toEqual([])
    }
  },
  2 * PATIENCE
)

test(
  'killed outright, it takes its nodes along; their logs are there',
  async () => {
    const net = new Net('--nodes', '2')
    await net.says('all are registered')
    net.live.child.kill('SIGKILL')
    expect(await net.end()).toBe(null)
    const log = join(net.folders[0]!, 'logs/agent-2.log')
    await eventually(() => readFileSync(log, 'utf8').includes('"event":"registered"'))
  },
  2 * PATIENCE
)
