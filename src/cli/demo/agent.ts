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
  #nextId = 1

  constructor(connect: Program) {
    this.#connect = connect
  }

  async request(method: string, params: object = {}): Promise<Answer> {
    const id = this.#nextId++
    const own = new RegExp(`"id":\\s*${id}\\b`)
    const answer = this.#connect.line(line => own.test(line) && JSON.parse(line).id === id, `the answer to ${method}`)
    this.#connect.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return JSON.parse(await answer) as Answer
  }

  async initialize(): Promise<Answer> {
    const answer = await this.request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'talos-demo', version: '1' }
    })
    this.#connect.write('{"jsonrpc":"2.0","method":"notifications/initialized"}')
    return answer
  }

  async call(name: string, args: object): Promise<string> {
    const answer = await this.request('tools/call', { name, arguments: args })
    return answer.result?.content?.[0]?.text ?? `error: ${answer.error?.message ?? 'none'}`
  }
}
