/** How far a reader has come: what is before was given out. */
export interface Position {
  after?: string
}

interface Reader {
  /** Messages that it has, and where they are in the inbox. */
  held: Map<string, string>
  /** By what it asks for. */
  positions: Map<string, Position>
}

/**
 * Which received messages are with which reader, so that of two readers of one inbox none gets what the other has, and none gets
 * a message twice. A client of the node has as many readers as it gives names to.
 */
export class InboxLeases {
  readonly #readers = new Map<symbol, Map<string, Reader>>()
  /** By the message's id. */
  readonly #holders = new Map<string, Reader>()
  readonly #places = new Set<string>()

  isFree(place: string): boolean {
    return !this.#places.has(place)
  }

  /** Where a reader goes on that asks for `query`; from the beginning, when something before it has become free. */
  position(client: symbol, name: string, query: string): Position {
    const { positions } = this.#reader(client, name)
    const position = positions.get(query) ?? {}
    positions.set(query, position)
    return position
  }

  /** A message that is free is the reader's from now on. */
  claim(client: symbol, name: string, id: string, place: string): void {
    const reader = this.#reader(client, name)
    reader.held.set(id, place)
    this.#holders.set(id, reader)
    this.#places.add(place)
  }

  /** The message is out of the inbox. */
  forget(id: string): void {
    const holder = this.#holders.get(id)
    if (holder === undefined) return
    this.#places.delete(holder.held.get(id)!)
    holder.held.delete(id)
    this.#holders.delete(id)
  }

  /** The reader is gone: others may have what it held. True when it held something. */
  leave(client: symbol, name: string): boolean {
    const readers = this.#readers.get(client)
    const reader = readers?.get(name)
    if (reader === undefined) return false
    readers!.delete(name)
    if (readers!.size === 0) this.#readers.delete(client)
    return this.#free([reader])
  }

  /** The client is gone, and its readers are. True when they held something. */
  release(client: symbol): boolean {
    const readers = [...(this.#readers.get(client)?.values() ?? [])]
    this.#readers.delete(client)
    return this.#free(readers)
  }

  #free(readers: readonly Reader[]): boolean {
    const ids = readers.flatMap(({ held }) => [...held.keys()])
    for (const id of ids) this.forget(id)
    if (ids.length === 0) return false
    for (const others of this.#readers.values()) for (const { positions } of others.values()) positions.clear()
    return true
  }

  #reader(client: symbol, name: string): Reader {
    const readers = this.#readers.get(client) ?? new Map<string, Reader>()
    this.#readers.set(client, readers)
    const reader = readers.get(name) ?? { held: new Map(), positions: new Map() }
    readers.set(name, reader)
    return reader
  }
}
