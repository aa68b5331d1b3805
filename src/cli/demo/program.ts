import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { TalosError } from '../../errors.ts'

/** How long one thing may take before the demo calls it failed. Milliseconds. */
const PATIENCE = 30_000

/** How long a program may take to end after Ctrl-C before it is killed. Milliseconds. */
const GRACE = 6_000

/** A `talos` command of the demo as a process of its own. */
export class Program {
  readonly process: ChildProcess
  /** Its exit status; -1 when a signal ended it, or it could not be started. */
  readonly ended: Promise<number>
  readonly output = new Lines()
  readonly notes = new Lines()

  constructor(args: string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(process.execPath, [process.argv[1]!, ...args], { env, stdio: 'pipe' })
    this.ended = new Promise(resolve => {
      this.process.once('close', code => resolve(code ?? -1))
      this.process.once('error', error => {
        this.notes.add(error.message)
        resolve(-1)
      })
    })
    this.process.stdin!.on('error', () => {}) // its end is seen in `ended`
    createInterface({ input: this.process.stderr! }).on('line', line => this.notes.add(line))
    createInterface({ input: this.process.stdout! }).on('line', line => this.output.add(line))
  }

  /** `result`, unless the program ends first or it takes too long: then throws DEMO_FAILED with the program's own words. */
  async expect<T>(what: string, result: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(resolve, PATIENCE, undefined)
    })
    try {
      // an object, so that a result that is undefined is one
      const boxed = result.then(value => ({ value }))
      const first = await Promise.race([
        boxed,
        this.ended.then(() => Promise.race([boxed, Promise.resolve(undefined)])),
        late
      ])
      if (first === undefined) throw this.failure(`${what} did not come`)
      return first.value
    } finally {
      clearTimeout(timer)
    }
  }

  failure(what: string): TalosError {
    const said = [...this.output.recent, ...this.notes.recent].slice(-8).join('\n  ')
    return new TalosError('DEMO_FAILED', what, said === '' ? {} : { hint: said })
  }

  /** Ends it as a user would, by Ctrl-C, and waits; what does not end is killed. */
  async stop(): Promise<void> {
    this.process.kill('SIGINT')
    const timer = setTimeout(() => this.process.kill('SIGKILL'), GRACE)
    await this.ended
    clearTimeout(timer)
  }
}

/** What a program prints, line by line. */
export class Lines {
  /** The newest 1,000. */
  readonly recent: string[] = []
  /** Called with each line. */
  onLine: (line: string) => void = () => {}
  readonly #waiting: Array<{ matches: (line: string) => boolean; resolve: (line: string) => void }> = []

  add(line: string): void {
    this.recent.push(line)
    if (this.recent.length > 1_000) this.recent.shift()
    this.onLine(line)
    const index = this.#waiting.findIndex(({ matches }) => matches(line))
    if (index >= 0) this.#waiting.splice(index, 1)[0]!.resolve(line)
  }

  /** The first line from now on that holds `text`. */
  next(text: string): Promise<string> {
    return new Promise(resolve => this.#waiting.push({ matches: line => line.includes(text), resolve }))
  }

  /** The same, but also among those that were printed before. */
  async any(text: string): Promise<string> {
    return this.recent.find(line => line.includes(text)) ?? this.next(text)
  }
}
