export interface DemandLimits {
  /** Topics in all. Every agent is told all of them, and its gossipsub keeps about 1,000 of a peer. */
  maxTopics: number
  /** Topics of one peer. */
  maxTopicsPerPeer: number
}

/**
 * Which topics a forwarder joins: those that peers connected to it listen to, within limits. A topic above maxTopics waits until
 * another has lost its last listener; the first to ask is the first to be served.
 */
export class Demand {
  readonly #limits: DemandLimits
  readonly #join: (topic: string) => void
  readonly #leave: (topic: string) => void
  /** In the order in which they were asked for. */
  readonly #listeners = new Map<string, Set<string>>()
  readonly #byPeer = new Map<string, Set<string>>()
  readonly #joined = new Set<string>()

  constructor(limits: DemandLimits, join: (topic: string) => void, leave: (topic: string) => void) {
    this.#limits = limits
    this.#join = join
    this.#leave = leave
  }

  get joined(): ReadonlySet<string> {
    return this.#joined
  }

  add(peer: string, topic: string): void {
    const topics = this.#byPeer.get(peer) ?? new Set()
    if (topics.has(topic) || topics.size >= this.#limits.maxTopicsPerPeer) return
    this.#byPeer.set(peer, topics.add(topic))
    this.#listeners.set(topic, (this.#listeners.get(topic) ?? new Set()).add(peer))
    this.#serve(topic)
  }

  remove(peer: string, topic: string): void {
    const topics = this.#byPeer.get(peer)
    if (topics?.delete(topic) !== true) return
    if (topics.size === 0) this.#byPeer.delete(peer)
    const listeners = this.#listeners.get(topic)!
    listeners.delete(peer)
    if (listeners.size > 0) return
    this.#listeners.delete(topic)
    if (!this.#joined.delete(topic)) return
    this.#leave(topic)
    for (const waiting of this.#listeners.keys()) this.#serve(waiting)
  }

  removePeer(peer: string): void {
    for (const topic of [...(this.#byPeer.get(peer) ?? [])]) this.remove(peer, topic)
  }

  #serve(topic: string): void {
    if (this.#joined.size >= this.#limits.maxTopics || this.#joined.has(topic)) return
    this.#joined.add(topic)
    this.#join(topic)
  }
}
