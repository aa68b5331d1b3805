import type { Connection } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream } from '../framing/index.ts'
import { decodeResponse, invalidAnswer } from './codec.ts'
import { MAILBOX_PROTOCOL, MAX_FRAME_LENGTH, STATUS } from './constants.ts'
import { Request, type Response } from './pb/mailbox.ts'

/** How long a mailbox may take to answer, in milliseconds. */
const ANSWER_TIMEOUT = 20_000
/** How long a stream may take to open and to close, in milliseconds. */
const STREAM_TIMEOUT = 10_000
/** Longest message of a mailbox that is shown. */
const MAX_MESSAGE = 200

/** A stream to a mailbox: requests in any number, answered in order, and news in between. */
export class MailboxLink {
  readonly #frames: FrameStream
  readonly #pending: Array<PromiseWithResolvers<Response>> = []
  #writing: Promise<void> = Promise.resolve()
  #hasNews = false
  #onNews: (() => void) | undefined
  #failure: TalosError | undefined

  private constructor(frames: FrameStream) {
    this.#frames = frames
    void this.#read()
  }

  /** Throws MAILBOX_UNSUPPORTED, MAILBOX_UNREACHABLE, and the reason of the signal. */
  static async open(connection: Connection, signal: AbortSignal): Promise<MailboxLink> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(STREAM_TIMEOUT)])
    try {
      const stream = await connection.newStream(MAILBOX_PROTOCOL, { signal: bounded, runOnLimitedConnection: true })
      return new MailboxLink(new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH }))
    } catch (cause) {
      signal.throwIfAborted()
      throw asMailboxError(cause)
    }
  }

  get isOpen(): boolean {
    return this.#failure === undefined
  }

  /**
   * The answer to a request, whatever its status. Throws MAILBOX_UNREACHABLE when the stream breaks or the answer takes too
   * long, MAILBOX_ANSWER_INVALID; the link is of no use afterwards.
   */
  async ask(request: Request): Promise<Response> {
    const answer = Promise.withResolvers<Response>()
    // who waits for the write finds out first
    answer.promise.catch(() => {})
    const written = this.#writing.then(async () => {
      if (this.#failure !== undefined) throw this.#failure
      this.#pending.push(answer)
      await this.#frames.write(Request.encode(request), AbortSignal.timeout(ANSWER_TIMEOUT))
    })
    this.#writing = written.catch(() => {})
    let timer: NodeJS.Timeout | undefined
    try {
      await written
      timer = setTimeout(() => this.#fail(new Error('it did not answer in time')), ANSWER_TIMEOUT)
      return await answer.promise
    } catch (error) {
      this.#fail(error)
      throw this.#failure
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves when something has come since the last time, or after so many milliseconds. Throws as ask(). */
  async news(milliseconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#hasNews) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onNews = resolve
      const timer = setTimeout(resolve, milliseconds)
      const onAbort = (): void => resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      await promise
      signal.removeEventListener('abort', onAbort)
      clearTimeout(timer)
    }
    this.#hasNews = false
    signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return
    this.#failure = new TalosError('MAILBOX_UNREACHABLE', 'the connection to the mailbox was closed')
    await this.#frames.finish(AbortSignal.timeout(STREAM_TIMEOUT)).catch(() => {})
    this.#wakeAll(this.#failure)
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#frames.read()
        if (frame === undefined) throw new Error('it closed the stream')
        const response = decodeResponse(frame)
        if (response.news) {
          this.#hasNews = true
          this.#onNews?.()
          continue
        }
        const pending = this.#pending.shift()
        if (pending === undefined) throw invalidAnswer('nobody asked')
        pending.resolve(response)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = asMailboxError(cause)
    this.#frames.abort(this.#failure)
    this.#wakeAll(this.#failure)
  }

  #wakeAll(reason: TalosError): void {
    for (const { reject } of this.#pending.splice(0)) reject(reason)
    this.#onNews?.()
  }
}

/** Codes for the statuses of docs/spec/mailbox.md. */
const REFUSALS: Record<number, [code: string, what: string, hint?: string]> = {
  [STATUS.malformed]: ['MAILBOX_REFUSED', 'the mailbox could not read the request'],
  [STATUS.unknownRequest]: ['MAILBOX_UNSUPPORTED', 'the mailbox does not know this request'],
  [STATUS.unknownRecipient]: [
    'MAILBOX_UNKNOWN_RECIPIENT',
    'the recipient has no mailbox there',
    'It has one from when it connects to the mailbox until it stayed away for 21 days.'
  ],
  [STATUS.full]: [
    'MAILBOX_FULL',
    'the mailbox is full',
    'There is room again when the recipient has fetched, or boxes expire.'
  ],
  [STATUS.tooLarge]: ['MAILBOX_TOO_LARGE', 'the mailbox takes nothing that large'],
  [STATUS.expired]: ['MAILBOX_EXPIRED', 'it had expired when it reached the mailbox'],
  [STATUS.badBundle]: ['MAILBOX_REFUSED', 'the mailbox refused the prekey bundle'],
  [STATUS.internal]: ['MAILBOX_FAILED', 'the mailbox could not answer']
}

/** The error that a response stands for, or undefined for a success. */
export function refusalIn(response: Response): TalosError | undefined {
  if (response.status === STATUS.ok) return undefined
  if (response.status === STATUS.rateLimited) {
    return new TalosError('MAILBOX_RATE_LIMITED', 'the mailbox takes no more for now', {
      hint: `Try again in ${Math.max(1, Math.ceil(response.retryAfter / 1000))} s.`
    })
  }
  const [code, what, hint] = REFUSALS[response.status] ?? ['MAILBOX_REFUSED', 'the mailbox refused']
  const said = response.message.replace(/\p{C}/gu, '').slice(0, MAX_MESSAGE)
  return new TalosError(code, said === '' ? what : `${what}: ${said}`, hint === undefined ? {} : { hint })
}

export function asMailboxError(cause: unknown): TalosError {
  if (isTalosError(cause) && cause.code.startsWith('MAILBOX_')) return cause
  if (cause instanceof Error && cause.name === 'UnsupportedProtocolError') {
    return new TalosError('MAILBOX_UNSUPPORTED', 'the peer is no mailbox', { cause })
  }
  // libp2p rejects with events, too
  const why = cause instanceof Error ? cause.message : 'the connection broke'
  return new TalosError('MAILBOX_UNREACHABLE', `cannot reach the mailbox: ${why}`, { cause })
}
