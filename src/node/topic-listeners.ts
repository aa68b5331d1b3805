/** The topics that clients of this node listen to: each is left when the last of them has left it. */
export class TopicListeners {
  readonly #join: (topic: string) => void
  readonly #leave: (topic: string) => void
  /** How often each client has joined a topic. */
  readonly #topics = new Map<string, Map<symbol, number>>()

  /** @param join called with the first listener of a topic; what it throws, add() throws. @param leave called with the last one */
  constructor(join: (topic: string) => void, leave: (topic: string) => void) {
    this.#join = join
    this.#leave = leave
  }

  add(topic: string, client: symbol): void {
    const clients = this.#topics.get(topic)
    if (clients === undefined) {
      this.#join(topic)
      this.#topics.set(topic, new Map([[client, 1]]))
    } else {
      clients.set(client, (clients.get(client) ?? 0) + 1)
    }
  }

  /** Takes one add() of this client back; nothing when there is none. */
  remove(topic: string, client: symbol): void {
    const times = this.#topics.get(topic)?.get(client)
    if (times === undefined) return
    if (times > 1) this.#topics.get(topic)!.set(client, times - 1)
    else this.#drop(topic, client)
  }

  /** The client is gone, and whatever it had joined. */
  release(client: symbol): void {
    for (const [topic, clients] of this.#topics) if (clients.has(client)) this.#drop(topic, client)
  }

  #drop(topic: string, client: symbol): void {
    const clients = this.#topics.get(topic)!
    clients.delete(client)
    if (clients.size > 0) return
    this.#topics.delete(topic)
    this.#leave(topic)
  }
}
