import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { RawAgent } from './raw-agent.ts'
import { within } from './within.ts'

/** How long a process may take for what has no limit of its own: starting takes long on a busy machine. Milliseconds. */
const PATIENCE = 30_000

export interface Program {
  file: string
  args: readonly string[]
}

/** A program that runs beside the test, and what it says. */
export class LiveProcess {
  readonly child: ChildProcessWithoutNullStreams
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Lines of its standard error, and of its standard output unless it speaks MCP there. */
  readonly said: string[] = []
  readonly #changed = new EventTarget()

  constructor(program: Program, env: NodeJS.ProcessEnv, options: { cwd?: string; mcp?: boolean } = {}) {
    this.child = spawn(program.file, program.args, {
      env: { ...process.env, ...env },
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd })
    })
    this.child.stdin.on('error', () => {}) // its end is seen in `exited`
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }))
    this.#listen(this.child.stderr)
    if (options.mcp !== true) this.#listen(this.child.stdout)
  }

  get pid(): number {
    return this.child.pid!
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** The first line, from the `from`-th on, that `wanted` accepts. */
  async line(wanted: (line: string) => boolean, from = 0, ms = PATIENCE): Promise<string> {
    const find = () => this.said.slice(from).find(wanted)
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const look = () => {
      const line = find()
      if (line !== undefined) resolve(line)
    }
    this.#changed.addEventListener('line', look)
    void this.exited.then(() => reject(new Error(`it ended without that line; it said:\n${this.said.join('\n')}`)))
    look()
    try {
      return await within(promise, `a line of ${this.child.spawnargs.slice(1, 4).join(' ')}: ${wanted}`, ms)
    } catch (error) {
      throw new Error(`${(error as Error).message}\nit said:\n${this.said.join('\n').slice(-4000)}`)
    } finally {
      this.#changed.removeEventListener('line', look)
    }
  }

  /** The first event of this name that a command with --json prints, from the `from`-th line on. */
  async event<T = Record<string, unknown>>(name: string, from = 0): Promise<T> {
    return JSON.parse(await this.line(line => line.startsWith(`{"event":"${name}"`), from)) as T
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal)
    await within(this.exited, `the end of ${this.pid} after ${signal}`)
  }

  #listen(stream: NodeJS.ReadableStream): void {
    createInterface({ input: stream }).on('line', line => {
      this.said.push(line)
      this.#changed.dispatchEvent(new Event('line'))
    })
  }
}

/** An MCP client that writes lines as they are to a program's standard input, with the program. */
export class LiveAgent extends LiveProcess {
  readonly agent: RawAgent

  constructor(program: Program, env: NodeJS.ProcessEnv) {
    super(program, env, { mcp: true })
    this.agent = new RawAgent(this.child.stdin, this.child.stdout, PATIENCE)
  }

  /** Opens a session of the older era. */
  async initialize(capabilities: object = {}): Promise<void> {
    const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'test', version: '1' } }
    const exchange = this.agent
      .write({ id: 'init', method: 'initialize', params })
      .then(() => this.agent.answer('init'))
    const answer = await Promise.race([exchange, this.#early()])
    if (answer.result === undefined) throw new Error(`no session: ${JSON.stringify(answer)}`)
    await this.agent.write({ method: 'notifications/initialized' })
  }

  /** Fails when it ends, with what it said. */
  async #early(): Promise<never> {
    const { code } = await this.exited
    throw new Error(`it ended with ${code} instead of an answer; it said:\n${this.said.join('\n').slice(-4000)}`)
  }
}
