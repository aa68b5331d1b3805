import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'

/** How many bytes of each direction an observer keeps. */
const KEPT = 256 * 1024

/**
 * The network between the two machines, as somebody who owns it: sees every byte, may change one, may cut it. A TCP proxy on
 * a loopback port.
 */
export class Wire {
  /** What went from the agent to the owner, and back; the newest bytes of it. */
  readonly seen = { out: Buffer.alloc(0), back: Buffer.alloc(0) }
  bytes = 0
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()
  #target = 0
  #isCut = false
  #tamper = false

  /** Starts; resolves with the port. connectTo() says where it leads. */
  async listen(): Promise<number> {
    this.#server = createServer(socket => this.#onConnection(socket))
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  connectTo(port: number): void {
    this.#target = port
  }

  /** Flips one bit of the next bytes that pass from the agent to the owner. */
  tamper(): void {
    this.#tamper = true
  }

  get tampered(): boolean {
    return !this.#tamper
  }

  /** Cuts every connection, and lets none through until mend(). True when there was one. */
  cut(): boolean {
    this.#isCut = true
    const hadSome = this.#sockets.size > 0
    for (const socket of this.#sockets) socket.destroy()
    return hadSome
  }

  mend(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    const server = this.#server
    if (server !== undefined) await new Promise(resolve => server.close(resolve))
  }

  #onConnection(agent: Socket): void {
    if (this.#isCut) {
      agent.destroy()
      return
    }
    const owner = new Socket()
    owner.setNoDelay(true)
    agent.setNoDelay(true)
    owner.connect(this.#target, '127.0.0.1')
    for (const [from, to, direction] of [
      [agent, owner, 'out'],
      [owner, agent, 'back']
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      from.on('data', (chunk: Buffer) => to.write(this.#pass(chunk, direction)))
    }
  }

  #pass(chunk: Buffer, direction: 'out' | 'back'): Buffer {
    this.bytes += chunk.length
    this.seen[direction] = Buffer.concat([this.seen[direction], chunk]).subarray(-KEPT)
    if (!this.#tamper || direction !== 'out') return chunk
    this.#tamper = false
    const changed = Buffer.from(chunk)
    changed[changed.length - 1]! ^= 1
    return changed
  }
}
