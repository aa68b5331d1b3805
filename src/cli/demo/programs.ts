import { TalosError } from '../../errors.ts'
import { Program } from './program.ts'
import type { Remains } from './remains.ts'

/** All the processes of a demo. When one that should stay ends, or the user has enough, all are ended. */
export class Programs {
  readonly #remains: Remains
  readonly #all: Program[] = []
  #failure: unknown
  #stopping = false

  constructor(remains: Remains) {
    this.#remains = remains
  }

  /** Why the demo cannot go on, whatever its step has to say. */
  get failure(): unknown {
    return this.#failure
  }

  /** A command that ends by itself. Throws what stop() was given. */
  run(args: string[], env: NodeJS.ProcessEnv): Program {
    if (this.#failure !== undefined) throw this.#failure
    const program = new Program(args, env)
    this.#remains.watch(program.process)
    this.#all.push(program)
    return program
  }

  /** A command that stays until the demo is over; `name` is what the user is told when it does not. */
  keep(name: string, args: string[], env: NodeJS.ProcessEnv): Program {
    const program = this.run(args, env)
    void program.ended.then(() => this.fail(program.failure(`${name} has ended before its time`)))
    return program
  }

  /** What a command prints with `--json`, once it has ended well. Throws DEMO_FAILED. */
  async json<T>(args: string[], env: NodeJS.ProcessEnv): Promise<T> {
    const program = this.run([...args, '--json'], env)
    program.process.stdin!.end()
    const status = await program.expect(`the end of talos ${args[0]}`, program.ended)
    if (status !== 0) throw program.failure(`talos ${args.join(' ')} has failed`)
    try {
      return JSON.parse(program.output.recent.join('\n')) as T
    } catch (cause) {
      throw new TalosError('DEMO_FAILED', `talos ${args.join(' ')} --json printed no JSON`, { cause })
    }
  }

  /** Ends all, so that whatever waits for one of them fails at once. The first reason counts. */
  fail(reason: unknown): void {
    if (this.#stopping || this.#failure !== undefined) return
    this.#failure = reason
    for (const { process } of this.#all) process.kill('SIGINT')
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#all.map(program => program.stop()))
  }
}
