import { TalosError } from '../../errors.ts'
import type { OutgoingMessage } from '../../protocols/messaging/index.ts'
import type { CallOptions, ReceivedMessage, SendOptions, TalosClient } from './talos-client.ts'

const JSON_TYPE = 'application/json'

/**
 * A conversation with one peer: what is sent goes to it, what is received comes from it. A received message is acknowledged
 * when it is handed out.
 */
export class SecureChannel implements AsyncDisposable {
  /** As it was given: a name, PeerId, did:key or hex key. */
  readonly peer: string
  readonly #client: TalosClient
  readonly #over = new AbortController()
  #messages: AsyncGenerator<ReceivedMessage, void> | undefined
  /** The last receive() is over, and those before it. */
  #last: Promise<void> = Promise.resolve()
  /** A message that came after its receive() had given up, or could not be acknowledged. */
  #pending: Promise<IteratorResult<ReceivedMessage, void>> | undefined

  constructor(client: TalosClient, peer: string) {
    this.#client = client
    this.peer = peer
  }

  send(content: string | Uint8Array, options: SendOptions = {}): Promise<OutgoingMessage> {
    this.#over.signal.throwIfAborted()
    return this.#client.send(this.peer, content, options)
  }

  sendJson(value: unknown, options: SendOptions = {}): Promise<OutgoingMessage> {
    return this.send(JSON.stringify(value), { contentType: JSON_TYPE, ...options })
  }

  /**
   * The next message; of several calls each gets another, in their order. Throws MESSAGE_TIMEOUT after `timeout` milliseconds
   * (@default for ever), CHANNEL_CLOSED, and the reason of the signal: then no message was taken.
   */
  async receive(options: { timeout?: number } & CallOptions = {}): Promise<ReceivedMessage> {
    const signals = [this.#over.signal, ...(options.signal === undefined ? [] : [options.signal])]
    const timeout = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout)
    if (timeout !== undefined) signals.push(timeout)
    const signal = AbortSignal.any(signals)
    const before = this.#last
    const turn = Promise.withResolvers<void>()
    this.#last = turn.promise
    try {
      await firstOf(before, signal, timeout)
      return await this.#next(signal, timeout)
    } finally {
      // who gives up does not let others pass
      void before.then(turn.resolve)
    }
  }

  async #next(signal: AbortSignal, timeout: AbortSignal | undefined): Promise<ReceivedMessage> {
    this.#messages ??= this.#client.messages({ peer: this.peer, signal: this.#over.signal })
    this.#pending ??= this.#messages.next()
    const given = await firstOf(this.#pending, signal, timeout).catch(error => {
      // a reader that has failed is over: the next call begins with another
      if (!signal.aborted) this.#messages = this.#pending = undefined
      throw error
    })
    if (given.done === true) throw closed()
    // whatever the signal says by now: it is handed out if this succeeds, and by the next call if not
    await given.value.ack()
    this.#pending = undefined
    return given.value
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage, void> {
    while (!this.#over.signal.aborted) {
      try {
        yield await this.receive()
      } catch (error) {
        if (this.#over.signal.aborted) return
        throw error
      }
    }
  }

  /** Nothing is lost: what was sent goes out, what arrives later waits in the inbox. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(closed())
    this.#pending?.catch(() => {})
    await this.#messages?.return()
  }
}

async function firstOf<T>(wanted: Promise<T>, signal: AbortSignal, timeout: AbortSignal | undefined): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    aborted.reject(
      timeout?.aborted === true ? new TalosError('MESSAGE_TIMEOUT', 'no message came in time') : signal.reason
    )
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([wanted, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function closed(): TalosError {
  return new TalosError('CHANNEL_CLOSED', 'the channel was closed')
}
