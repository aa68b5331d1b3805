import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

type Message = Parameters<StdioServerTransport['send']>[0]
type RequestId = string | number

interface Expected {
  written: () => Promise<void>
  lost: () => Promise<void>
}

/** What is done when an answer has been written to the agent's program, or will not be: it was cancelled, or the program is gone. */
export class Answers {
  readonly #expected = new Map<RequestId, Expected>()
  readonly #work = new Set<Promise<void>>()

  /** @param signal of the request: no answer is written once it is aborted */
  expect(id: RequestId, signal: AbortSignal, { written, lost }: Expected): void {
    const onAbort = (): void => this.#settle(id, false)
    signal.addEventListener('abort', onAbort, { once: true })
    const done = (work: () => Promise<void>) => async (): Promise<void> => {
      signal.removeEventListener('abort', onAbort)
      await work()
    }
    this.#expected.set(id, { written: done(written), lost: done(lost) })
    if (signal.aborted) onAbort()
  }

  /** Standard input and output. */
  transport(): StdioServerTransport {
    const onSent = (message: Message, isWritten: boolean): void => {
      if ('id' in message && message.id !== undefined && !('method' in message)) this.#settle(message.id, isWritten)
    }
    return new (class extends StdioServerTransport {
      override async send(message: Message): Promise<void> {
        try {
          await super.send(message)
        } catch (error) {
          onSent(message, false)
          throw error
        }
        onSent(message, true)
      }
    })()
  }

  /** No more answers are written. Resolves when all has been done for those that were. */
  async close(): Promise<void> {
    for (const id of [...this.#expected.keys()]) this.#settle(id, false)
    await Promise.all(this.#work)
  }

  #settle(id: RequestId, isWritten: boolean): void {
    const expected = this.#expected.get(id)
    if (expected === undefined) return
    this.#expected.delete(id)
    const work = isWritten ? expected.written() : expected.lost()
    // a node that has gone: what was not acknowledged is given out again
    const done = work.catch(() => {}).then(() => void this.#work.delete(done))
    this.#work.add(done)
  }
}
