import { TalosError } from '../../errors.ts'
import { encodeFrame, type FrameStream, type LinkScheduler, type Priority } from '../framing/index.ts'
import type { Sealer } from '../sessions/index.ts'
import { type FRAME, MAX_FORGED } from './constants.ts'
import { streamBroken, streamProtocol } from './errors.ts'
import { StreamFrame } from './pb/stream.ts'

/** Frames that travel sealed by the stream session. */
export type SealedType = (typeof FRAME)['chunk' | 'end' | 'credit']

export interface Received {
  type: number
  body: Uint8Array
}

/** Sealed frames over one libp2p stream. What is sealed begins with the frame's type, so that none can pass for another. */
export class StreamChannel {
  readonly #frames: FrameStream
  readonly #sealer: Sealer
  readonly #scheduler: LinkScheduler
  #forged = 0
  #closed = false

  constructor(frames: FrameStream, sealer: Sealer, scheduler: LinkScheduler) {
    this.#frames = frames
    this.#sealer = sealer
    this.#scheduler = scheduler
  }

  /** Sends when it is this priority's turn on the connection and the stream has room. */
  async send(type: SealedType, body: Uint8Array, priority: Priority, signal?: AbortSignal): Promise<void> {
    const plaintext = new Uint8Array(1 + body.byteLength)
    plaintext[0] = type
    plaintext.set(body, 1)
    await this.#scheduler.run(
      priority,
      async () => {
        if (this.#closed) throw streamBroken()
        await this.#frames.write(encodeFrame(type, this.#sealer.seal(plaintext)), signal)
      },
      signal
    )
  }

  /** All genuine frames that have arrived, at least one. Throws STREAM_BROKEN when the stream has ended without END. */
  async receive(): Promise<Received[]> {
    for (;;) {
      const frames = await this.#read()
      const received: Received[] = []
      for (const frame of frames) {
        const one = this.#open(frame)
        if (one !== undefined) received.push(one)
      }
      if (received.length > 0) return received
    }
  }

  /** The last word was said: what still comes is dropped. */
  async finish(signal: AbortSignal): Promise<void> {
    this.#closed = true
    try {
      await this.#frames.finish(signal)
    } catch (error) {
      this.#frames.abort(error as Error)
    } finally {
      this.#sealer.close()
    }
  }

  /** Resets the stream at once. */
  abort(reason: Error): void {
    this.#closed = true
    this.#frames.abort(reason)
    this.#sealer.close()
  }

  async #read(): Promise<Uint8Array[]> {
    let frames: Uint8Array[] | undefined
    try {
      frames = await this.#frames.readAll()
    } catch (cause) {
      throw streamBroken(cause)
    }
    if (frames === undefined) throw streamBroken()
    return frames
  }

  #open(frame: Uint8Array): Received | undefined {
    try {
      const { type, body } = StreamFrame.decode(frame)
      const plaintext = this.#sealer.open(body)
      if (plaintext[0] !== type) throw new TalosError('STREAM_PROTOCOL', 'a frame is sealed as another type')
      return { type, body: plaintext.subarray(1) }
    } catch (cause) {
      // forged, played again or garbled: it is dropped and changed nothing. That one is missing is seen at the next
      if (++this.#forged > MAX_FORGED) throw streamProtocol('it sent too many frames that are not genuine', cause)
      return undefined
    }
  }
}

/** What a genuine frame holds. Throws STREAM_PROTOCOL: sending it again would not help. */
export function decoded<T>(codec: { decode(body: Uint8Array): T }, body: Uint8Array): T {
  try {
    return codec.decode(body)
  } catch (cause) {
    throw streamProtocol('it sent a message that cannot be decoded', cause)
  }
}
