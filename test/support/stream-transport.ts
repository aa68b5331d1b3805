import type { Readable, Writable } from 'node:stream'
import type { Transport } from '@modelcontextprotocol/client'
import { LineSplitter } from '../../src/protocols/mcp/lines.ts'

type JsonRpc = Parameters<NonNullable<Transport['onmessage']>>[0]

/** The stdio transport of the MCP SDKs (v1 and v2) over two streams of this process. */
export class StreamTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport['onmessage']>
  readonly #from: Readable
  readonly #to: Writable

  constructor(from: Readable, to: Writable) {
    this.#from = from
    this.#to = to
  }

  async start(): Promise<void> {
    const splitter = new LineSplitter({ maxLine: 64 * 1024 * 1024, onTooLarge: () => {} })
    this.#from.on('data', chunk => {
      for (const line of splitter.push(chunk)) this.onmessage?.(JSON.parse(Buffer.from(line).toString()) as JsonRpc)
    })
    this.#from.on('close', () => this.onclose?.())
  }

  async send(message: JsonRpc): Promise<void> {
    this.#to.write(`${JSON.stringify(message)}\n`)
  }

  async close(): Promise<void> {
    this.#to.end()
    this.onclose?.()
  }
}
