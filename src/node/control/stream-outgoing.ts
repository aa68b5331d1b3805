import type { PeerId } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import type { Priority } from '../../protocols/framing/priority.ts'
import { MAX_BLOCK_LENGTH } from '../../protocols/streams/constants.ts'
import { streamAborted, streamBroken } from '../../protocols/streams/errors.ts'
import type { OutgoingStream } from '../../protocols/streams/index.ts'
import { failureOf, PART, type StreamSocket } from './stream-parts.ts'

interface RemoteOutgoingInit {
  peer: PeerId
  codec: string
  priority: Priority
  label: string
  socket: StreamSocket
}

/** The process's end of a stream that the node writes. */
export class RemoteOutgoing implements OutgoingStream {
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  readonly label: string
  readonly #node: StreamSocket
  /** Rejects with what ended the stream. */
  readonly #over = Promise.withResolvers<never>()
  #failure: TalosError | undefined
  /** Writes, one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor({ peer, codec, priority, label, socket }: RemoteOutgoingInit) {
    this.peer = peer
    this.codec = codec
    this.priority = priority
    this.label = label
    this.#node = socket
    this.#over.promise.catch(() => {}) // told to whoever writes
    void this.#listen()
  }

  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      for (let at = 0; at < bytes.byteLength; at += MAX_BLOCK_LENGTH) {
        await this.#unlessGone(this.#node.sendBytes(bytes.subarray(at, at + MAX_BLOCK_LENGTH)))
      }
      await this.#unlessGone(this.#node.answered())
    }, signal)
  }

  end(signal?: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      await this.#unlessGone(this.#node.sendEnd())
      this.#failure = new TalosError('STREAM_ENDED', 'the stream was ended, so nothing more can be written')
      this.#node.finish()
    }, signal)
  }

  async abort(reason = ''): Promise<void> {
    if (this.#failure !== undefined) return
    this.#node.send(PART.abort, new TextEncoder().encode(reason))
    this.#fail(streamAborted('this side', reason))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort('it was not ended')
  }

  /** What the node says besides that bytes have left: why the stream is over. */
  async #listen(): Promise<void> {
    try {
      for await (const { type, body } of this.#node.parts()) {
        if (type === PART.failed) this.#fail(failureOf(body))
        break
      }
      this.#fail(streamBroken())
    } catch (error) {
      this.#fail(streamBroken(error))
    }
  }

  /** After what was asked for before. A write that is aborted in the middle ends the stream, since part of it may have been sent. */
  #inTurn(work: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const turn = this.#last.then(async () => {
      if (this.#failure !== undefined) throw this.#failure
      signal?.throwIfAborted()
      const aborted = Promise.withResolvers<never>()
      const onAbort = (): void => {
        aborted.reject(signal!.reason)
        void this.abort('a write was aborted')
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        await Promise.race([work(), this.#over.promise, aborted.promise])
      } finally {
        signal?.removeEventListener('abort', onAbort)
      }
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  /** The node is gone when `sent` says so: #listen tells why. */
  async #unlessGone(sent: Promise<boolean>): Promise<void> {
    if (!(await sent)) await this.#over.promise
  }

  #fail(failure: TalosError): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#over.reject(failure)
    this.#node.finish()
  }
}
