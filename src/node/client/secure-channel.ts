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
  /** A message that came after its receive() had given up. */
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

  /** The next message. Throws MESSAGE_TIMEOUT after `timeout` milliseconds (@default for ever), CHANNEL_CLOSED. */
  async receive(options: { timeout?: number } & CallOptions = {}): Promise<ReceivedMessage> {
    this.#messages ??= this.#client.messages({ peer: this.peer, signal: this.#over.signal })
    this.#pending ??= this.#messages.next()
    const signals = [this.#over.signal, ...(options.signal === undefined ? [] : [options.signal])]
    const timeout = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout)
    if (timeout !== undefined) signals.push(timeout)
    const given = await firstOf(this.#pending, AbortSignal.any(signals), timeout)
    this.#pending = undefined
    if (given.done === true) throw closed()
    await given.value.ack(options)
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
