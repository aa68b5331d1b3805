import { connect, type Socket } from 'node:net'
import { drained } from '../../protocols/framing/drained.ts'
import type { TunnelChannel } from '../../protocols/mcp/tunnel/channel.ts'
import { maxFrameLength } from '../../protocols/mcp/tunnel/constants.ts'
import { type Channel, decodeMessage, encodeMessage, type OutgoingMessage } from '../../protocols/mcp/tunnel/message.ts'
import type { TunnelMessage } from '../../protocols/mcp/tunnel/pb/tunnel.ts'
import { nodeGone } from './connection.ts'
import { PartReader, writeParts } from './parts.ts'
import { LINK_WORD } from './tickets.ts'

// A tunnel's channel over a connection of the control socket (docs/spec/control.md): its messages as they are sealed, each behind
// its length. The node seals and opens them; what they say, and what becomes of the tunnel, is the process's matter.

/** How long the other end may take to close its side after the last word. Milliseconds. */
const LINGER = 1_000

/** What was sent before the end of a channel may take this long to a peer that reads slowly. Milliseconds. */
const FINISH_TIMEOUT = 30_000

/** Above this many bytes that wait for the peer's stream, the process's end is not read on. */
const HIGH_WATER = 1024 * 1024

/** The process's end of a channel that the node carries. */
export class SocketChannel implements Channel {
  readonly #socket: Socket
  #arrived: TunnelMessage[] = []
  #over: { error: Error | undefined } | undefined
  #finished = false
  #readable: (() => void) | undefined

  /**
   * Takes the channel that `ticket` stands for at the control socket `path`.
   *
   * @param maxLine the longest line that comes, in bytes
   */
  constructor(path: string, ticket: string, maxLine: number) {
    const socket = connect({ path, allowHalfOpen: true })
    const reader = new PartReader(maxFrameLength(maxLine))
    this.#socket = socket
    socket.write(`${LINK_WORD}${ticket}\n`)
    socket.on('data', chunk => {
      if (this.#finished) return
      try {
        for (const part of reader.push(chunk)) this.#arrived.push(decodeMessage(part))
        this.#wake()
      } catch (error) {
        this.abort(error as Error)
      }
    })
    socket.on('error', () => {}) // its end is what matters
    socket.on('end', () => this.#end(undefined))
    socket.on('close', () => this.#end(nodeGone()))
  }

  async send(message: OutgoingMessage): Promise<void> {
    const socket = this.#socket
    if (!socket.writable) throw nodeGone()
    if (writeParts(socket, [encodeMessage(message)])) return
    await drained(socket)
  }

  async receive(): Promise<TunnelMessage[] | undefined> {
    while (this.#arrived.length === 0) {
      if (this.#over !== undefined) {
        if (this.#over.error !== undefined) throw this.#over.error
        return undefined
      }
      await new Promise<void>(resolve => {
        this.#readable = resolve
      })
    }
    return this.#arrived.splice(0)
  }

  async finish(): Promise<void> {
    this.#finished = true
    const socket = this.#socket
    await new Promise<void>(resolve => {
      socket.once('close', resolve)
      socket.end(resolve)
    })
    const timer = setTimeout(() => socket.destroy(), LINGER).unref()
    socket.once('close', () => clearTimeout(timer))
  }

  abort(reason: Error): void {
    this.#end(reason)
    this.#socket.destroy()
  }

  wipe(): void {
    // the keys are the node's
  }

  #end(error: Error | undefined): void {
    this.#over ??= { error }
    this.#wake()
  }

  #wake(): void {
    this.#readable?.()
    this.#readable = undefined
  }
}

/**
 * The node's end: passes on messages both ways until either side is over, and the end of one as the end of the other.
 *
 * @param maxLine the longest line that the process may send, in bytes
 */
export function carryChannel(socket: Socket, channel: TunnelChannel, maxLine: number): void {
  void toProcess(socket, channel)
  const reader = new PartReader(maxFrameLength(maxLine))
  let waiting = 0
  const send = async (message: Uint8Array): Promise<void> => {
    waiting += message.byteLength
    if (waiting > HIGH_WATER) socket.pause()
    await channel.sendEncoded(message)
    waiting -= message.byteLength
    if (waiting <= HIGH_WATER && socket.isPaused()) socket.resume()
  }
  socket.on('data', chunk => {
    try {
      for (const message of reader.push(chunk)) send(message).catch(() => socket.destroy())
    } catch {
      socket.destroy()
    }
  })
  socket.once('end', () => void channel.finish(AbortSignal.timeout(FINISH_TIMEOUT)).catch(() => {}))
  socket.once('close', () => channel.abort(nodeGone()))
  socket.resume()
}

async function toProcess(socket: Socket, channel: TunnelChannel): Promise<void> {
  try {
    for (;;) {
      const messages = await channel.receiveEncoded()
      if (messages === undefined) break
      if (socket.destroyed) return
      if (!writeParts(socket, messages)) await drained(socket)
    }
    socket.end()
  } catch {
    socket.destroy()
  }
}
