import { release } from '../../../crypto/index.ts'
import { TalosError } from '../../../errors.ts'
import { encodeFrame, type FrameStream } from '../../framing/index.ts'
import type { Sealer } from '../../sessions/index.ts'
import { FRAME } from './constants.ts'
import { type Channel, decodeMessage, encodeMessage, type OutgoingMessage } from './message.ts'
import { TunnelFrame, type TunnelMessage } from './pb/tunnel.ts'

/** Frames that failed to open before the stream is given up: a peer whose stream this is has no reason to send one. */
const MAX_FORGED = 16

/** Tunnel messages over one libp2p stream, each sealed by the stream session of that stream. */
export class TunnelChannel implements Channel {
  readonly frames: FrameStream
  readonly #sealer: Sealer
  #forged = 0
  #isPreparing = false

  constructor(frames: FrameStream, sealer: Sealer) {
    this.frames = frames
    this.#sealer = sealer
  }

  async send(message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    const plaintext = encodeMessage(message)
    const sealed = this.#sealer.seal(plaintext)
    release(plaintext)
    this.#prepareSoon()
    await this.frames.write(encodeFrame(FRAME.data, sealed), signal)
  }

  /** As send(), for a message that another process has encoded. */
  async sendEncoded(plaintext: Uint8Array): Promise<void> {
    const sealed = this.#sealer.seal(plaintext)
    this.#prepareSoon()
    await this.frames.write(encodeFrame(FRAME.data, sealed))
  }

  async receive(): Promise<TunnelMessage[] | undefined> {
    return (await this.receiveEncoded())?.map(decodeMessage)
  }

  /** As receive(), for another process to decode. */
  async receiveEncoded(): Promise<Uint8Array[] | undefined> {
    for (;;) {
      const frames = await this.frames.readAll()
      if (frames === undefined) return undefined
      const messages: Uint8Array[] = []
      for (const frame of frames) {
        const message = this.#open(frame)
        if (message !== undefined) messages.push(message)
      }
      this.#prepareSoon()
      if (messages.length > 0) return messages
    }
  }

  /** Once what is to be sent now has been sent: the other side, and who waits here, come first. */
  #prepareSoon(): void {
    if (this.#isPreparing) return
    this.#isPreparing = true
    setImmediate(() => {
      this.#isPreparing = false
      this.#sealer.prepare()
    })
  }

  #open(frame: Uint8Array): Uint8Array | undefined {
    try {
      const { type, body } = TunnelFrame.decode(frame)
      if (type !== FRAME.data)
        throw new TalosError('TUNNEL_PROTOCOL', `unexpected frame type ${type} in an open tunnel`)
      const plaintext = this.#sealer.open(body)
      release(frame)
      return plaintext
    } catch (cause) {
      // a forged, replayed or garbled frame changes nothing: it is dropped, and the next genuine one opens
      if (++this.#forged > MAX_FORGED) {
        throw new TalosError('TUNNEL_PROTOCOL', 'the other side sent too many frames that are not genuine', { cause })
      }
      return undefined
    }
  }

  finish(signal: AbortSignal): Promise<void> {
    return this.frames.finish(signal)
  }

  abort(reason: Error): void {
    this.frames.abort(reason)
    this.wipe()
  }

  wipe(): void {
    this.#sealer.close()
  }
}
