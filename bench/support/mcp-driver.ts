import { type ChildProcess, spawn } from 'node:child_process'

/** Speaks raw MCP to a process over its standard streams, so that the client costs next to nothing. */
export class McpDriver {
  readonly process: ChildProcess
  readonly #waiting = new Map<number, (line: string) => void>()
  #chunks: string[] = []
  #nextId = 1
  stderr = ''

  constructor(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.process.stdin!.on('error', () => {})
    this.process.stderr!.on('data', chunk => {
      this.stderr = (this.stderr + chunk).slice(-4_000)
    })
    this.process.stdout!.setEncoding('utf8').on('data', (chunk: string) => this.#onData(chunk))
  }

  /** The answer as a line. Rejects after `timeout` milliseconds, or when it is an error. */
  call(method: string, params: unknown, timeout = 30_000): Promise<string> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${method}: no answer in ${timeout} ms\n${this.stderr}`)),
        timeout
      )
      this.#waiting.set(id, line => {
        clearTimeout(timer)
        if (/^.{0,80}"error":/.test(line)) reject(new Error(line.slice(0, 300)))
        else resolve(line)
      })
      this.process.stdin!.write(
        `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${JSON.stringify(params)}}\n`
      )
    })
  }

  async initialize(): Promise<void> {
    await this.call('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'bench', version: '1' }
    })
    this.process.stdin!.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
  }

  async close(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const closed = new Promise(resolve => this.process.once('close', resolve))
    this.process.stdin!.end()
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 3_000)
    await closed
    clearTimeout(timer)
  }

  #onData(chunk: string): void {
    const end = chunk.lastIndexOf('\n')
    this.#chunks.push(end < 0 ? chunk : chunk.slice(0, end))
    if (end < 0) return
    const lines = this.#chunks.join('').split('\n')
    this.#chunks = [chunk.slice(end + 1)]
    for (const line of lines) {
      const id = Number(/"id":"?(\d+)/.exec(line.length > 400 ? line.slice(0, 200) + line.slice(-200) : line)?.[1])
      const waiter = this.#waiting.get(id)
      this.#waiting.delete(id)
      waiter?.(line)
    }
  }
}
