import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** What a hostile way does to the bytes on it: a bit flipped, a piece sent twice, two pieces in the wrong order. */
export type Tampering = 'flip' | 'repeat' | 'swap'

/** A way between two machines that a test can cut. */
export class TcpProxy implements AsyncDisposable {
  readonly #server = createServer(socket => this.#accept(socket))
  readonly #pairs = new Set<[Socket, Socket]>()
  readonly #held = new Set<Socket>()
  #silent = false
  #isHostile = false
  #tampering: Tampering | undefined
  /** Bytes that a hostile one has carried. */
  carried = 0
  /** The port that it leads to. */
  target = 0

  /** @param isHostile it can tamper with what passes, but not be silent */
  static async start({ isHostile = false } = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy()
    proxy.#isHostile = isHostile
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Both ends see a reset. */
  reset(): void {
    for (const socket of this.#all()) socket.resetAndDestroy()
  }

  /** Both ends see an orderly end. */
  finish(): void {
    for (const [one, other] of this.#pairs) {
      for (const socket of [one, other]) {
        socket.unpipe()
        socket.end()
        // what still comes is for nobody
        socket.resume()
      }
    }
  }

  /** Does this to what passes next, in one direction or the other. */
  tamper(how: Tampering): void {
    this.#tampering = how
  }

  /** From now on nothing passes, and nobody is told; new connections are taken and hear nothing either. */
  silence(): void {
    this.#silent = true
    for (const [one, other] of this.#pairs) {
      one.unpipe().pause()
      other.unpipe().pause()
    }
  }

  /** Nothing passes any more on the connections that there are, and nobody is told; new ones work. */
  strand(): void {
    this.silence()
    this.#silent = false
  }

  /** What was held back passes, in order, and all goes on. */
  restore(): void {
    this.#silent = false
    for (const [one, other] of this.#pairs) this.#join(one, other)
    for (const socket of this.#held) this.#accept(socket)
    this.#held.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.reset()
    await once(this.#server, 'close')
  }

  #all(): Socket[] {
    return [...[...this.#pairs].flat(), ...this.#held]
  }

  #accept(socket: Socket): void {
    if (this.#silent) {
      socket.pause().on('error', () => {})
      this.#held.add(socket)
      return
    }
    const pair: [Socket, Socket] = [socket, connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: false })]
    this.#pairs.add(pair)
    for (const [one, other] of [pair, [pair[1], pair[0]] as const]) {
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#pairs.delete(pair)
        if (!this.#silent) other.destroy()
      })
    }
    this.#join(...pair)
  }

  #join(one: Socket, other: Socket): void {
    if (!this.#isHostile) {
      one.pipe(other).pipe(one)
      return
    }
    one.pipe(this.#way()).pipe(other)
    other.pipe(this.#way()).pipe(one)
  }

  #way(): Transform {
    let held: Buffer | undefined
    return new Transform({
      transform: (chunk: Buffer, _, done) => {
        this.carried += chunk.length
        const how = held === undefined ? this.#tampering : undefined
        if (how !== undefined) this.#tampering = undefined
        if (how === 'swap') {
          held = chunk
          return done()
        }
        if (how === 'flip') chunk[chunk.length >> 1]! ^= 1
        const pieces = how === 'repeat' ? [chunk, chunk] : held === undefined ? [chunk] : [chunk, held]
        held = undefined
        done(null, pieces.length === 1 ? chunk : Buffer.concat(pieces))
      }
    })
  }
}
