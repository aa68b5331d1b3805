import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order, Report } from './file-party.ts'

const PROGRAM = fileURLToPath(new URL('./file-party.ts', import.meta.url))
// the generated protobuf code has namespaces, which Node does not merely strip
const EXEC_ARGV = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning']

/** A process with an agent in it (file-party.ts) that does what it is told. */
export class Party {
  readonly child: ChildProcess
  readonly peer: string
  readonly address: string

  private constructor(child: ChildProcess, { peer, address }: { peer: string; address: string }) {
    this.child = child
    this.peer = peer
    this.address = address
  }

  static async start(folder: string): Promise<Party> {
    const child = fork(PROGRAM, [folder], { execArgv: EXEC_ARGV })
    const [hello] = await once(child, 'message')
    return new Party(child, hello)
  }

  async tell(order: Order): Promise<Report> {
    this.child.send(order)
    const [answer] = await once(this.child, 'message')
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.report
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit')
    this.child.kill()
    await exited
  }
}
