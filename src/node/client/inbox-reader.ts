import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from '../../protocols/messaging/index.ts'
import type { NodeLink } from './node-link.ts'
import type { CallOptions, ReceivedMessage } from './talos-client.ts'

/**
 * One reader of the inbox: what it is given no other reader of the data directory gets, until it is acknowledged or the reader is
 * closed. It is given each message once, also when another process becomes the node.
 */
export class InboxReader {
  readonly #link: NodeLink
  readonly #query: { peer?: string; reader: string }
  /** Given out, and not acknowledged. */
  readonly #given = new Set<string>()
  readonly #stop: () => void
  #wake = Promise.withResolvers<void>()

  constructor(link: NodeLink, query: { peer?: string }) {
    this.#link = link
    this.#query = { ...query, reader: randomUUID() }
    this.#stop = link.onEvent(({ type }) => {
      if (type === 'message' || type === 'node-changed') this.#wake.resolve()
    })
  }

  /** The oldest messages that are free now, at most `limit`. */
  async free(limit: number, signal?: AbortSignal): Promise<ReceivedMessage[]> {
    for (;;) {
      const free = await this.#link.call('receive', { ...this.#query, limit }, signal)
      // a node that has just begun does not know what this reader has
      const fresh = free.filter(({ id }) => !this.#given.has(id))
      for (const { id } of fresh) this.#given.add(id)
      if (fresh.length > 0 || free.length === 0) return fresh.map(message => this.#received(message))
    }
  }

  /** The same, as soon as there is one; none when the signal is aborted. */
  async next(limit: number, signal: AbortSignal): Promise<ReceivedMessage[]> {
    const onAbort = (): void => this.#wake.resolve()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        this.#wake = Promise.withResolvers()
        const messages = await this.free(limit, signal)
        if (messages.length > 0) return messages
        await this.#wake.promise
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    return []
  }

  /** What was not acknowledged is free for others. */
  async close(): Promise<void> {
    this.#stop()
    // a node that ends forgets it by itself, and so it does when this process ends
    await this.#link.call('leaveInbox', { reader: this.#query.reader }).catch(() => {})
  }

  #received(message: IncomingMessage): ReceivedMessage {
    return {
      ...message,
      get text() {
        return new TextDecoder().decode(message.content)
      },
      ack: async ({ signal }: CallOptions = {}) => {
        await this.#link.call('take', { id: message.id }, signal)
        this.#given.delete(message.id)
      }
    }
  }
}
