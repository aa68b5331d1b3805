import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import { TalosError } from '../../errors.ts'
import { checkSchema } from '../schema-check.ts'
import { answerMethod, connectionOver, toJson } from './connection.ts'
import { type Endpoint, newEndpoint, publishEndpoint, withdrawEndpoint } from './endpoint.ts'
import { CONTROL_PROTOCOL, HELLO, METHODS, type MethodName, type NodeApi, type NodeGreeting } from './methods.ts'

/** A client that reads nothing is not sent events beyond this many bytes: they are hints, what they hint at is in the store. */
const MAX_UNSENT = 1024 * 1024

export interface ControlServerInit {
  dataDir: string
  greeting: NodeGreeting
  api: NodeApi
}

/**
 * The control socket of a running node (docs/spec/control.md): other commands of the same data directory work through it
 * instead of opening the store themselves.
 */
export class ControlServer {
  readonly #init: ControlServerInit
  readonly #endpoint: Endpoint
  readonly #server: Server
  readonly #clients = new Set<Socket>()

  private constructor(init: ControlServerInit, endpoint: Endpoint) {
    this.#init = init
    this.#endpoint = endpoint
    this.#server = createServer(socket => this.#welcome(socket))
  }

  /** Only for the process that holds the store. Throws STORAGE_*, and what listening throws. */
  static async start(init: ControlServerInit): Promise<ControlServer> {
    const endpoint = await newEndpoint(init.dataDir, CONTROL_PROTOCOL)
    const control = new ControlServer(init, endpoint)
    await control.#listen()
    await publishEndpoint(init.dataDir, endpoint)
    return control
  }

  /** Commands that work through this node now. */
  get clientCount(): number {
    return this.#clients.size
  }

  async close(): Promise<void> {
    await withdrawEndpoint(this.#init.dataDir, this.#endpoint)
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const client of this.#clients) client.destroySoon()
    await closed
  }

  async #listen(): Promise<void> {
    const { path } = this.#endpoint
    // we hold the store, so whoever made this socket has died
    if (process.platform !== 'win32') await rm(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(path, resolve)
    })
    if (process.platform !== 'win32') await chmod(path, 0o600)
    this.#server.unref()
  }

  #welcome(socket: Socket): void {
    this.#clients.add(socket)
    socket.on('error', () => {}) // its end is what matters
    socket.once('close', () => this.#clients.delete(socket))
    const connection = connectionOver(socket)
    const client = Symbol('client')
    let isKnown = false
    answerMethod(connection, 'hello', async params => {
      const hello = checkSchema(HELLO, params)
      if (!hello.ok) throw invalid('hello', hello.text)
      if (hello.value.token !== this.#endpoint.token)
        throw new TalosError('NODE_DENIED', 'that is not the token of this node')
      isKnown = true
      return this.#init.greeting
    })
    for (const name of Object.keys(METHODS) as MethodName[]) {
      answerMethod(connection, name, async (params, signal) => {
        if (!isKnown) throw new TalosError('NODE_DENIED', 'say hello first')
        const checked = checkSchema<unknown>(METHODS[name], params)
        if (!checked.ok) throw invalid(name, checked.text)
        const run = this.#init.api[name] as (params: unknown, context: object) => Promise<unknown>
        return run.call(this.#init.api, checked.value, { signal, client })
      })
    }
    answerMethod(connection, 'subscribe', async () => {
      if (!isKnown) throw new TalosError('NODE_DENIED', 'say hello first')
      this.#subscribe(socket, connection)
      return undefined
    })
    socket.once('close', () => this.#init.api.release(client))
    connection.listen()
  }

  #subscribe(socket: Socket, connection: MessageConnection): void {
    const stop = this.#init.api.onEvent(event => {
      if (socket.writableLength < MAX_UNSENT) void connection.sendNotification('event', toJson(event)).catch(() => {})
    })
    socket.once('close', stop)
  }
}

function invalid(method: string, why: string): TalosError {
  return new TalosError('NODE_REQUEST_INVALID', `the request ${method} is malformed: ${why}`)
}
