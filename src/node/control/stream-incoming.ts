import type { PeerId } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import type { Priority } from '../../protocols/framing/priority.ts'
import { streamAborted, streamBroken } from '../../protocols/streams/errors.ts'
import type { IncomingStream, StreamOffer } from '../../protocols/streams/index.ts'
import { failureOf, PART, type StreamSocket } from './stream-parts.ts'

/** The process's end of a stream that the node reads: what is not taken here stays there. */
export class RemoteIncoming implements IncomingStream {
  readonly offer: StreamOffer
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  readonly label: string
  readonly #node: StreamSocket
  #failure: TalosError | undefined
  #over = false
  #iterated = false

  constructor(offer: StreamOffer, socket: StreamSocket) {
    this.offer = offer
    this.peer = offer.peer
    this.codec = offer.codec
    this.priority = offer.priority
    this.label = offer.label
    this.#node = socket
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#iterated) throw new TalosError('STREAM_ENDED', 'a stream can be read once')
    this.#iterated = true
    try {
      for await (const { type, body } of this.#node.parts()) {
        if (this.#failure !== undefined) throw this.#failure
        if (type === PART.bytes) {
          this.#node.send(PART.done)
          yield body
          continue
        }
        this.#end(type === PART.failed ? failureOf(body) : undefined)
        if (this.#failure !== undefined) throw this.#failure
        return
      }
      throw this.#failure ?? streamBroken()
    } finally {
      await this.abort('the reader has stopped reading')
    }
  }

  async abort(reason = ''): Promise<void> {
    if (this.#over) return
    this.#node.send(PART.abort, new TextEncoder().encode(reason))
    this.#end(streamAborted('this side', reason))
  }

  #end(failure: TalosError | undefined): void {
    this.#over = true
    this.#failure = failure
    this.#node.finish()
  }
}
