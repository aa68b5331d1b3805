import { PassThrough } from 'node:stream'
import { TalosError } from '../../errors.ts'
import { drained } from '../framing/drained.ts'
import type { JsonRpcMessage, McpTransport } from './mcp-transport.ts'
import type { RunningServer, ServerEnd, ServerSource } from './server.ts'

/**
 * The server's end of one session as a transport of the official MCP SDK (v1 and v2): `await server.connect(transport)`.
 * Messages are parsed for the SDK, so numbers that JavaScript cannot hold lose precision here, as in any SDK server.
 */
export class TalosServerTransport implements McpTransport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JsonRpcMessage) => void
  readonly sessionId: string
  /** PeerId of the agent's machine, proved by the connection. */
  readonly peer: string
  readonly #output: PassThrough
  readonly #waiting: JsonRpcMessage[] = []
  #started = false
  #closed = false

  /** Made by `serveMcp` for each session; not by hand. */
  constructor(output: PassThrough, session: { id: string; peer: string }) {
    this.#output = output
    this.sessionId = session.id
    this.peer = session.peer
  }

  async start(): Promise<void> {
    if (this.#started)
      throw new TalosError('TUNNEL_STARTED', 'this transport was started already; each serves one session')
    this.#started = true
    for (const message of this.#waiting.splice(0)) this.receive(message)
  }

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.#closed) throw new TalosError('TUNNEL_ENDED', 'the session has ended')
    const hasRoom = this.#output.write(`${JSON.stringify(message)}\n`)
    if (!hasRoom) await drained(this.#output)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#output.end()
    this.onclose?.()
  }

  /** A message of the agent. Kept until the server has connected. */
  receive(message: JsonRpcMessage): void {
    if (!this.#started) this.#waiting.push(message)
    else if (!this.#closed) this.onmessage?.(message)
  }
}

/** Servers that live in this process: `onSession` connects one to each transport. */
export function inProcessServers(
  onSession: (transport: TalosServerTransport) => void | Promise<void>,
  session: { id: string; peer: string }
): ServerSource {
  return {
    // it hears `server/discover` itself
    era: async () => ({ modern: true, versions: [], discoverReply: () => new Uint8Array() }),
    start: async () => {
      const server = new InProcessServer(session)
      await onSession(server.transport)
      return server
    }
  }
}

class InProcessServer implements RunningServer {
  readonly output = new PassThrough()
  readonly ended: Promise<ServerEnd>
  readonly transport: TalosServerTransport

  constructor(session: { id: string; peer: string }) {
    this.transport = new TalosServerTransport(this.output, session)
    this.ended = new Promise(resolve => this.output.once('close', () => resolve({ code: 0, signal: null })))
  }

  async send(lines: readonly Uint8Array[]): Promise<void> {
    // each was checked to be one JSON-RPC message
    for (const line of lines) this.transport.receive(JSON.parse(Buffer.from(line).toString()) as JsonRpcMessage)
  }

  async stop(): Promise<void> {
    await this.transport.close()
    this.output.destroy()
  }
}
