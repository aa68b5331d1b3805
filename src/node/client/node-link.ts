import { isTalosError, TalosError } from '../../errors.ts'
import { type MethodName, type NodeApi, type NodeEvent, ONCE } from '../control/methods.ts'
import type { JoinedNode, JoinOptions } from '../join.ts'

type Params<Name extends MethodName> = Parameters<NodeApi[Name]>[0]
type Result<Name extends MethodName> = Awaited<ReturnType<NodeApi[Name]>>

/**
 * Stays with the node of a data directory whoever runs it: when the process that was the node ends, the next call attaches to
 * another, or becomes the node. A call that was under way is made again, unless that could do a thing twice.
 */
export class NodeLink implements AsyncDisposable {
  readonly #options: JoinOptions
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  #joining: Promise<JoinedNode> | undefined
  #closed = false

  constructor(options: JoinOptions) {
    this.#options = options
  }

  /** The node, joined now if it is not yet. Throws as joinNode(). */
  async node(): Promise<JoinedNode> {
    this.#joining ??= this.#join()
    return this.#joining
  }

  async call<Name extends MethodName>(name: Name, params: Params<Name>, signal?: AbortSignal): Promise<Result<Name>> {
    for (;;) {
      const node = await this.node()
      const call = node.api[name] as (params: Params<Name>, context: { signal?: AbortSignal }) => Promise<Result<Name>>
      try {
        return await call.call(node.api, params, signal === undefined ? {} : { signal })
      } catch (error) {
        if (!isTalosError(error, 'NODE_GONE') || node.own !== undefined || this.#closed) throw error
        if (ONCE.has(name)) {
          throw new TalosError('NODE_GONE', 'the node ended before it said whether that was done', {
            hint: 'Look before you try again: "talos history" shows what was sent.'
          })
        }
      }
    }
  }

  /** Hears what happens at the node, whichever process it is in. Returns the function that ends it. */
  onEvent(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #join(): Promise<JoinedNode> {
    try {
      const { joinNode } = await import('../join.ts')
      const node = await joinNode(this.#options)
      node.api.onEvent(event => this.#tell(event))
      void node.ended.then(() => this.#left(node))
      return node
    } catch (error) {
      this.#joining = undefined
      throw error
    }
  }

  /** The node is gone: who listens looks again, and becomes the node if nobody else is. */
  #left(node: JoinedNode): void {
    if (this.#closed || node.own !== undefined) return
    this.#joining = undefined
    this.#tell({ type: 'node-changed' })
  }

  #tell(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const node = await this.#joining?.catch(() => undefined)
    await node?.[Symbol.asyncDispose]()
  }
}
