import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order, Report } from './file-party.ts'

const PROGRAM = fileURLToPath(new URL('./file-party.ts', import.meta.url))
// the generated protobuf code has namespaces, which Node does not merely strip
const EXEC_ARGV = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning']

type Said = { report?: Report; error?: string; doneBytes?: number; peer?: string; address?: string }

/** A process with an agent in it (file-party.ts) that does what it is told. */
export class Party {
  readonly child: ChildProcess
  peer = ''
  address = ''
  /** Called with what is verified of a transfer, each time that it changes. */
  onProgress: (bytes: number) => void = () => {}
  #answer: PromiseWithResolvers<Report> | undefined

  private constructor(folder: string) {
    this.child = fork(PROGRAM, [folder], { execArgv: EXEC_ARGV })
    this.child.on('message', ({ report, error, doneBytes }: Said) => {
      if (doneBytes !== undefined) this.onProgress(doneBytes)
      if (report !== undefined) this.#answer?.resolve(report)
      if (error !== undefined) this.#answer?.reject(new Error(error))
    })
    this.child.on('exit', () => this.#answer?.reject(new Error('the process has ended')))
  }

  static async start(folder: string): Promise<Party> {
    const party = new Party(folder)
    const [hello] = (await once(party.child, 'message')) as [Said]
    party.peer = hello.peer!
    party.address = hello.address!
    return party
  }

  /** One order at a time. Rejects when the process ends. */
  tell(order: Order): Promise<Report> {
    this.#answer = Promise.withResolvers()
    this.child.send(order)
    return this.#answer.promise
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exited = once(this.child, 'exit')
    this.child.kill(signal)
    await exited
  }
}
