import type { Socket } from 'node:net'
import type { MessageConnection } from 'vscode-jsonrpc/node'
import type * as z from 'zod/mini'
import { MAX_REASON_LENGTH } from '../../protocols/streams/constants.ts'
import type { IncomingStream, OutgoingStream } from '../../protocols/streams/index.ts'
import { type OfferedStream, offerOver } from '../streams/stream-policy.ts'
import type { NodeStreams } from '../streams/types.ts'
import { tell } from './connection.ts'
import {
  type STREAM_METHODS,
  STREAM_OFFER_OVER,
  STREAM_OFFERED,
  type StreamMethod,
  type StreamOffered
} from './stream-methods.ts'
import { MAX_UNANSWERED, PART, StreamSocket } from './stream-parts.ts'
import type { Tickets } from './tickets.ts'

type Params<Name extends StreamMethod> = z.output<(typeof STREAM_METHODS)[Name]>

/** What the peer is told when the program at the other end of the control socket, or this node, ends in the middle. */
const PROGRAM_GONE = 'its program has ended'

/** The node's end of the streams of one process: what its control connection asks for. */
export class StreamClient {
  readonly #streams: NodeStreams
  readonly #tickets: Tickets
  readonly #connection: MessageConnection
  readonly #offers = new Map<number, OfferedStream>()
  #lastOffer = 0
  #leave: Promise<() => void> | undefined

  constructor(streams: NodeStreams, tickets: Tickets, connection: MessageConnection) {
    this.#streams = streams
    this.#tickets = tickets
    this.#connection = connection
  }

  /** The process is gone: it decides nothing more. */
  end(): void {
    void this.#leave?.then(leave => leave()).catch(() => {})
    this.#leave = undefined
    this.#offers.clear()
  }

  readonly methods: { [Name in StreamMethod]: (params: Params<Name>, signal: AbortSignal) => Promise<unknown> } = {
    openStream: async ({ peer, codec, priority, label }, signal) => {
      const stream = await this.#streams.open(peer, {
        ...(codec === undefined ? {} : { codec }),
        ...(priority === undefined ? {} : { priority }),
        ...(label === undefined ? {} : { label }),
        signal
      })
      const ticket = await this.#ticket(stream, signal, socket => carryOutgoing(socket, stream))
      const { peer: at, codec: used, priority: given, label: said } = stream
      return { ticket, peerId: at.toString(), codec: used, priority: given, label: said }
    },
    decideStreams: async () => {
      this.#leave ??= this.#streams.onOffer(offer => this.#offered(offer))
      await this.#leave
    },
    leaveStreams: async () => this.end(),
    acceptStream: async ({ offer }, signal) => {
      const stream = await this.#take(offer).accept({ signal })
      return { ticket: await this.#ticket(stream, signal, socket => carryIncoming(socket, stream)) }
    },
    refuseStream: async ({ offer }) => this.#take(offer).refuse()
  }

  #offered(offer: OfferedStream): void {
    const { peer: peerId, codec, priority, label } = offer
    const number = ++this.#lastOffer
    this.#offers.set(number, offer)
    offer.signal.addEventListener(
      'abort',
      () => {
        if (this.#offers.delete(number)) tell(this.#connection, STREAM_OFFER_OVER, { offer: number })
      },
      { once: true }
    )
    tell(this.#connection, STREAM_OFFERED, { offer: number, peerId, codec, priority, label } satisfies StreamOffered)
  }

  #take(number: number): OfferedStream {
    const offer = this.#offers.get(number)
    this.#offers.delete(number)
    if (offer === undefined) throw offerOver()
    return offer
  }

  async #ticket(
    stream: IncomingStream | OutgoingStream,
    signal: AbortSignal,
    carry: (socket: Socket) => Promise<void>
  ): Promise<string> {
    if (signal.aborted) {
      await stream.abort(PROGRAM_GONE)
      throw signal.reason
    }
    return this.#tickets.issue(
      socket => void carry(socket),
      () => void stream.abort(PROGRAM_GONE)
    )
  }
}

/** Writes what the process sends. Its abort, and its end, take effect also while a write waits for the reader. */
async function carryOutgoing(socket: Socket, stream: OutgoingStream): Promise<void> {
  const process = new StreamSocket(socket)
  let reason = PROGRAM_GONE
  let waiting = 0
  const inTurn = (work: Promise<void>): void => {
    waiting++
    work.then(
      () => {
        waiting--
        process.send(PART.done)
      },
      error => {
        process.sendError(error)
        process.finish()
      }
    )
  }
  try {
    for await (const { type, body } of process.parts()) {
      if (type === PART.bytes && waiting < MAX_UNANSWERED) inTurn(stream.write(body))
      else if (type === PART.end) inTurn(stream.end())
      else {
        if (type === PART.abort) reason = reasonOf(body)
        break
      }
    }
  } catch {
    // what comes is no part: as good as gone
  }
  // of one that was ended nothing is left to be given up
  await stream.abort(reason)
  process.finish()
}

/** Hands on what comes as the process takes it. */
async function carryIncoming(socket: Socket, stream: IncomingStream): Promise<void> {
  const process = new StreamSocket(socket)
  void giveUpWith(process, stream)
  try {
    for await (const block of stream) {
      if (!(await process.sendBytes(block))) break
    }
    process.send(PART.end)
  } catch (error) {
    process.sendError(error)
  }
  process.finish()
}

async function giveUpWith(process: StreamSocket, stream: IncomingStream): Promise<void> {
  let reason = PROGRAM_GONE
  try {
    for await (const { type, body } of process.parts()) {
      if (type === PART.abort) reason = reasonOf(body)
      break
    }
  } catch {
    // what comes is no part: as good as gone
  }
  process.stop()
  // of one that was read to its end nothing is left to be given up
  await stream.abort(reason)
}

function reasonOf(body: Uint8Array): string {
  return new TextDecoder().decode(body).slice(0, MAX_REASON_LENGTH)
}
