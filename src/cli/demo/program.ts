import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { TalosError } from '../../errors.ts'

/** How long a step may take before the demo calls it failed. Milliseconds. */
const PATIENCE = 15_000

/** A `talos` command of the demo as a process of its own. */
export class Program {
  readonly process: ChildProcess
  readonly ended: Promise<number>
  stderr = ''
  readonly #lines: string[] = []
  readonly #waiting: Array<{ matches: (line: string) => boolean; resolve: (line: string) => void }> = []

  constructor(args: string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(process.execPath, [process.argv[1]!, ...args], { env, stdio: 'pipe' })
    this.ended = new Promise(resolve => this.process.once('close', code => resolve(code ?? -1)))
    this.process.stdin!.on('error', () => {}) // its end is seen in `ended`
    this.process.stderr!.on('data', chunk => {
      this.stderr = (this.stderr + chunk).slice(-10_000)
    })
    createInterface({ input: this.process.stdout! }).on('line', line => this.#onLine(line))
  }

  /** The first line of standard output, also of those already printed, for which `matches` holds. */
  line(matches: (line: string) => boolean, what: string): Promise<string> {
    const known = this.#lines.find(matches)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      const fail = (): void =>
        reject(new TalosError('DEMO_FAILED', `${what} did not come`, { hint: this.stderr.trim().slice(-2_000) }))
      const timer = setTimeout(fail, PATIENCE)
      void this.ended.then(() => {
        clearTimeout(timer)
        fail()
      })
      this.#waiting.push({
        matches,
        resolve: line => {
          clearTimeout(timer)
          resolve(line)
        }
      })
    })
  }

  write(line: string): void {
    this.process.stdin!.write(`${line}\n`)
  }

  /** Ends it as a user would, by Ctrl-C, and waits; what does not end is killed. */
  async stop(): Promise<void> {
    this.process.kill('SIGINT')
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 6_000)
    await this.ended
    clearTimeout(timer)
  }

  #onLine(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > 1_000) this.#lines.shift()
    const index = this.#waiting.findIndex(({ matches }) => matches(line))
    if (index >= 0) this.#waiting.splice(index, 1)[0]!.resolve(line)
  }
}

/** Runs a command to its end and returns what `--json` printed. Throws DEMO_FAILED with the command's own words. */
export async function runJson<T>(args: string[], env: NodeJS.ProcessEnv): Promise<T> {
  const program = new Program([...args, '--json'], env)
  let output = ''
  program.process.stdout!.on('data', chunk => {
    output += chunk
  })
  program.process.stdin!.end()
  if ((await program.ended) !== 0) {
    throw new TalosError('DEMO_FAILED', `talos ${args.join(' ')} failed`, { hint: `${output}${program.stderr}`.trim() })
  }
  return JSON.parse(output) as T
}
