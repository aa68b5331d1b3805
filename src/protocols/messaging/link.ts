import type { Connection, Stream } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { FRAME, FRAME_LENGTH, MAX_ENVELOPES_IN_FRAME, MAX_FRAME, MAX_IDS, WRITE_AHEAD } from './constants.ts'
import { plain } from './envelope.ts'
import { MessageFrame } from './pb/message.ts'

/** Numbers of links, over all peers, from 1. */
let links = 0

/** One stream with a peer: frames in batches as they come, and a queue of frames to be written. */
export class Link {
  readonly number = ++links
  readonly connection: Connection
  readonly #frames: FrameStream
  readonly #queue: Uint8Array[] = []
  #queued = 0
  #writing = false
  #drained: PromiseWithResolvers<void> | undefined
  readonly #over = new AbortController()

  constructor(connection: Connection, stream: Stream) {
    this.connection = connection
    this.#frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME })
    stream.addEventListener('close', () => this.#over.abort(closed()), { once: true })
    if (stream.status !== 'open') this.#over.abort(closed())
  }

  get isOpen(): boolean {
    return !this.#over.signal.aborted
  }

  /** More waits to be written than should. */
  get isFull(): boolean {
    return this.#queued > WRITE_AHEAD
  }

  /** All frames that have arrived, at least one; undefined at the end. Throws NETWORK_*, MESSAGE_PROTOCOL. */
  async receive(): Promise<MessageFrame[] | undefined> {
    const frames = await this.#frames.readAll()
    return frames?.map(frame => {
      try {
        return MessageFrame.decode(frame, { limits: { envelopes: MAX_ENVELOPES_IN_FRAME, ids: MAX_IDS } })
      } catch (cause) {
        throw new TalosError('MESSAGE_PROTOCOL', 'a frame of the message stream cannot be decoded', { cause })
      }
    })
  }

  /** Envelopes, put together into as few frames as their length allows. */
  sendEnvelopes(envelopes: readonly Uint8Array[]): void {
    for (let from = 0; from < envelopes.length; ) {
      let [to, length] = [from, 0]
      while (to < envelopes.length && to - from < MAX_ENVELOPES_IN_FRAME && (to === from || length < FRAME_LENGTH)) {
        length += envelopes[to++]!.length
      }
      this.send({ type: FRAME.envelopes, envelopes: envelopes.slice(from, to).map(plain) })
      from = to
    }
  }

  /** Puts a frame behind those that wait. What is sent on a link that has ended is dropped. */
  send(frame: Partial<MessageFrame>): void {
    if (!this.isOpen) return
    const bytes = MessageFrame.encode(frame)
    this.#queue.push(bytes)
    this.#queued += bytes.length
    if (!this.#writing) void this.#write()
  }

  /** Resolves when there is room to write more, or the link has ended. */
  async drained(): Promise<void> {
    while (this.isFull && this.isOpen) {
      this.#drained ??= Promise.withResolvers()
      await this.#drained.promise
    }
  }

  abort(reason: Error): void {
    this.#over.abort(reason)
    this.#frames.abort(reason)
  }

  async #write(): Promise<void> {
    this.#writing = true
    try {
      for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) {
        await this.#frames.write(frame, this.#over.signal)
        this.#queued -= frame.length
        if (!this.isFull) this.#wake()
      }
    } catch (error) {
      this.#queue.length = 0
      this.#queued = 0
      this.abort(isTalosError(error) ? error : closed())
    } finally {
      this.#writing = false
      this.#wake()
    }
  }

  #wake(): void {
    this.#drained?.resolve()
    this.#drained = undefined
  }
}

function closed(): TalosError {
  return new TalosError('NETWORK_STREAM_CLOSED', 'the connection to the peer broke')
}
