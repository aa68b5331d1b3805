import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError, TalosError } from '../../errors.ts'
import { type MethodName, type NodeApi, type NodeEvent, ONCE } from '../control/methods.ts'
import { type JoinedNode, type JoinOptions, joinNode } from '../join.ts'
import { NodeEvents } from '../node-events.ts'

/** How long the node is left to who has asked for it, before this process becomes it again. Milliseconds. */
const PATIENCE = 500

/** A call that finds the node gone waits so long for the end of the connection to show. Milliseconds. */
const END_SEEN_WITHIN = 1_000

type Params<Name extends MethodName> = Parameters<NodeApi[Name]>[0]
type Result<Name extends MethodName> = Awaited<ReturnType<NodeApi[Name]>>

/**
 * Stays with the node of a data directory whoever runs it: when the process that was the node ends, or this one is asked to leave
 * it to another, the next call attaches to another, or becomes the node. A call that was under way is made again, unless that
 * could do a thing twice.
 */
export class NodeLink implements AsyncDisposable {
  #options: JoinOptions
  readonly #events = new NodeEvents()
  readonly #closed = new AbortController()
  /** What is being done with the node; called when it ends. */
  readonly #waiting = new Set<(reason: Error) => void>()
  #node: JoinedNode | undefined
  #joining: Promise<JoinedNode> | undefined
  /** The end of the node in this process, which was asked for. */
  #leaving: Promise<void> | undefined

  constructor(options: JoinOptions) {
    this.#options = options
  }

  /** The node, joined now if it is not yet. Throws as joinNode(), and the reason of the signal. */
  async node(signal?: AbortSignal): Promise<JoinedNode> {
    this.#joining ??= this.#join()
    return signal === undefined ? this.#joining : unlessAborted(this.#joining, signal)
  }

  async call<Name extends MethodName>(name: Name, params: Params<Name>, signal?: AbortSignal): Promise<Result<Name>> {
    return this.#do(
      node => {
        const call = node.api[name] as (
          params: Params<Name>,
          context: { signal?: AbortSignal }
        ) => Promise<Result<Name>>
        return call.call(node.api, params, signal === undefined ? {} : { signal })
      },
      { isOnce: ONCE.has(name), signal }
    )
  }

  /** Does `work` with the node, and again with the next one when it ends meanwhile. Throws as node(), and what `work` throws. */
  use<T>(work: (node: JoinedNode) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#do(work, { isOnce: false, signal })
  }

  async #do<T>(
    work: (node: JoinedNode) => Promise<T>,
    { isOnce, signal }: { isOnce: boolean; signal: AbortSignal | undefined }
  ): Promise<T> {
    for (;;) {
      const node = await this.node(signal)
      try {
        return await (isOnce ? work(node) : this.#unlessLost(work(node)))
      } catch (error) {
        // the node in this process says for sure that it was not done
        const isLost = isTalosError(error, 'NODE_GONE') || isTalosError(error, 'STORAGE_CLOSED')
        if (!isLost || this.#closed.signal.aborted || signal?.aborted === true) throw error
        if (isOnce && node.own === undefined) throw unanswered()
        await Promise.race([node.ended, delay(END_SEEN_WITHIN, undefined, { ref: false })])
      }
    }
  }

  /** For what goes on until somebody has had enough of it: aborted by the signal, and when the link is closed. */
  whileOpen(signal?: AbortSignal): AbortSignal {
    const closed = this.#closed.signal
    return signal === undefined ? closed : AbortSignal.any([signal, closed])
  }

  /** Hears what happens at the node, whichever process it is in. Returns the function that ends it. */
  onEvent(listener: (event: NodeEvent) => void): () => void {
    return this.#events.listen(listener)
  }

  async #unlessLost<T>(work: Promise<T>): Promise<T> {
    const lost = Promise.withResolvers<never>()
    this.#waiting.add(lost.reject)
    try {
      return await Promise.race([work, lost.promise])
    } finally {
      this.#waiting.delete(lost.reject)
    }
  }

  async #join(): Promise<JoinedNode> {
    try {
      const leaving = this.#leaving
      this.#leaving = undefined
      await leaving
      const { signal } = this.#options
      const node = await joinNode({
        ...this.#options,
        ...(leaving === undefined ? {} : { patience: PATIENCE }),
        signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
      })
      // what is for the first time: the signal may be one of a few seconds, and the link is for as long as the program likes
      const { first: _, opening: __, signal: ___, ...options } = this.#options
      this.#options = options
      node.own?.opened.then(
        // to become it again, nothing is asked a second time
        ({ wallet }) => {
          this.#options = { ...options, wallet: Promise.resolve(wallet) }
        },
        error => this.#left(node, isTalosError(error, 'STORAGE_LOCKED') ? gone() : (error as Error))
      )
      node.api.onEvent(event => this.#events.tell(event))
      void node.ended.then(() => this.#left(node, gone()))
      this.#node = node
      return node
    } catch (error) {
      this.#joining = undefined
      throw error
    }
  }

  #left(node: JoinedNode, reason: Error): void {
    if (this.#closed.signal.aborted || this.#node !== node) return
    this.#node = undefined
    this.#joining = undefined
    if (node.own !== undefined) this.#leaving = leave(node)
    for (const lose of this.#waiting) lose(reason)
    // who listens looks again, and becomes the node if nobody else is
    this.#events.tell({ type: 'node-changed' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(gone())
    const node = await this.#joining?.catch(() => undefined)
    await node?.[Symbol.asyncDispose]()
    await this.#leaving
  }
}

async function leave(node: JoinedNode): Promise<void> {
  await node[Symbol.asyncDispose]()
}

function unanswered(): TalosError {
  return new TalosError('NODE_GONE', 'the node ended before it said whether that was done', {
    hint: 'Look before you try again: "talos history" shows what was sent.'
  })
}

function gone(): TalosError {
  return new TalosError('NODE_GONE', 'the node that ran here has ended', { hint: 'Try again.' })
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
