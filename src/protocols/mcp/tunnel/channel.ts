import { release } from '../../../crypto/index.ts'
import { TalosError } from '../../../errors.ts'
import { encodeFrame, type FrameStream } from '../../framing/index.ts'
import type { Sealer } from '../../sessions/index.ts'
import { FRAME } from './constants.ts'
import { TunnelFrame, TunnelMessage } from './pb/tunnel.ts'

/** A message with only the fields that it needs. */
export type OutgoingMessage = Partial<Omit<TunnelMessage, 'lines'> & { lines: Uint8Array[] }>

/** Frames that failed to open before the stream is given up: a peer whose stream this is has no reason to send one. */
const MAX_FORGED = 16

/** Tunnel messages over one libp2p stream, each sealed by the stream session of that stream. */
export class TunnelChannel {
  readonly frames: FrameStream
  readonly #sealer: Sealer
  readonly #maxLines: number
  #forged = 0
  #isPreparing = false

  constructor(frames: FrameStream, sealer: Sealer, maxLinesInBatch = 65_536) {
    this.frames = frames
    this.#sealer = sealer
    this.#maxLines = maxLinesInBatch
  }

  async send(message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    const plaintext = TunnelMessage.encode(message as Partial<TunnelMessage>)
    const sealed = this.#sealer.seal(plaintext)
    release(plaintext)
    this.#prepareSoon()
    await this.frames.write(encodeFrame(FRAME.data, sealed), signal)
  }

  /** All genuine messages that have arrived, at least one; undefined when the stream has ended. */
  async receive(): Promise<TunnelMessage[] | undefined> {
    for (;;) {
      const frames = await this.frames.readAll()
      if (frames === undefined) return undefined
      const messages: TunnelMessage[] = []
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

  #open(frame: Uint8Array): TunnelMessage | undefined {
    let plaintext: Uint8Array
    try {
      const { type, body } = TunnelFrame.decode(frame)
      if (type !== FRAME.data)
        throw new TalosError('TUNNEL_PROTOCOL', `unexpected frame type ${type} in an open tunnel`)
      plaintext = this.#sealer.open(body)
      release(frame)
    } catch (cause) {
      // a forged, replayed or garbled frame changes nothing: it is dropped, and the next genuine one opens
      if (++this.#forged > MAX_FORGED) {
        throw new TalosError('TUNNEL_PROTOCOL', 'the other side sent too many frames that are not genuine', { cause })
      }
      return undefined
    }
    try {
      return TunnelMessage.decode(plaintext, { limits: { lines: this.#maxLines } })
    } catch (cause) {
      // it is genuine, so sending it again would not help
      throw new TalosError('TUNNEL_PROTOCOL', 'the other side sent a message that cannot be decoded', { cause })
    }
  }

  abort(reason: Error): void {
    this.frames.abort(reason)
    this.wipe()
  }

  /** For a stream of which nothing more is read or sent. */
  wipe(): void {
    this.#sealer.close()
  }
}
