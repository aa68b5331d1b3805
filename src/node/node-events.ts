import type { NodeEvent } from './control/methods.ts'

/** Tells what happens at a node. Who begins to listen hears first what each server has of it. */
export class NodeEvents {
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  readonly #registrations = new Map<string, NodeEvent>()

  tell(event: NodeEvent): void {
    if (event.type === 'registered' || event.type === 'not-registered') this.#registrations.set(event.server, event)
    for (const listener of this.#listeners) listener(event)
  }

  /** Returns the function that ends it. */
  listen(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    // not before the caller has returned from where it began to listen
    const known = [...this.#registrations.values()]
    setImmediate(() => {
      if (this.#listeners.has(listener)) for (const event of known) listener(event)
    })
    return () => this.#listeners.delete(listener)
  }
}
