import type { PeerId } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import type { Priority } from '../framing/index.ts'
import { decoded, type Received, type StreamChannel } from './channel.ts'
import { decodeBlock, type StreamCodec } from './codecs.ts'
import { CHUNK_COST, FRAME, LAST_WORD_TIMEOUT } from './constants.ts'
import { streamAborted, streamProtocol } from './errors.ts'
import { StreamChunk, StreamCredit, StreamEnd } from './pb/stream.ts'
import type { StreamOffer } from './streams.ts'

/**
 * The reading side of a stream: iterate it, once. The iteration ends when the writer has ended the stream and all was taken; it
 * throws STREAM_ABORTED when the writer gave it up, STREAM_BROKEN when the connection did, STREAM_CODEC_FAILED or STREAM_PROTOCOL
 * when what came cannot be; what arrived before comes first. Leaving the iteration early aborts the stream. A reader
 * that takes nothing stops the writer.
 */
export interface IncomingStream extends AsyncIterable<Uint8Array> {
  /** What was consented to. */
  readonly offer: StreamOffer
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  /** The writer's word for what it is: a line without control characters. */
  readonly label: string
  /** Gives the stream up; the writer is told `reason`. What was not taken is dropped. */
  abort(reason?: string): Promise<void>
}

export interface IncomingInit {
  offer: StreamOffer
  channel: StreamChannel
  codec: StreamCodec
  window: number
}

export class Incoming implements IncomingStream {
  readonly offer: StreamOffer
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  readonly label: string
  /** Settles when nothing more is received. */
  readonly closed: Promise<void>
  readonly #channel: StreamChannel
  readonly #decode: ReturnType<StreamCodec['decoder']>
  readonly #window: number
  readonly #blocks: Uint8Array[] = []
  #chunks = 0
  /** As they count in the window. */
  #received = 0
  #taken = 0
  #told = 0
  #over = false
  #failure: TalosError | undefined
  #iterated = false
  #readable = Promise.withResolvers<void>()

  constructor({ offer, channel, codec, window }: IncomingInit) {
    this.offer = offer
    this.peer = offer.peer
    this.priority = offer.priority
    this.label = offer.label
    this.codec = codec.name
    this.#channel = channel
    this.#decode = codec.decoder()
    this.#window = window
    this.closed = this.#receive()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#iterated) throw new TalosError('STREAM_ENDED', 'a stream can be read once')
    this.#iterated = true
    try {
      for (;;) {
        const block = this.#blocks.shift()
        if (block !== undefined) {
          this.#credit(block)
          yield block
        } else if (this.#over) {
          if (this.#failure !== undefined) throw this.#failure
          return
        } else {
          await this.#readable.promise
        }
      }
    } finally {
      await this.abort('the reader has stopped reading')
    }
  }

  async abort(reason = ''): Promise<void> {
    this.#blocks.length = 0
    await this.#giveUp(streamAborted('this side', reason), reason)
  }

  async #receive(): Promise<void> {
    try {
      while (!this.#over) {
        for (const frame of await this.#channel.receive()) {
          if (this.#over) return
          await this.#take(frame)
        }
      }
    } catch (error) {
      const failure = error as TalosError
      if (failure.code === 'STREAM_BROKEN') {
        this.#end(failure)
        this.#channel.abort(failure)
      } else {
        await this.#giveUp(failure, failure.message)
      }
    }
  }

  async #take({ type, body }: Received): Promise<void> {
    if (type === FRAME.chunk) {
      const { number, block: encoded } = decoded(StreamChunk, body)
      if (number !== this.#chunks + 1) throw streamProtocol(`chunk ${number} came after chunk ${this.#chunks}`)
      this.#chunks = number
      const block = await decodeBlock(this.#decode, encoded)
      if (this.#over) return
      this.#received += block.byteLength + CHUNK_COST
      if (this.#received - this.#told > this.#window) throw streamProtocol('it sent more than the window allows')
      this.#blocks.push(block)
      this.#wake()
    } else if (type === FRAME.end) {
      const { code, message, chunks } = decoded(StreamEnd, body)
      if (code !== '') {
        this.#end(streamAborted('the other side', message))
      } else if (chunks !== this.#chunks) {
        throw streamProtocol(`it ended a stream of ${chunks} chunks after ${this.#chunks}`)
      } else {
        this.#end(undefined)
        await this.#lastWord('', '')
        return
      }
      await this.#channel.finish(AbortSignal.timeout(LAST_WORD_TIMEOUT))
    } else {
      throw streamProtocol(`a writer sent frame type ${type}`)
    }
  }

  /** Tells the writer what was taken: not for each block, but well before its window is full. */
  #credit(block: Uint8Array): void {
    this.#taken += block.byteLength + CHUNK_COST
    if (this.#over || this.#taken - this.#told < this.#window / 4) return
    this.#told = this.#taken
    // a failure is seen by #receive, too
    this.#channel.send(FRAME.credit, StreamCredit.encode({ taken: this.#taken }), 'control').catch(() => {})
  }

  async #giveUp(failure: TalosError, message: string): Promise<void> {
    if (this.#over) return
    this.#end(failure)
    await this.#lastWord('STREAM_ABORTED', message)
  }

  async #lastWord(code: string, message: string): Promise<void> {
    const signal = AbortSignal.timeout(LAST_WORD_TIMEOUT)
    try {
      const last = StreamEnd.encode({ code, message, chunks: this.#chunks })
      await this.#channel.send(FRAME.end, last, 'control', signal)
      await this.#channel.finish(signal)
    } catch (error) {
      this.#channel.abort(error as Error)
    }
  }

  #end(failure: TalosError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
    this.#wake()
  }

  #wake(): void {
    this.#readable.resolve()
    this.#readable = Promise.withResolvers()
  }
}
