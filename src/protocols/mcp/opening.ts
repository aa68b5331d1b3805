import type { Message } from './message.ts'
import { withId } from './splice.ts'

/**
 * What the agent said to open its session (eras up to 2025-11-25), kept so that it can be said again to a server that was
 * started anew. Only `initialize` and `notifications/initialized` are repeated: subscriptions and the log level are not.
 */
export class Opening {
  #request: { line: Uint8Array; message: Message } | undefined
  #answered = false
  #initialized: Uint8Array | undefined

  /** True when the server has accepted `initialize`: a new one must hear it before anything else. */
  get complete(): boolean {
    return this.#answered
  }

  /** The `initialize` that waits for its answer. */
  get unanswered(): Uint8Array | undefined {
    return this.#answered ? undefined : this.#request?.line
  }

  /** Looks at a line on its way to the server. */
  sent(line: Uint8Array, message: Message): void {
    if (message.method === 'initialize' && message.kind === 'request') {
      // a copy: the line is a view on a chunk that would live on with it
      this.#request = { line: Uint8Array.from(line), message }
      this.#answered = false
      this.#initialized = undefined
    } else if (message.method === 'notifications/initialized') this.#initialized = Uint8Array.from(line)
  }

  /** The server has answered the request `initialize`. */
  answered(accepted: boolean): void {
    if (accepted) this.#answered = this.#request !== undefined
    else this.#request = undefined
  }

  /** The lines to repeat: `initialize` under another id (raw JSON), and what follows when that was answered. */
  repeat(id: string): { initialize: Uint8Array; initialized: Uint8Array | undefined } {
    const { line, message } = this.#request!
    return {
      initialize: withId(line, message, id),
      initialized: this.#initialized
    }
  }
}
