import type { SessionStore, Transaction } from '../sessions/index.ts'
import { MESSAGE_COST } from './constants.ts'
import type { HistoryEntry } from './index.ts'
import { idKey, MESSAGES, messageKey, readEntry, stageOf, stateKey } from './records.ts'

/** How much is kept of messages that are done: read here, or delivered to the peer, or failed. 0 is no limit. */
export interface HistoryLimits {
  /** Milliseconds. */
  maxAge: number
  /** Of contents, and some for each message. What is not done counts too, and stays. */
  maxBytes: number
}

export interface Forgotten {
  forgotten: number
  /** Messages that stay, since they are not read, or not delivered. */
  kept: number
}

/** Keys looked at in one transaction, which holds up others. */
const PAGE = 100

/** Some messages in a row. */
interface Page {
  /** Key of the last one. */
  last: string
  bytes: number
  /** When the first one was queued or came. */
  since: number
}

/** Forgets what is done, the oldest first. Records of the audit chain are elsewhere and stay. */
export class Retention {
  readonly #store: SessionStore
  readonly #limits: HistoryLimits
  readonly #now: () => number
  /** What was measured, the oldest first: of what is there already only what is new is read again. */
  #pages: Page[] = []

  constructor(store: SessionStore, limits: HistoryLimits, now: () => number) {
    this.#store = store
    this.#limits = limits
    this.#now = now
  }

  /** Brings the history within its limits. Stops when the signal is aborted: the rest is done the next time. */
  async enforce(signal: AbortSignal): Promise<number> {
    const { maxAge, maxBytes } = this.#limits
    const oldest = maxAge > 0 ? this.#now() - maxAge : Number.NEGATIVE_INFINITY
    await this.#measure(oldest, signal)
    let excess = maxBytes > 0 ? this.#pages.reduce((sum, { bytes }) => sum + bytes, 0) - maxBytes : 0
    let forgotten = 0
    const isUnwanted = (entry: HistoryEntry, isDone: boolean): boolean => {
      if (!isDone || (timeOf(entry) >= oldest && excess <= 0)) return false
      excess -= costOf(entry)
      forgotten++
      return true
    }
    let after: string | undefined
    for (const page of [...this.#pages]) {
      if (signal.aborted || (excess <= 0 && page.since >= oldest)) break
      const left = (await this.#page({ after, upTo: page.last }, isUnwanted)) ?? { bytes: 0 }
      after = page.last
      Object.assign(page, left, { last: after })
    }
    this.#pages = this.#pages.filter(({ bytes }) => bytes > 0)
    return forgotten
  }

  /** Forgets what passed between us and a peer, of any age. */
  async forget(peer: string, signal: AbortSignal): Promise<Forgotten> {
    const report = { forgotten: 0, kept: 0 }
    let after: string | undefined
    for (;;) {
      signal.throwIfAborted()
      const page = await this.#page({ after }, (entry, isDone) => {
        if (entry.peer !== peer) return false
        report[isDone ? 'forgotten' : 'kept']++
        return isDone
      })
      if (page === undefined) break
      after = page.last
    }
    // what was measured is there no more
    this.#pages = []
    return report
  }

  /** Of what is new since the last time; where only the age counts, as far as something may be too old. */
  async #measure(oldest: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const last = this.#pages.at(-1)
      if (this.#limits.maxBytes === 0 && last !== undefined && last.since >= oldest) return
      const page = await this.#page({ after: last?.last }, () => false)
      if (page === undefined) return
      this.#pages.push(page)
    }
  }

  /** Looks at the messages that follow `after`, and deletes the unwanted ones. Undefined when there are none. */
  #page(
    { after, upTo }: { after: string | undefined; upTo?: string },
    isUnwanted: (entry: HistoryEntry, isDone: boolean) => boolean
  ): Promise<Page | undefined> {
    return this.#store.transact(async transaction => {
      const keys = await transaction.keys(MESSAGES, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
        ...(upTo === undefined ? {} : { before: `${upTo}\0` })
      })
      let bytes = 0
      let since = Number.POSITIVE_INFINITY
      for (const place of keys) {
        const key = place.slice(MESSAGES.length)
        const entry = await readEntry(transaction, key)
        if (entry === undefined) continue
        const isDone = entry.direction === 'in' ? entry.read : stageOf(entry.state) >= stageOf('delivered')
        if (isUnwanted(entry, isDone)) {
          erase(transaction, key, entry)
          continue
        }
        bytes += costOf(entry)
        since = Math.min(since, timeOf(entry))
      }
      return keys.length === 0 ? undefined : { last: keys.at(-1)!, bytes, since }
    })
  }
}

function erase(transaction: Transaction, key: string, entry: HistoryEntry): void {
  transaction.delete(messageKey(key))
  transaction.delete(stateKey(key))
  if (entry.direction === 'in') transaction.delete(idKey(entry.id))
}

const costOf = ({ content }: HistoryEntry): number => content.length + MESSAGE_COST

const timeOf = (entry: HistoryEntry): number => (entry.direction === 'in' ? entry.receivedAt : entry.queuedAt)
