/** Which received messages are with which client of the node, so that two readers of one inbox do not get the same ones. */
export class InboxLeases {
  readonly #holders = new Map<string, symbol>()

  /** True, and the client's from now on, unless another has it. */
  claim(id: string, client: symbol): boolean {
    const holder = this.#holders.get(id)
    if (holder !== undefined && holder !== client) return false
    this.#holders.set(id, client)
    return true
  }

  /** The message is out of the inbox. */
  forget(id: string): void {
    this.#holders.delete(id)
  }

  /** The client is gone: others may have what it held. True when it held something. */
  release(client: symbol): boolean {
    const held = [...this.#holders].filter(([, holder]) => holder === client)
    for (const [id] of held) this.#holders.delete(id)
    return held.length > 0
  }
}
