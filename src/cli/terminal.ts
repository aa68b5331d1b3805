import { openSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { ReadStream, WriteStream } from 'node:tty'
import { TalosError } from '../errors.ts'

const MAX_ANSWER = 4096

export interface Terminal {
  /** Asks and waits for a line. With `hidden` nothing of it is shown. Throws INTERRUPTED on Ctrl-C, Ctrl-D or a hang-up. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>
  tell(line: string): void
}

/**
 * Lends the person's terminal to `use`; undefined when there is none. It is the controlling terminal, so that standard input
 * and output can be redirected, but only when standard input or standard error is a terminal too: a program that runs Talos
 * as its child (an agent with a screen of its own) must not find it waiting for keys.
 */
export async function withTerminal<T>(use: (terminal: Terminal) => Promise<T>): Promise<T | undefined> {
  if (process.stdin.isTTY !== true && process.stderr.isTTY !== true) return undefined
  const streams = openStreams()
  if (streams === undefined) return undefined
  const terminal = new LineTerminal(streams.input, streams.output)
  try {
    return await use(terminal)
  } finally {
    terminal.close()
    streams.close()
  }
}

/** Whether the person says yes. False where there is no terminal to ask at. Throws INTERRUPTED. */
export async function isConfirmed(question: string): Promise<boolean> {
  const answer = await withTerminal(terminal => terminal.ask(question))
  return answer !== undefined && /^\s*y(es)?\s*$/i.test(answer)
}

function openStreams(): { input: ReadStream; output: NodeJS.WritableStream; close(): void } | undefined {
  try {
    const input = new ReadStream(openSync('/dev/tty', 'r'))
    const output = new WriteStream(openSync('/dev/tty', 'w'))
    return {
      input,
      output,
      close: () => {
        input.destroy()
        output.destroy()
      }
    }
  } catch {
    // Windows, or no controlling terminal
    if (process.stdin.isTTY !== true) return undefined
    return { input: process.stdin, output: process.stderr, close: () => process.stdin.pause() }
  }
}

/** Reads keys itself: it is the one way not to echo them, and Ctrl-C arrives as a key. */
class LineTerminal implements Terminal {
  readonly #input: ReadStream
  readonly #output: NodeJS.WritableStream
  readonly #decoder = new StringDecoder('utf8')
  readonly #typed: string[] = []
  #ended = false
  #wake: () => void = () => {}

  constructor(input: ReadStream, output: NodeJS.WritableStream) {
    this.#input = input
    this.#output = output
    input.setRawMode(true)
    input.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onEnd)
    input.resume()
  }

  close(): void {
    this.#input.off('data', this.#onData).off('end', this.#onEnd)
    this.#input.setRawMode(false)
  }

  tell(line: string): void {
    this.#output.write(`${line}\r\n`)
  }

  async ask(question: string, { hidden = false }: { hidden?: boolean } = {}): Promise<string> {
    this.#output.write(question)
    try {
      return await this.#line(hidden)
    } finally {
      this.#output.write('\r\n')
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#typed.push(...this.#decoder.write(chunk))
    this.#wake()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake()
  }

  async #key(): Promise<string> {
    while (this.#typed.length === 0) {
      if (this.#ended) return '\x04'
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this.#typed.shift()!
  }

  async #line(hidden: boolean): Promise<string> {
    const line: string[] = []
    for (;;) {
      const key = await this.#key()
      if (key === '\r' || key === '\n') return line.join('')
      if (key === '\x03' || (key === '\x04' && line.length === 0)) {
        throw new TalosError('INTERRUPTED', 'stopped; nothing was changed')
      }
      if (key === '\x1b') await this.#skipSequence()
      else if (key === '\x7f' || key === '\b') this.#erase(line, 1, hidden)
      else if (key === '\x15') this.#erase(line, line.length, hidden)
      else if (key >= ' ' && line.length < MAX_ANSWER) {
        line.push(key)
        if (!hidden) this.#output.write(key)
      }
    }
  }

  #erase(line: string[], count: number, hidden: boolean): void {
    const erased = line.splice(line.length - Math.min(count, line.length))
    if (!hidden) this.#output.write('\b \b'.repeat(erased.length))
  }

  /** Arrow and function keys: `ESC [ … letter` or `ESC O letter`. */
  async #skipSequence(): Promise<void> {
    let key = await this.#key()
    if (key !== '[' && key !== 'O') return
    do key = await this.#key()
    while (!/[@-~]/.test(key))
  }
}
