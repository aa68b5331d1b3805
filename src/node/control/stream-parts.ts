import type { Socket } from 'node:net'
import { TalosError } from '../../errors.ts'
import { MAX_BLOCK_LENGTH } from '../../protocols/streams/constants.ts'
import { PartReader, writeParts } from './parts.ts'

// A stream of bytes over a connection of the control socket (docs/spec/control.md): parts, each behind its length.

/** The first byte of a part. */
export const PART = { bytes: 1, done: 2, end: 3, abort: 4, failed: 5 } as const

/** Parts of bytes that are not answered with `done` yet: so much, and no more, is between the two programs. */
export const MAX_UNANSWERED = 4

/** How long the other end may take to close its side after the last word. Milliseconds. */
const LINGER = 1_000

const LONGEST = 1 + MAX_BLOCK_LENGTH
const NOTHING = new Uint8Array()

interface Part {
  type: number
  body: Uint8Array
}

/** One end of such a connection. */
export class StreamSocket {
  readonly #socket: Socket
  #unanswered = 0
  #broken = false
  #changed = Promise.withResolvers<void>()

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {}) // its end is what matters
    socket.once('close', () => {
      this.#broken = true
      this.#wake()
    })
  }

  /** What comes, until the other side ends or breaks off: `done` is counted here. Throws what cannot be. */
  async *parts(): AsyncGenerator<Part, void> {
    const reader = new PartReader(LONGEST)
    for await (const chunk of this.#chunks()) {
      for (const part of reader.push(chunk)) {
        if (part[0] !== PART.done) {
          yield { type: part[0]!, body: part.subarray(1) }
          continue
        }
        this.#unanswered--
        this.#wake()
      }
    }
  }

  async *#chunks(): AsyncGenerator<Buffer, void> {
    try {
      yield* this.#socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    } catch {
      // it broke off, which says nothing but that
    }
  }

  /** Sends up to 64,000 bytes when there is room at the other side. False when it is gone. */
  async sendBytes(bytes: Uint8Array): Promise<boolean> {
    await this.#until(() => this.#unanswered < MAX_UNANSWERED)
    if (this.#broken) return false
    this.#unanswered++
    this.send(PART.bytes, bytes)
    return true
  }

  /** Resolves when the end, too, was answered. False when the other side is gone. */
  sendEnd(): Promise<boolean> {
    this.#unanswered++
    this.send(PART.end)
    return this.answered()
  }

  /** Resolves when all bytes were answered. False when the other side is gone. */
  async answered(): Promise<boolean> {
    await this.#until(() => this.#unanswered === 0)
    return !this.#broken
  }

  send(type: number, body: Uint8Array = NOTHING): void {
    if (!this.#socket.writable) return
    const part = new Uint8Array(1 + body.byteLength)
    part[0] = type
    part.set(body, 1)
    writeParts(this.#socket, [part])
  }

  sendError(error: unknown): void {
    const known = error instanceof TalosError ? error : new TalosError('INTERNAL', (error as Error).message)
    const { code, message, hint } = known
    this.send(PART.failed, new TextEncoder().encode(JSON.stringify({ code, message, hint })))
  }

  /** Nothing more is sent from here, and what still comes is not looked at. */
  finish(): void {
    const socket = this.#socket
    socket.end()
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), LINGER).unref()
    socket.once('close', () => clearTimeout(timer))
  }

  /** Wakes whoever waits to send: there is nobody who would answer. */
  stop(): void {
    this.#broken = true
    this.#wake()
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!this.#broken && !isSo()) await this.#changed.promise
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

/** The error that a `failed` part tells of. */
export function failureOf(body: Uint8Array): TalosError {
  const { code, message, hint } = JSON.parse(new TextDecoder().decode(body)) as TalosError
  return new TalosError(code, message, hint === undefined ? {} : { hint })
}
