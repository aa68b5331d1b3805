import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { LineSplitter } from '../../src/protocols/mcp/lines.ts'

/** An agent that writes lines as they are, and sees what comes back as it came. */
export class RawAgent {
  /** Every line that came, in order. */
  readonly lines: string[] = []
  readonly #input: Writable
  readonly #deadline: number
  readonly #waiters = new Set<() => void>()

  /** Waits for a line `deadline` milliseconds at most. */
  constructor(input: Writable, output: Readable, deadline = 10_000) {
    this.#input = input
    this.#deadline = deadline
    const splitter = new LineSplitter({ maxLine: 64 * 1024 * 1024, onTooLarge: () => {} })
    output.on('data', chunk => {
      for (const line of splitter.push(chunk)) this.lines.push(Buffer.from(line).toString())
      for (const check of this.#waiters) check()
    })
  }

  async write(...lines: (string | object)[]): Promise<void> {
    const text = lines.map(line => (typeof line === 'string' ? line : JSON.stringify({ jsonrpc: '2.0', ...line })))
    if (this.#input.destroyed) throw new Error(`nobody reads ${text.join(' ')}: the program has closed its input`)
    if (!this.#input.write(`${text.join('\n')}\n`)) await once(this.#input, 'drain')
  }

  /** The first line, from `from` on, that `wanted` accepts. Fails after the deadline. */
  async line(wanted: (line: string) => boolean, from = 0): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const check = () => {
      const found = this.lines.slice(from).find(wanted)
      if (found !== undefined) resolve(found)
    }
    const timer = setTimeout(
      () => reject(new Error(`no such line among: ${this.lines.join('\n').slice(0, 2000)}`)),
      this.#deadline
    )
    this.#waiters.add(check)
    check()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(check)
    }
  }

  /** The answer to the request with this id, parsed. */
  async answer(
    id: string | number | null
  ): Promise<{ id: unknown; result?: unknown; error?: { code: number; message: string } }> {
    const line = await this.line(text => {
      const message = JSON.parse(text)
      return message.method === undefined && message.id === id
    })
    return JSON.parse(line)
  }

  /** How often the request with this id was answered. */
  answers(id: string | number): number {
    return this.lines.map(line => JSON.parse(line)).filter(message => message.method === undefined && message.id === id)
      .length
  }
}
