import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { childrenOf, commandOf, eventually, runs } from '../support/processes.ts'
import { HAS_TERMINAL, talosOnTerminal } from '../support/pseudo-terminal.ts'
import { TALOS, talos } from '../support/talos.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MINUTES = 60_000

/** `talos demo` with a TMPDIR of its own. */
class Demo {
  readonly folder = temporaryFolder()
  readonly temporary = join(this.folder, 'tmp')
  readonly process: ChildProcess
  readonly end: Promise<{ status: number | null; stdout: string; stderr: string }>
  /** All that it has started, and what that has started, as far as seen. */
  readonly pids = new Set<number>()
  #stdout = ''
  #stderr = ''

  constructor(args: string[], { env = {}, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
    mkdirSync(this.temporary)
    this.process = spawn(process.execPath, [TALOS, 'demo', ...args], {
      env: { ...process.env, ...env, TMPDIR: this.temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd })
    })
    this.process.stdout!.on('data', chunk => (this.#stdout += chunk))
    this.process.stderr!.on('data', chunk => (this.#stderr += chunk))
    this.end = once(this.process, 'close').then(([status]) => ({
      status,
      stdout: this.#stdout,
      stderr: this.#stderr
    }))
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  /** Resolves when step `number` has been shown. */
  async step(number: number): Promise<void> {
    const isStep = new RegExp(`^ ?${number}  `)
    for await (const line of createInterface({ input: this.process.stdout! })) {
      if (isStep.test(line)) break
    }
    this.#collect(this.process.pid!)
  }

  /** The process whose command line holds `text`. */
  find(text: string): number {
    const pid = [...this.pids].find(candidate => commandOf(candidate).includes(text))
    if (pid === undefined) throw new Error(`no process of the demo runs ${text}`)
    return pid
  }

  async expectNothingLeft(): Promise<void> {
    expect(readdirSync(this.temporary)).toEqual([])
    await eventually(() => ![...this.pids].some(runs))
  }

  #collect(parent: number): void {
    for (const pid of childrenOf(parent)) {
      this.pids.add(pid)
      this.#collect(pid)
    }
  }
}

test(
  'two at once, from a folder that cannot be written, with a hostile configuration, each as one JSON object',
  async () => {
    const cwd = temporaryFolder()
    chmodSync(cwd, 0o500)
    const env = {
      TALOS_DATA_DIR: '/dev/null/no',
      TALOS_PASSPHRASE: 'short',
      TALOS_PASSPHRASE_FILE: '/does/not/exist',
      TALOS_SERVERS: 'not an address',
      TALOS_LISTEN: '/ip4/203.0.113.1/tcp/1',
      TALOS_ANNOUNCE: 'nonsense',
      TALOS_LIMITS_MAX_CONNECTIONS: '0'
    }
    const demos = [new Demo(['--json'], { env, cwd }), new Demo(['--json'], { env, cwd })]
    for (const demo of demos) {
      const { status, stdout, stderr } = await demo.end
      expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
      const { steps } = JSON.parse(stdout)
      expect(steps).toHaveLength(10)
      expect(steps.every(({ title, lines }: { title: string; lines: string[] }) => title && lines.length > 0)).toBe(
        true
      )
      await demo.expectNothingLeft()
    }
  },
  3 * MINUTES
)

test(
  'a step that is not true fails it',
  async () => {
    // the file that the tool has written is another one when the demo looks
    const lie = `
      import { promises } from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      const readFile = promises.readFile
      promises.readFile = async (path, ...rest) => String(path).endsWith('note.txt') ? 'a lie' : readFile(path, ...rest)
      syncBuiltinESMExports()`
    const demo = new Demo([], { env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(lie)}` } })
    const { status, stdout, stderr } = await demo.end
    expect(status).toBe(1)
    expect(stderr).toContain('talos: not as it should be: ')
    expect(stderr).toContain('(DEMO_FAILED)')
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(stdout).not.toContain('steps held')
    expect(stdout).not.toContain('\x1b')
    await demo.expectNothingLeft()
  },
  MINUTES
)

test.each([
  ['server', 'the bootstrap server'],
  ['mcp-serve', 'the tool’s host'],
  ['mcp-connect', 'the agent’s talos mcp-connect']
])(
  'kill -9 of talos %s ends it at once, in plain words, and nothing stays',
  async (command, name) => {
    const demo = new Demo([])
    await demo.step(5)
    const killed = performance.now()
    process.kill(demo.find(`talos.cjs ${command}`), 'SIGKILL')
    const { status, stderr } = await demo.end
    expect(status).toBe(1)
    expect(stderr).toContain(`talos: ${name} has ended before its time`)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(performance.now() - killed).toBeLessThan(15_000)
    await demo.expectNothingLeft()
  },
  MINUTES
)

test(
  'kill -9 of the demo itself leaves nothing behind',
  async () => {
    const demo = new Demo([])
    await demo.step(5)
    demo.process.kill('SIGKILL')
    await demo.end
    await eventually(() => readdirSync(demo.temporary).length === 0)
    await demo.expectNothingLeft()
  },
  MINUTES
)

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s in the middle, twice as from a terminal under npm, leaves nothing behind',
  async signal => {
    const demo = new Demo([])
    await demo.step(signal === 'SIGTERM' ? 1 : 5)
    demo.process.kill(signal)
    demo.process.kill(signal)
    const { status, stderr } = await demo.end
    expect({ status, stderr }).toMatchObject({ status: 130, stderr: expect.stringContaining('(INTERRUPTED)') })
    await demo.expectNothingLeft()
  },
  MINUTES
)

test.skipIf(!HAS_TERMINAL)(
  'colours are for a terminal, and for one that wants them',
  { timeout: 2 * MINUTES },
  async () => {
    const shown = async (env: NodeJS.ProcessEnv) => {
      const stop = [{ prompt: ' 1  ', keys: '\x03' }]
      return (await talosOnTerminal(['demo'], stop, '', { TERM: 'xterm', ...env })).shown
    }
    const title = 'Three identities, each a key of its own'
    expect(await shown({ NO_COLOR: '' })).toContain(`1  \x1b[1m${title}\x1b[0m`)
    const without = [await shown({ NO_COLOR: '1' }), await shown({ NO_COLOR: '', TERM: 'dumb' })]
    for (const text of without) expect(text).toContain(`1  ${title}`)
  }
)

test('without a place for its folder it says so', async () => {
  const { status, stdout } = await talos(['demo', '--json'], { env: { TMPDIR: '/does/not/exist' } })
  expect(status).toBe(1)
  expect(JSON.parse(stdout).error).toMatchObject({ code: 'DEMO_FAILED', hint: 'TMPDIR says where.' })
})
