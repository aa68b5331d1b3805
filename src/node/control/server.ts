import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import type * as z from 'zod/mini'
import { TalosError } from '../../errors.ts'
import { checkSchema } from '../schema-check.ts'
import type { NodeStreams } from '../streams/types.ts'
import type { OwnTunnels } from '../tunnels/own-tunnels.ts'
import { answerMethod, connectionOver, tell, toJson } from './connection.ts'
import { type Endpoint, newEndpoint, publishEndpoint, withdrawEndpoint } from './endpoint.ts'
import { CONTROL_PROTOCOL, HELLO, METHODS, type MethodName, type NodeApi, type NodeGreeting } from './methods.ts'
import { STREAM_METHODS, type StreamMethod } from './stream-methods.ts'
import { StreamClient } from './stream-server.ts'
import { LINK_WORD, TICKET_LENGTH, Tickets } from './tickets.ts'
import { TUNNEL_METHODS, type TunnelMethod } from './tunnel-methods.ts'
import { TunnelClient } from './tunnel-server.ts'

/** A client that reads nothing is not sent events beyond this many bytes: they are hints, what they hint at is in the store. */
const MAX_UNSENT = 1024 * 1024

/** What was sent before the end may take this long to be read. Milliseconds. */
const CLOSE_TIMEOUT = 500

/** Of what a connection begins with that carries a channel. */
const LINK_LENGTH = LINK_WORD.length + TICKET_LENGTH + 1

export interface ControlServerInit {
  dataDir: string
  greeting: NodeGreeting
  api: NodeApi
  tunnels: OwnTunnels
  streams: NodeStreams
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
  readonly #tickets = new Tickets()

  private constructor(init: ControlServerInit, endpoint: Endpoint) {
    this.#init = init
    this.#endpoint = endpoint
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#welcome(socket))
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
    // one that does not read what it was sent must not hold up the end
    const timer = setTimeout(() => {
      for (const client of this.#clients) client.destroy()
    }, CLOSE_TIMEOUT)
    await closed
    clearTimeout(timer)
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
    let first = Buffer.alloc(0)
    const onData = (chunk: Buffer): void => {
      first = Buffer.concat([first, chunk])
      const kind = first.subarray(0, LINK_WORD.length).toString('latin1')
      const isLink = kind === LINK_WORD.slice(0, kind.length)
      if (isLink && first.length < LINK_LENGTH) return
      socket.off('data', onData).pause()
      if (!isLink) {
        socket.unshift(first)
        this.#serve(socket)
        socket.resume()
        return
      }
      if (first.length > LINK_LENGTH) socket.unshift(first.subarray(LINK_LENGTH))
      this.#tickets.redeem(first.subarray(LINK_WORD.length, LINK_LENGTH - 1).toString('latin1'), socket)
    }
    socket.on('data', onData)
    socket.once('end', () => {
      if (first.length < LINK_LENGTH) socket.destroy()
    })
  }

  /** A connection of requests. */
  #serve(socket: Socket): void {
    socket.once('end', () => socket.destroySoon())
    const connection = connectionOver(socket)
    const tunnels = new TunnelClient(this.#init.tunnels, this.#tickets, connection)
    const streams = new StreamClient(this.#init.streams, this.#tickets, connection)
    socket.once('close', () => {
      tunnels.end()
      streams.end()
    })
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
    const answer = (
      name: string,
      schema: z.ZodMiniType,
      run: (params: unknown, signal: AbortSignal) => Promise<unknown>
    ): void =>
      answerMethod(connection, name, async (params, signal) => {
        if (!isKnown) throw new TalosError('NODE_DENIED', 'say hello first')
        const checked = checkSchema<unknown>(schema, params)
        if (!checked.ok) throw invalid(name, checked.text)
        return run(checked.value, signal)
      })
    for (const name of Object.keys(METHODS) as MethodName[]) {
      const run = this.#init.api[name] as (params: unknown, context: object) => Promise<unknown>
      answer(name, METHODS[name], (params, signal) => run.call(this.#init.api, params, { signal, client }))
    }
    for (const name of Object.keys(TUNNEL_METHODS) as TunnelMethod[]) {
      answer(
        name,
        TUNNEL_METHODS[name],
        tunnels.methods[name] as (params: unknown, signal: AbortSignal) => Promise<unknown>
      )
    }
    for (const name of Object.keys(STREAM_METHODS) as StreamMethod[]) {
      answer(
        name,
        STREAM_METHODS[name],
        streams.methods[name] as (params: unknown, signal: AbortSignal) => Promise<unknown>
      )
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
      // that a client has gone may be news itself: not for that client
      if (socket.writable && socket.writableLength < MAX_UNSENT) tell(connection, 'event', toJson(event) as object)
    })
    socket.once('close', stop)
  }
}

function invalid(method: string, why: string): TalosError {
  return new TalosError('NODE_REQUEST_INVALID', `the request ${method} is malformed: ${why}`)
}
