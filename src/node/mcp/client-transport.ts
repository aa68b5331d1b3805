import { PassThrough, Writable } from 'node:stream'
import { TalosError } from '../../errors.ts'
import { drained } from '../../protocols/framing/drained.ts'
import type { JsonRpcMessage, McpTransport } from '../../protocols/mcp/mcp-transport.ts'
import type { ConnectEvent, ConnectMcpOptions } from './connect.ts'

export type TalosClientTransportOptions = Omit<ConnectMcpOptions, 'input' | 'output' | 'signal'>

/**
 * An agent's end of a tunnel as a transport of the official MCP SDK (v1 and v2): `await client.connect(transport)` talks to
 * the MCP server of another machine. A broken link is taken up again below it; a request that cannot be carried out is
 * answered with a JSON-RPC error, so no call hangs.
 */
export class TalosClientTransport implements McpTransport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JsonRpcMessage) => void
  readonly #options: TalosClientTransportOptions
  readonly #input = new PassThrough()
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: TalosClientTransportOptions) {
    this.#options = options
  }

  /** Resolves when the host has been reached. Throws what connectMcp() throws for good: WALLET_*, PEER_*, TUNNEL_*, SESSION_*. */
  async start(): Promise<void> {
    if (this.#running !== undefined) throw new TalosError('TUNNEL_STARTED', 'this transport was started already')
    const connected = Promise.withResolvers<void>()
    const { connectMcp } = await import('./connect.ts')
    this.#running = connectMcp({
      ...this.#options,
      input: this.#input,
      output: lineSink(line => this.#receive(line)),
      signal: this.#stop.signal,
      onEvent: (event: ConnectEvent) => {
        if (event.type === 'connected') connected.resolve()
        this.#options.onEvent?.(event)
      }
    }).then(
      () => connected.reject(new TalosError('TUNNEL_ENDED', 'the transport was closed')),
      error => {
        connected.reject(error as Error)
        this.onerror?.(error as Error)
      }
    )
    void this.#running.then(() => this.onclose?.())
    await connected.promise
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#running === undefined || this.#input.destroyed) {
      throw new TalosError('TUNNEL_ENDED', 'the transport is not connected')
    }
    const hasRoom = this.#input.write(`${JSON.stringify(message)}\n`)
    if (!hasRoom) await drained(this.#input)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #receive(line: string): void {
    this.onmessage?.(JSON.parse(line) as JsonRpcMessage)
  }
}

/** Splits what is written into lines; each is one whole JSON-RPC message. */
function lineSink(onLine: (line: string) => void): Writable {
  let parts: Buffer[] = []
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      let start = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        parts.push(chunk.subarray(start, end))
        onLine(Buffer.concat(parts).toString())
        parts = []
        start = end + 1
      }
      if (start < chunk.length) parts.push(chunk.subarray(start))
      done()
    }
  })
}
