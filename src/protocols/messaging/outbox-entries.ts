import type { SessionStore } from '../sessions/index.ts'
import { STEP_MESSAGES, WINDOW, WINDOW_BYTES } from './constants.ts'
import { OutRecord } from './pb/records.ts'
import { outPrefix } from './records.ts'

/** An outstanding message. Its content, and its envelope once it is sealed, are on disk only. */
export interface OutEntry {
  readonly sequence: number
  readonly id: string
  readonly size: number
  readonly expiresAt: number
  readonly sealed: boolean
  /** Until then a mailbox holds its envelope; 0 when none does. Milliseconds since the epoch. */
  readonly storedUntil: number
  /** It was given up, but later ones may wait for it at the receiver. */
  readonly skip: boolean
  /** The link over which its envelope was sent last. */
  readonly sentOn: number
}

type Mutable = { -readonly [K in keyof OutEntry]: OutEntry[K] }

/** The outstanding messages of one peer by sequence, oldest first. What a step changes is kept or undone together. */
export class OutboxEntries {
  readonly #store: SessionStore
  readonly #peer: string
  /** In the order of sequences, which is that of insertion. */
  readonly #entries = new Map<number, Mutable>()
  /** A lower bound: it is looked up only when it has come. */
  #nextExpiry = Number.POSITIVE_INFINITY
  #added: number[] = []
  #removed: Mutable[] = []
  readonly #before = new Map<Mutable, OutEntry>()

  constructor(store: SessionStore, peer: string) {
    this.#store = store
    this.#peer = peer
  }

  /** Reads what is outstanding from disk, some in each transaction, so that others have their turn. */
  async load(): Promise<void> {
    let after: string | undefined
    do {
      const range = { limit: STEP_MESSAGES, ...(after === undefined ? {} : { after }) }
      after = await this.#store.transact(async transaction => {
        const keys = await transaction.keys(outPrefix(this.#peer), range)
        for (const key of keys) {
          const { id, size, expiresAt, envelope, storedUntil, skip } = OutRecord.decode((await transaction.get(key))!)
          const sequence = Number(key.slice(-16))
          const sealed = envelope.length > 0
          this.#entries.set(sequence, { sequence, id, size, expiresAt, sealed, storedUntil, skip, sentOn: 0 })
          this.#nextExpiry = Math.min(this.#nextExpiry, nextOf({ expiresAt, storedUntil }))
        }
        return keys.length === STEP_MESSAGES ? keys.at(-1) : undefined
      })
    } while (after !== undefined)
  }

  get(sequence: number): OutEntry | undefined {
    return this.#entries.get(sequence)
  }

  first(): OutEntry | undefined {
    return this.#entries.values().next().value
  }

  /** Those that may be sealed now: the oldest, and what follows it within the window. */
  window(): OutEntry[] {
    const within: OutEntry[] = []
    let bytes = 0
    let last: number | undefined
    for (const entry of this.#entries.values()) {
      last ??= entry.sequence + WINDOW
      if (entry.sequence >= last || (within.length > 0 && bytes + entry.size > WINDOW_BYTES)) break
      bytes += entry.size
      within.push(entry)
    }
    return within
  }

  /** Those that have expired, or whose copies in mailboxes have. */
  expired(now: number): OutEntry[] {
    if (now < this.#nextExpiry) return []
    const expired: OutEntry[] = []
    this.#nextExpiry = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      const next = nextOf(entry)
      if (next <= now) expired.push(entry)
      else this.#nextExpiry = Math.min(this.#nextExpiry, next)
    }
    return expired
  }

  /** Nothing expires before this. */
  get nextExpiry(): number {
    return this.#nextExpiry
  }

  /** What was sent goes again. Not undone with a step. */
  resend(ids?: ReadonlySet<string>): void {
    for (const entry of this.#entries.values()) if (ids === undefined || ids.has(entry.id)) entry.sentOn = 0
  }

  add(entry: OutEntry): void {
    this.#entries.set(entry.sequence, { ...entry })
    this.#nextExpiry = Math.min(this.#nextExpiry, nextOf(entry))
    this.#added.push(entry.sequence)
  }

  remove(entry: OutEntry): void {
    this.#entries.delete(entry.sequence)
    this.#removed.push(entry)
  }

  change(entry: OutEntry, change: Partial<OutEntry>): void {
    if (!this.#before.has(entry)) this.#before.set(entry, { ...entry })
    Object.assign(entry, change)
    this.#nextExpiry = Math.min(this.#nextExpiry, nextOf(entry))
  }

  /** The step is on disk. */
  keep(): void {
    this.#added = []
    this.#removed = []
    this.#before.clear()
  }

  /** The step failed. */
  undo(): void {
    this.#nextExpiry = 0
    for (const [entry, before] of this.#before) Object.assign(entry, before)
    if (this.#removed.length > 0) {
      const all = [...this.#entries.values(), ...this.#removed].sort((a, b) => a.sequence - b.sequence)
      this.#entries.clear()
      for (const entry of all) this.#entries.set(entry.sequence, entry)
    }
    for (const sequence of this.#added) this.#entries.delete(sequence)
    this.keep()
  }
}

/** When something of it runs out first. */
function nextOf({ expiresAt, storedUntil }: Pick<OutEntry, 'expiresAt' | 'storedUntil'>): number {
  return storedUntil === 0 ? expiresAt : Math.min(expiresAt, storedUntil)
}
