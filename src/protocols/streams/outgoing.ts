import type { PeerId } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import type { Priority } from '../framing/index.ts'
import { decoded, type Received, type StreamChannel } from './channel.ts'
import type { StreamCodec } from './codecs.ts'
import { CHUNK_COST, END_TIMEOUT, FRAME, LAST_WORD_TIMEOUT, MAX_BLOCK_LENGTH, MAX_ENCODED_LENGTH } from './constants.ts'
import { streamAborted, streamBroken, streamProtocol } from './errors.ts'
import { StreamChunk, StreamCredit, StreamEnd } from './pb/stream.ts'

/** The writing side of a stream. Disposing of one that was not ended aborts it. */
export interface OutgoingStream extends AsyncDisposable {
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  readonly label: string
  /**
   * Sends `bytes`, of any length, behind what was written before. Resolves when they have left, which waits while the reader has a
   * window full to take. When its signal is aborted before its turn has come nothing of it is sent and the stream goes on; later
   * the stream is aborted, since part of it may have been sent. Throws STREAM_ABORTED when either side
   * gave it up, STREAM_BROKEN, STREAM_CODEC_FAILED, STREAM_PROTOCOL, STREAM_ENDED after end().
   */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Ends the stream: resolves when the reader's node has all of it. Throws as write(). */
  end(signal?: AbortSignal): Promise<void>
  /** Gives the stream up; the reader is told `reason` (shown to a person, up to 200 characters). */
  abort(reason?: string): Promise<void>
}

export interface OutgoingInit {
  peer: PeerId
  priority: Priority
  label: string
  channel: StreamChannel
  codec: StreamCodec
  /** Bytes that the reader holds for its application. */
  window: number
}

export class Outgoing implements OutgoingStream {
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  readonly label: string
  /** Settles when nothing more is sent or received. */
  readonly closed: Promise<void>
  readonly #channel: StreamChannel
  readonly #encode: ReturnType<StreamCodec['encoder']>
  readonly #window: number
  /** Aborted with the error that ended the stream, or with nothing when the end was confirmed. */
  readonly #over = new AbortController()
  #failure: TalosError | undefined
  #chunks = 0
  #sent = 0
  #taken = 0
  #ending = false
  #credit = Promise.withResolvers<void>()
  readonly #confirmed = Promise.withResolvers<void>()
  /** Writes, one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor({ peer, priority, label, channel, codec, window }: OutgoingInit) {
    this.peer = peer
    this.priority = priority
    this.label = label
    this.codec = codec.name
    this.#channel = channel
    this.#encode = codec.encoder()
    this.#window = window
    this.#confirmed.promise.catch(() => {})
    this.closed = this.#receive()
  }

  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#ending) throw new TalosError('STREAM_ENDED', 'the stream was ended, so nothing more can be written')
      for (let at = 0; at < bytes.byteLength; at += MAX_BLOCK_LENGTH) {
        await this.#writeBlock(bytes.subarray(at, at + MAX_BLOCK_LENGTH), signal)
      }
    }, signal)
  }

  end(signal?: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#ending) {
        this.#ending = true
        const last = StreamEnd.encode({ code: '', message: '', chunks: this.#chunks })
        await this.#channel.send(FRAME.end, last, this.priority, this.#signal(signal))
      }
      const timer = setTimeout(() => this.#break(streamBroken()), END_TIMEOUT)
      try {
        await this.#orOver(this.#confirmed.promise, signal)
      } finally {
        clearTimeout(timer)
      }
    }, signal)
  }

  async abort(reason = ''): Promise<void> {
    await this.#giveUp(streamAborted('this side', reason), 'STREAM_ABORTED', reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort('it was not ended')
  }

  async #writeBlock(block: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const cost = block.byteLength + CHUNK_COST
    while (this.#sent + cost - this.#taken > this.#window) await this.#orOver(this.#credit.promise, signal)
    const encoded = await this.#encodeBlock(block)
    this.#throwIfOver()
    this.#sent += cost
    const chunk = StreamChunk.encode({ number: ++this.#chunks, block: encoded as Uint8Array<ArrayBuffer> })
    await this.#channel.send(FRAME.chunk, chunk, this.priority, this.#signal(signal))
  }

  async #encodeBlock(block: Uint8Array): Promise<Uint8Array> {
    let encoded: Uint8Array
    try {
      encoded = await this.#encode(block)
    } catch (cause) {
      throw new TalosError('STREAM_CODEC_FAILED', `the codec ${this.codec} failed`, { cause })
    }
    if (encoded.byteLength <= MAX_ENCODED_LENGTH) return encoded
    throw new TalosError('STREAM_CODEC_FAILED', `the codec ${this.codec} made a block longer than a chunk can be`)
  }

  /** After what was asked for before. Whatever goes wrong ends the stream: the reader could not tell what is missing. */
  #inTurn(work: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const turn = this.#last.then(async () => {
      this.#throwIfOver()
      signal?.throwIfAborted()
      try {
        await work()
      } catch (error) {
        if (this.#failure !== undefined) throw this.#failure
        if ((error as TalosError).code !== 'STREAM_ENDED') await this.#giveUpOn(error as Error, signal)
        throw error
      }
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  async #giveUpOn(error: Error, signal: AbortSignal | undefined): Promise<void> {
    const failure = error instanceof TalosError ? error : streamAborted('this side', '')
    const ofCodec = failure.code === 'STREAM_CODEC_FAILED'
    await this.#giveUp(
      failure,
      'STREAM_ABORTED',
      ofCodec ? failure.message : signal?.aborted === true ? 'a write was aborted' : ''
    )
  }

  /** Ends the stream for both sides with `failure` here and a word there, if it has not ended yet. */
  async #giveUp(failure: TalosError, code: string, message: string): Promise<void> {
    if (this.#over.signal.aborted) return
    this.#fail(failure)
    const signal = AbortSignal.timeout(LAST_WORD_TIMEOUT)
    const last = StreamEnd.encode({ code, message, chunks: this.#chunks })
    try {
      await this.#channel.send(FRAME.end, last, 'control', signal)
      await this.#channel.finish(signal)
    } catch (error) {
      this.#channel.abort(error as Error)
    }
  }

  async #receive(): Promise<void> {
    try {
      while (!this.#over.signal.aborted) {
        for (const frame of await this.#channel.receive()) {
          if (this.#over.signal.aborted) return
          await this.#take(frame)
        }
      }
    } catch (error) {
      if (this.#over.signal.aborted) return
      const failure = error as TalosError
      if (failure.code === 'STREAM_BROKEN') this.#break(failure)
      else await this.#giveUp(failure, 'STREAM_ABORTED', failure.message)
    }
  }

  #break(failure: TalosError): void {
    this.#fail(failure)
    this.#channel.abort(failure)
  }

  async #take({ type, body }: Received): Promise<void> {
    if (type === FRAME.credit) {
      const { taken } = decoded(StreamCredit, body)
      if (taken > this.#sent) throw streamProtocol('it has taken more than was sent')
      this.#taken = Math.max(this.#taken, taken)
      this.#credit.resolve()
      this.#credit = Promise.withResolvers()
    } else if (type === FRAME.end) {
      const { code, message, chunks } = decoded(StreamEnd, body)
      if (code !== '') {
        this.#fail(streamAborted('the other side', message))
      } else if (!this.#ending || chunks !== this.#chunks) {
        throw streamProtocol('it confirmed an end that was not')
      } else {
        this.#confirmed.resolve()
        this.#over.abort(new TalosError('STREAM_ENDED', 'the stream was ended, so nothing more can be written'))
      }
      await this.#channel.finish(AbortSignal.timeout(LAST_WORD_TIMEOUT))
    } else {
      throw streamProtocol(`a reader sent frame type ${type}`)
    }
  }

  #fail(failure: TalosError): void {
    if (this.#over.signal.aborted) return
    this.#failure = failure
    this.#over.abort(failure)
    this.#confirmed.reject(failure)
  }

  #throwIfOver(): void {
    this.#over.signal.throwIfAborted()
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#over.signal : AbortSignal.any([signal, this.#over.signal])
  }

  /** `promise`, or the reason why it will not come. */
  async #orOver(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const stop = this.#signal(signal)
    stop.throwIfAborted()
    const { promise: stopped, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(stop.reason)
    stop.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([promise, stopped])
    } finally {
      stop.removeEventListener('abort', onAbort)
    }
  }
}
