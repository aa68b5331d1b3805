import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./ratchet-oracle.py', import.meta.url))

type Answer = { data: Uint8Array } | { error: string }

/** python3-doubleratchet in a process of its own. */
export class Oracle {
  readonly #child: ChildProcess
  readonly #lines: Interface
  readonly #answers: AsyncIterator<string>

  constructor(python: string) {
    this.#child = spawn(python, ['-W', 'ignore', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout! })
    this.#answers = this.#lines[Symbol.asyncIterator]()
  }

  async #ask(op: string, fields: Record<string, Uint8Array>): Promise<Answer> {
    const encoded = Object.entries(fields).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
    this.#child.stdin!.write(`${JSON.stringify({ op, ...Object.fromEntries(encoded) })}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error('the oracle has ended')
    const answer = JSON.parse(value)
    return answer.error === undefined ? { data: new Uint8Array(Buffer.from(answer.data, 'base64')) } : answer
  }

  /** `remote` makes it the initiator, `own` (a secret) the responder. */
  async setup(fields: { root: Uint8Array; ad: Uint8Array; remote?: Uint8Array; own?: Uint8Array }): Promise<void> {
    await this.#ask('setup', fields)
  }

  seal(data: Uint8Array): Promise<Answer> {
    return this.#ask('seal', { data })
  }

  open(data: Uint8Array): Promise<Answer> {
    return this.#ask('open', { data })
  }

  async close(): Promise<void> {
    const ended = new Promise(resolve => this.#child.once('close', resolve))
    this.#child.stdin!.end()
    this.#lines.close()
    await ended
  }
}
