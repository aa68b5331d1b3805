import type { Connection } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { decodeResponse, encodeStatus, fault, own, statusOf } from './codec.ts'
import {
  CHAIN_PROTOCOL,
  MAX_BLOCKS,
  MAX_FRAME_LENGTH,
  MAX_HEADERS,
  MAX_PIECE,
  POSITION_LENGTH,
  STATUS
} from './constants.ts'
import { type ChainStatus as ChainStatusPb, Request, type Response } from './pb/chain.ts'
import type { ChainStatus, RecordPage } from './types.ts'

/** How long a stream may take to open. Milliseconds. */
const OPEN_TIMEOUT = 10_000
/** How long a peer may take to answer what it must look up. Milliseconds. */
const ANSWER_TIMEOUT = 10_000
/** How long a peer that sends blocks may pause before others are asked. Milliseconds. */
const STALL_TIMEOUT = 2_000
const SIGNED_HEADER_LENGTH = 228

export interface ChainLinkOptions {
  /** Milliseconds. @default 10,000 */
  answerTimeout?: number
  /** Milliseconds. @default 2,000 */
  stallTimeout?: number
}

/** A block that is asked for: its length follows from its header. */
export interface WantedBlock {
  hash: Uint8Array
  length: number
}

type Asked = Omit<Partial<Request>, 'chain'>

/**
 * A stream of /talos/chain/1.0.0 to a peer, for one chain: one request at a time, others wait for it. An error that is not a refusal
 * ends it.
 *
 * All throw CHAIN_PEER_UNREACHABLE, CHAIN_PEER_STALLED, CHAIN_PEER_FAULT (nobody who keeps to the protocol does that), CHAIN_PEER_BUSY
 * (with the milliseconds to wait in `retryAfter`), CHAIN_PEER_REFUSED, and the reason of the signal.
 */
export class ChainLink {
  readonly #frames: FrameStream
  readonly #chain: Uint8Array
  readonly #options: Required<ChainLinkOptions>
  #turn: Promise<unknown> = Promise.resolve()
  #failure: Error | undefined

  private constructor(frames: FrameStream, chain: Uint8Array, options: ChainLinkOptions) {
    this.#frames = frames
    this.#chain = chain
    this.#options = { answerTimeout: ANSWER_TIMEOUT, stallTimeout: STALL_TIMEOUT, ...options }
  }

  /** @throws CHAIN_PEER_UNSUPPORTED, CHAIN_PEER_UNREACHABLE, and the reason of the signal */
  static async open(
    connection: Connection,
    chain: Uint8Array,
    signal: AbortSignal,
    options: ChainLinkOptions = {}
  ): Promise<ChainLink> {
    try {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(OPEN_TIMEOUT)])
      const stream = await connection.newStream(CHAIN_PROTOCOL, { signal: bounded, runOnLimitedConnection: true })
      return new ChainLink(new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH }), chain, options)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof Error && cause.name === 'UnsupportedProtocolError') {
        throw new TalosError('CHAIN_PEER_UNSUPPORTED', 'the peer keeps no chain that others share', { cause })
      }
      throw unreachable(cause)
    }
  }

  get isOpen(): boolean {
    return this.#failure === undefined && this.#frames.stream.status === 'open'
  }

  /** CHAIN_STATUS: tells where our chain ends, and learns where the peer's does. */
  status(ours: ChainStatus, signal: AbortSignal): Promise<ChainStatus> {
    return this.#alone(async () => {
      const { chainStatus } = await this.#ask({ status: encodeStatus(ours) as ChainStatusPb }, signal)
      if (chainStatus === undefined) throw fault('an answer has no status')
      return statusOf(chainStatus)
    }, signal)
  }

  /** GET_HEADERS: of the blocks after the first of `locator` (1 to 32 hashes) that the peer has, at most 2,000; 228 bytes each. */
  headers(
    locator: readonly Uint8Array[],
    signal: AbortSignal,
    max = MAX_HEADERS
  ): Promise<{ height: number; headers: Uint8Array[] }> {
    return this.#alone(async () => {
      const { headers: answer } = await this.#ask({ getHeaders: { locator: locator.map(own), max } }, signal)
      const { height, headers: bytes } = answer ?? { height: 0, headers: new Uint8Array() }
      const count = bytes.length / SIGNED_HEADER_LENGTH
      if (!Number.isInteger(count) || count > max) throw fault('an answer has other headers than were asked for')
      const headers = Array.from({ length: count }, (_, at) =>
        bytes.subarray(at * SIGNED_HEADER_LENGTH, (at + 1) * SIGNED_HEADER_LENGTH)
      )
      return { height, headers }
    }, signal)
  }

  /**
   * CHAIN_REQUEST: blocks (1 to 64) in the order in which they are named, each handed over as it comes. How many came: fewer than were
   * asked for when the peer has not got the next, or sends no more for now.
   */
  blocks(wanted: readonly WantedBlock[], onBlock: (block: Uint8Array, at: number) => void, signal: AbortSignal) {
    return this.#alone(() => this.#blocks(wanted.slice(0, MAX_BLOCKS), onBlock, signal), signal)
  }

  /** GET_MERKLE_PROOF: that a record is in the first `size` blocks; undefined when the peer cannot prove it. To be verified. */
  proof(record: Uint8Array, size: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#alone(async () => {
      const response = await this.#ask({ getProof: { record: own(record), size } }, signal, true)
      return response.status === STATUS.notFound ? undefined : own(response.proof)
    }, signal)
  }

  /** GET_RECORDS: what waits at the peer for a block, page by page. To be verified. */
  records(after: Uint8Array, signal: AbortSignal): Promise<RecordPage> {
    return this.#alone(async () => {
      const { records: page } = await this.#ask({ getRecords: { after: own(after) } }, signal)
      const next = page?.next.length === POSITION_LENGTH ? page.next : undefined
      // a list that turns back would be read for ever
      if (next !== undefined && Buffer.compare(next, after) <= 0) throw fault('a list of records turns back')
      return { records: page?.records ?? [], next, evidence: page?.evidence ?? [] }
    }, signal)
  }

  async close(): Promise<void> {
    this.#failure ??= unreachable(new Error('it was closed'))
    await this.#frames.finish(AbortSignal.timeout(OPEN_TIMEOUT)).catch(() => {})
  }

  abort(reason: Error): void {
    this.#failure ??= unreachable(reason)
    this.#frames.abort(reason)
  }

  async #blocks(
    wanted: readonly WantedBlock[],
    onBlock: (block: Uint8Array, at: number) => void,
    signal: AbortSignal
  ): Promise<number> {
    let held: Uint8Array[] = []
    let length = 0
    let done = 0
    await this.#write({ blocks: { hashes: wanted.map(({ hash }) => own(hash)) } }, signal)
    while (done < wanted.length) {
      const { status, blocks, retryAfter } = await this.#read(signal, this.#options.stallTimeout)
      if (status === STATUS.notFound || status === STATUS.rateLimited) {
        if (length > 0) throw fault('a block is cut off')
        if (done === 0 && status === STATUS.rateLimited) throw busy(retryAfter)
        return done
      }
      refuse(status)
      const data = blocks?.data ?? new Uint8Array()
      if (data.length === 0 || data.length > MAX_PIECE) throw fault('a piece of blocks is empty or too long')
      held.push(data)
      length += data.length
      while (done < wanted.length && length >= wanted[done]!.length) {
        const whole = held.length === 1 ? held[0]! : Buffer.concat(held)
        const end = wanted[done]!.length
        onBlock(whole.subarray(0, end), done++)
        held = length === end ? [] : [whole.subarray(end)]
        length -= end
      }
    }
    if (length > 0) throw fault('more blocks come than were asked for')
    return done
  }

  async #ask(asked: Asked, signal: AbortSignal, mayMiss = false): Promise<Response> {
    await this.#write(asked, signal)
    const response = await this.#read(signal, this.#options.answerTimeout)
    if (response.status === STATUS.rateLimited) throw busy(response.retryAfter)
    if (!(mayMiss && response.status === STATUS.notFound)) refuse(response.status)
    return response
  }

  #write(asked: Asked, signal: AbortSignal): Promise<void> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(this.#options.answerTimeout)])
    return this.#frames.write(Request.encode({ ...asked, chain: own(this.#chain) }), bounded)
  }

  async #read(signal: AbortSignal, patience: number): Promise<Response> {
    const timeout = AbortSignal.timeout(patience)
    try {
      const frame = await this.#frames.read(AbortSignal.any([signal, timeout]))
      if (frame === undefined) throw unreachable(new Error('it closed the stream'))
      return decodeResponse(frame)
    } catch (cause) {
      signal.throwIfAborted()
      if (timeout.aborted) throw new TalosError('CHAIN_PEER_STALLED', 'the peer did not answer in time', { cause })
      throw cause
    }
  }

  async #alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#turn.then(async () => {
      signal.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure
      try {
        return await work()
      } catch (error) {
        // what was refused leaves the stream as it was
        if (isTalosError(error, 'CHAIN_PEER_BUSY') || isTalosError(error, 'CHAIN_PEER_REFUSED')) throw error
        this.#failure = signal.aborted ? (error as Error) : asPeerError(error)
        this.#frames.abort(this.#failure)
        throw this.#failure
      }
    })
    this.#turn = turn.catch(() => {})
    return turn
  }
}

/** A peer that sends no more for now. */
class BusyError extends TalosError {
  /** Milliseconds. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super('CHAIN_PEER_BUSY', 'the peer sends no more for now', { hint: 'Try again in some seconds.' })
    this.retryAfter = Math.min(Math.max(retryAfter, 100), 60_000)
  }
}

const busy = (retryAfter: number): TalosError => new BusyError(retryAfter)

/** How long a peer that is busy wants to be left alone; undefined for other errors. Milliseconds. */
export const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof BusyError ? error.retryAfter : undefined

const REFUSALS: Record<number, string> = {
  [STATUS.malformed]: 'it could not read the request',
  [STATUS.unknownRequest]: 'it does not know this request',
  [STATUS.unknownChain]: 'it keeps another chain',
  [STATUS.notFound]: 'it has not got that',
  [STATUS.internal]: 'it could not read its chain'
}

function refuse(status: number): void {
  if (status === STATUS.ok) return
  throw new TalosError('CHAIN_PEER_REFUSED', `the peer refuses: ${REFUSALS[status] ?? `status ${status}`}`)
}

function unreachable(cause: unknown): TalosError {
  // libp2p rejects with events, too
  const why = cause instanceof Error ? cause.message : 'the connection broke'
  return new TalosError('CHAIN_PEER_UNREACHABLE', `cannot ask the peer for its chain: ${why}`, { cause })
}

function asPeerError(error: unknown): Error {
  if (isTalosError(error) && /^CHAIN_PEER_/.test(error.code)) return error
  if (isTalosError(error, 'NETWORK_FRAME_TOO_LARGE') || isTalosError(error, 'NETWORK_FRAME_MALFORMED')) {
    return fault(error.message, error)
  }
  return unreachable(error)
}
