import type { Program } from './program.ts'

interface Answer {
  result?: {
    content?: Array<{ text?: string }>
    tools?: Array<{ name: string }>
    serverInfo?: { name: string; version: string }
  }
  error?: { code: number; message: string }
}

/** An MCP client, as an agent is one: JSON-RPC lines over the standard streams of `talos mcp-connect`. */
export class DemoAgent {
  readonly #connect: Program
  readonly #waiting = new Map<unknown, (answer: Answer) => void>()
  #nextId = 1

  constructor(connect: Program) {
    this.#connect = connect
    connect.output.onLine = line => {
      const message = JSON.parse(line)
      this.#waiting.get(message.id)?.(message)
      this.#waiting.delete(message.id)
    }
  }

  async request(method: string, params: object = {}): Promise<Answer> {
    const id = this.#nextId++
    const answer = new Promise<Answer>(resolve => this.#waiting.set(id, resolve))
    this.#write({ jsonrpc: '2.0', id, method, params })
    return this.#connect.expect(`the answer to ${method}`, answer)
  }

  async initialize(): Promise<Answer> {
    const answer = await this.request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'talos-demo', version: '1' }
    })
    this.#write({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return answer
  }

  /** The text of the answer to a call. */
  async call(name: string, args: object): Promise<string> {
    const answer = await this.request('tools/call', { name, arguments: args })
    return answer.result?.content?.[0]?.text ?? `error: ${answer.error?.message ?? 'none'}`
  }

  #write(message: object): void {
    this.#connect.process.stdin!.write(`${JSON.stringify(message)}\n`)
  }
}
