import type { RecordedCall } from './records/session-records.ts'

/** A request that waits for its answer. Ids are raw JSON as latin1 text (Message.id). */
export interface Pending {
  /** As its sender wrote it. */
  readonly id: string
  /** As it was sent on; differs from `id` only where an answer to an older request could be taken for this one's. */
  readonly wireId: string
  readonly method: string
  /** Clock reading, milliseconds. */
  readonly since: number
  /** What is recorded of it, where that is. */
  call?: RecordedCall | undefined
}

/** The request that stays open for as long as its session: no limit of time applies to it, and nobody waits for its end. */
export const LISTEN = 'subscriptions/listen'

export interface PendingTableInit {
  /** Most requests that may wait at once. */
  max: number
  /** Makes wire ids of our own, raw JSON. */
  uniqueId: () => string
}

/** Cancelled and abandoned ids that are remembered; the oldest are forgotten first. */
const REMEMBERED = 1024

/**
 * The requests of one direction that wait for an answer: each gets exactly one. Answers match by the id's raw bytes, and
 * where a peer's JSON library rewrote it (1 -> 1.0, "\u0061" -> "a", 2^53+1 -> 2^53), by its value.
 */
export class PendingTable {
  readonly #max: number
  readonly #uniqueId: () => string
  /** Those that wait, oldest first. */
  readonly #byId = new Map<string, Pending>()
  /** Those that wait, and the cancelled: their answer is passed on if it comes, but none is owed. */
  readonly #byWireId = new Map<string, Pending>()
  readonly #byValue = new Map<string, Pending>()
  readonly #cancelled = new Set<Pending>()
  /** Wire ids whose asker is gone for good: the answer is swallowed. */
  readonly #abandoned = new Set<string>()

  constructor(init: PendingTableInit) {
    this.#max = init.max
    this.#uniqueId = init.uniqueId
  }

  get size(): number {
    return this.#byId.size
  }

  /** Those that wait, oldest first. */
  waiting(): IterableIterator<Pending> {
    return this.#byId.values()
  }

  add(id: string, method: string, since: number): Pending | 'duplicate' | 'full' {
    if (this.#byId.has(id)) return 'duplicate'
    if (this.#byId.size >= this.#max) return 'full'
    const value = idValue(id)
    const wireId = this.#abandoned.has(id) || this.#abandoned.has(value) ? this.#uniqueId() : id
    const pending = { id, wireId, method, since }
    this.#byId.set(id, pending)
    this.#byWireId.set(wireId, pending)
    if (wireId === id && value !== id && !this.#byValue.has(value)) this.#byValue.set(value, pending)
    return pending
  }

  /** The request that an answer with the id `wireId` is for. It has been answered then. */
  take(wireId: string): Pending | undefined {
    let pending = this.#byWireId.get(wireId)
    if (pending === undefined) {
      const value = idValue(wireId)
      pending = this.#byWireId.get(value) ?? this.#byValue.get(value)
      if (pending === undefined) {
        if (!this.#abandoned.delete(wireId)) this.#abandoned.delete(value)
        return undefined
      }
    }
    this.remove(pending)
    return pending
  }

  /** Whether exactly this request still waits. */
  has(pending: Pending): boolean {
    return this.#byId.get(pending.id) === pending
  }

  /** The sender of `id` no longer waits: no answer is owed, but one that comes is passed on. */
  cancel(id: string): Pending | undefined {
    const pending = this.#byId.get(id)
    if (pending === undefined) return undefined
    this.#byId.delete(id)
    this.#cancelled.add(pending)
    if (this.#cancelled.size > REMEMBERED) this.remove(this.#cancelled.values().next().value!)
    return pending
  }

  /** Ends the wait for one request; an answer that comes later is not passed on. */
  remove(pending: Pending): void {
    if (this.has(pending)) this.#byId.delete(pending.id)
    if (this.#byWireId.get(pending.wireId) === pending) this.#byWireId.delete(pending.wireId)
    if (this.#cancelled.delete(pending) || this.#byValue.size > 0) {
      const value = idValue(pending.id)
      if (this.#byValue.get(value) === pending) this.#byValue.delete(value)
    }
  }

  /** Takes out all that wait, for who answers is gone. Their askers are owed an answer. */
  drain(): Pending[] {
    const all = [...this.#byId.values()]
    this.#byId.clear()
    this.#byWireId.clear()
    this.#byValue.clear()
    this.#cancelled.clear()
    return all
  }

  /** Takes out all that wait, for who asked is gone; answers that still come are swallowed, and their ids not used again meanwhile. */
  abandon(): Pending[] {
    for (const wireId of this.#byWireId.keys()) {
      this.#abandoned.add(wireId)
      if (this.#abandoned.size > REMEMBERED) this.#abandoned.delete(this.#abandoned.values().next().value!)
    }
    return this.drain()
  }
}

const PLAIN = /^"[^\\\x80-\xff]*"$/

/** The id as a JSON library that decodes and encodes it would write it. */
function idValue(id: string): string {
  if (id.charCodeAt(0) !== 0x22) return String(Number(id))
  if (PLAIN.test(id)) return id
  const text = JSON.stringify(JSON.parse(Buffer.from(id, 'latin1').toString('utf8')))
  return Buffer.from(text).toString('latin1')
}
