import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { TalosError } from '../../errors.ts'
import { decodeVarint, encodeVarint, MAX_PREFIX_LENGTH } from './varint.ts'

/** Bytes held for a slow reader, who could take a frame, before the stream is paused, and the level at which it is resumed. */
const PAUSE_ABOVE = 1024 * 1024
const RESUME_BELOW = 256 * 1024

/** Pieces held, however short they came, before they are joined: a piece costs more memory than its bytes. */
const MAX_PIECES = 1024
/** The same for a long frame, so that joining costs a bounded part of it: one piece for this many bytes. */
const PIECE_LENGTH = 1024

/** How long the other side may take to close its end after finish(). Milliseconds. */
const LINGER = 1_000

/**
 * What a paused stream may still receive: one yamux window (see src/node/network/limits.ts) and some slack. libp2p's own
 * default is smaller than its largest window, so that pausing a fast stream would abort it.
 */
const READ_BUFFER_LENGTH = 5 * 1024 * 1024

export interface FrameStreamInit {
  /** Longest frame accepted or sent, in bytes; checked before anything of that size is allocated. */
  maxFrameLength: number
}

/**
 * Length-prefixed frames (unsigned varint, then that many bytes) over a libp2p stream, with back-pressure both ways.
 *
 * libp2p's stream helpers buffer without bound or abort a slow reader, so every Talos protocol reads and writes through this
 * class: a reader that stops reading stops the sender, and a writer waits until there is room.
 *
 * Errors, as TalosError: NETWORK_FRAME_TOO_LARGE, NETWORK_FRAME_MALFORMED, NETWORK_STREAM_CLOSED, and the reason of a signal.
 */
export class FrameStream {
  readonly stream: Stream
  #maxFrameLength: number
  /** As received, the length of the first frame taken off: frames are cut only when they are read. */
  readonly #incoming = new Uint8ArrayList()
  #pieces = 0
  #expected: number | undefined
  #finished = false
  #paused = false
  #resuming = false
  #ended = false
  #failure: Error | undefined
  #readable: (() => void) | undefined
  #writable: PromiseWithResolvers<void> | undefined

  constructor(stream: Stream, init: FrameStreamInit) {
    this.stream = stream
    this.#maxFrameLength = init.maxFrameLength
    stream.maxReadBufferLength = READ_BUFFER_LENGTH
    this.setMaxFrameLength(init.maxFrameLength)
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('remoteCloseWrite', this.#onRemoteClose)
    stream.addEventListener('close', this.#onClose)
    stream.addEventListener('drain', this.#onDrain)
    if (stream.status !== 'open') this.#end()
  }

  /** For frames of which the other side has begun none yet. */
  setMaxFrameLength(maxFrameLength: number): void {
    this.#maxFrameLength = maxFrameLength
    // the largest frame, twice: one being sent and one that a careless caller did not wait for
    this.stream.maxWriteBufferLength = 2 * (maxFrameLength + MAX_PREFIX_LENGTH) + READ_BUFFER_LENGTH
  }

  /**
   * The next frame, or undefined once the other side has closed its writing end and all frames have been read. A stopped
   * peer looks the same as one that has finished, so a protocol that must know the difference sends an explicit last frame.
   */
  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const length = await this.#frame(signal)
    return length === undefined ? undefined : this.#take(length)
  }

  /** As read(), in the pieces that it came in, for a caller that copies them to a place of its own. */
  async readPieces(signal?: AbortSignal): Promise<Uint8ArrayList | undefined> {
    const length = await this.#frame(signal)
    if (length === undefined) return undefined
    const pieces = this.#incoming.sublist(0, length)
    this.#taken(length)
    return pieces
  }

  /** The length of the next frame once all of it is there. */
  async #frame(signal?: AbortSignal): Promise<number | undefined> {
    for (;;) {
      if (this.#hasFrame()) return this.#expected
      if (this.#failure !== undefined) throw this.#failure
      if (this.#ended) {
        if (this.#incoming.byteLength === 0 && this.#expected === undefined) return undefined
        throw new TalosError('NETWORK_FRAME_MALFORMED', 'the stream ended in the middle of a frame')
      }
      await this.#waitReadable(signal)
    }
  }

  /** All frames that have arrived, waiting for at least one; undefined at the end, as in read(). */
  async readAll(signal?: AbortSignal): Promise<Uint8Array[] | undefined> {
    const first = await this.read(signal)
    if (first === undefined) return undefined
    const frames = [first]
    while (this.#hasFrame()) frames.push(this.#take(this.#expected!))
    return frames
  }

  /** Sends one frame, whole or in parts that belong together; resolves when the stream has room for another. */
  async write(frame: Uint8Array | Uint8ArrayList, signal?: AbortSignal): Promise<void> {
    if (frame.byteLength > this.#maxFrameLength) {
      throw new TalosError(
        'NETWORK_FRAME_TOO_LARGE',
        `a frame of ${frame.byteLength} bytes is longer than the limit of ${this.#maxFrameLength}`
      )
    }
    signal?.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    let room: boolean
    try {
      room = this.stream.send(new Uint8ArrayList(encodeVarint(frame.byteLength), frame))
    } catch (cause) {
      throw streamClosed(cause)
    }
    if (!room) await this.#waitWritable(signal)
  }

  /**
   * Resolves when the stream holds nothing more of what was written. Where noise seals the connection (src/node/network/noise.ts),
   * the memory that it was in can then be used for something else.
   */
  async flushed(signal?: AbortSignal): Promise<void> {
    while (this.stream.writeBufferLength > 0) {
      if (this.#failure !== undefined) throw this.#failure
      await this.#waitWritable(signal)
    }
  }

  /** Closes the writing end once all is sent. The stream is free when the other side has closed its own. */
  async close(signal?: AbortSignal): Promise<void> {
    try {
      await this.stream.close(signal === undefined ? {} : { signal })
    } catch (cause) {
      throw streamClosed(cause)
    }
  }

  /**
   * The last word was said: closes the writing end once all is sent, drops what still comes, and resets the stream when the
   * other side does not close its own soon. Throws as close().
   */
  async finish(signal: AbortSignal): Promise<void> {
    this.#finished = true
    this.#incoming.consume(this.#incoming.byteLength)
    this.#pieces = 0
    this.#expected = undefined
    if (this.#paused) this.#resume()
    if (this.stream.status !== 'open' && this.stream.status !== 'closing') return
    try {
      await this.close(signal)
    } catch (error) {
      this.abort(error as Error)
      throw error
    }
    if (this.stream.status !== 'open' && this.stream.status !== 'closing') return
    const unclosed = new TalosError('NETWORK_STREAM_CLOSED', 'the other side did not close the stream')
    const timer = setTimeout(() => this.abort(unclosed), LINGER).unref()
    this.stream.addEventListener('close', () => clearTimeout(timer), { once: true })
  }

  /** Resets the stream at once, both ways; nothing more is read or sent. */
  abort(reason: Error): void {
    this.stream.abort(reason)
  }

  #take(length: number): Uint8Array {
    const frame = length === 0 ? new Uint8Array() : this.#incoming.subarray(0, length)
    this.#taken(length)
    return frame
  }

  #taken(length: number): void {
    this.#incoming.consume(length)
    if (this.#incoming.byteLength === 0) this.#pieces = 0
    this.#expected = undefined
    this.#readPrefix()
    if (this.#paused && (this.#incoming.byteLength < RESUME_BELOW || !this.#hasFrame())) this.#resume()
  }

  #hasFrame(): boolean {
    return this.#expected !== undefined && this.#incoming.byteLength >= this.#expected
  }

  #onMessage = (event: StreamMessageEvent): void => {
    if (this.#finished) return
    this.#incoming.append(event.data)
    if (++this.#pieces > Math.max(MAX_PIECES, this.#incoming.byteLength / PIECE_LENGTH)) this.#join()
    this.#readPrefix()
    this.#pauseIfFull()
    this.#wake()
  }

  #join(): void {
    const joined = this.#incoming.subarray()
    this.#incoming.consume(joined.byteLength)
    this.#incoming.append(joined)
    this.#pieces = 1
  }

  /** Takes the length of the next frame off, if it is not known yet; what cannot be one resets the stream. */
  #readPrefix(): void {
    if (this.#expected !== undefined || this.#failure !== undefined) return
    try {
      const prefix = decodeVarint(this.#incoming)
      if (prefix === undefined) return
      if (prefix.value > this.#maxFrameLength) {
        throw new TalosError(
          'NETWORK_FRAME_TOO_LARGE',
          `the other side announced a frame of ${prefix.value} bytes; the limit is ${this.#maxFrameLength}`
        )
      }
      this.#incoming.consume(prefix.length)
      this.#expected = prefix.value
    } catch (error) {
      this.#fail(error as Error)
      this.abort(error as Error)
    }
  }

  #pauseIfFull(): void {
    // never from within the event that resume() fires: the muxer would undo it (see #resume, which looks again)
    if (this.#paused || this.#resuming || this.stream.status !== 'open') return
    if (this.#incoming.byteLength <= PAUSE_ABOVE || !this.#hasFrame()) return
    try {
      this.stream.pause()
      this.#paused = true
    } catch {
      // its reading end has closed meanwhile: nothing more will come
    }
  }

  #resume(): void {
    this.#paused = false
    this.#resuming = true
    try {
      this.stream.resume()
    } catch {
      // closed while paused: 'end' or 'close' says so
    } finally {
      this.#resuming = false
    }
    this.#pauseIfFull()
  }

  #onEnd = (): void => this.#end()

  // 'end' needs both ends closed; a half-closed stream with nothing buffered has ended for the reader
  #onRemoteClose = (): void => {
    if (!this.#paused) queueMicrotask(() => this.#end())
  }

  #end(): void {
    if (this.#paused) this.#resume()
    if (this.#ended || this.stream.readBufferLength > 0) return
    this.#ended = true
    this.#wake()
  }

  #onClose = (event: StreamCloseEvent): void => {
    this.#writable?.reject(streamClosed(event.error))
    this.#writable = undefined
    if (event.error !== undefined) this.#fail(streamClosed(event.error))
    else this.#end()
    this.#wake()
  }

  #onDrain = (): void => {
    this.#writable?.resolve()
    this.#writable = undefined
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }

  #wake(): void {
    this.#readable?.()
    this.#readable = undefined
  }

  async #waitReadable(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#readable = resolve
    signal?.addEventListener('abort', resolve as () => void, { once: true })
    await promise
    signal?.removeEventListener('abort', resolve as () => void)
    signal?.throwIfAborted()
  }

  async #waitWritable(signal?: AbortSignal): Promise<void> {
    this.#writable ??= Promise.withResolvers<void>()
    const { promise } = this.#writable
    if (signal === undefined) return promise
    const aborted = Promise.withResolvers<never>()
    const onAbort = (): void => aborted.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/** libp2p rejects with events, resets and state errors; a caller sees one code. */
function streamClosed(cause: unknown): TalosError {
  const reason = cause instanceof Error ? cause.message : 'the stream was closed'
  return new TalosError('NETWORK_STREAM_CLOSED', `the connection to the peer broke: ${reason}`, { cause })
}
