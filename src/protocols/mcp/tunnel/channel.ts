import { Uint8ArrayList } from 'uint8arraylist'
import { release } from '../../../crypto/index.ts'
import { TalosError } from '../../../errors.ts'
import { encodeVarint, type FrameStream } from '../../framing/index.ts'
import { FRAME } from './constants.ts'
import { TunnelFrame, TunnelMessage } from './pb/tunnel.ts'

/** One direction's half of a stream session: see src/protocols/ratchet. */
export interface Sealer {
  /** What seal() and open() return is new memory, and they keep nothing of what they were given. */
  seal(plaintext: Uint8Array): Uint8Array
  /** Throws and changes nothing when the message is not genuine. */
  open(message: Uint8Array): Uint8Array
  /** Wipes the keys; seal() and open() throw from then on. */
  close(): void
}

/** A message with only the fields that it needs. */
export type OutgoingMessage = Partial<Omit<TunnelMessage, 'lines'> & { lines: Uint8Array[] }>

/** TunnelFrame (pb/tunnel.proto) of a type below 128, without a copy of its body. */
export function encodeFrame(type: number, body: Uint8Array): Uint8ArrayList {
  return new Uint8ArrayList(Uint8Array.of(TYPE_FIELD, type, BODY_FIELD, ...encodeVarint(body.byteLength)), body)
}

/** Protobuf tags of TunnelFrame: field 1 as a varint, field 2 with a length. */
const TYPE_FIELD = 0x08
const BODY_FIELD = 0x12

/** Frames that failed to open before the stream is given up: a peer whose stream this is has no reason to send one. */
const MAX_FORGED = 16

/** Tunnel messages over one libp2p stream, each sealed by the stream session of that stream. */
export class TunnelChannel {
  readonly frames: FrameStream
  readonly #sealer: Sealer
  readonly #maxLines: number
  #forged = 0

  constructor(frames: FrameStream, sealer: Sealer, maxLinesInBatch = 65_536) {
    this.frames = frames
    this.#sealer = sealer
    this.#maxLines = maxLinesInBatch
  }

  async send(message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    const plaintext = TunnelMessage.encode(message as Partial<TunnelMessage>)
    const sealed = this.#sealer.seal(plaintext)
    release(plaintext)
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
      if (messages.length > 0) return messages
    }
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
