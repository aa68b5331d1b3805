import { TalosError } from '../../errors.ts'
import type { SessionStore, Transaction } from '../sessions/index.ts'
import type { HistoryEntry, InboxEntry, InboxQuery } from './index.ts'
import type { StoredMessage } from './pb/records.ts'
import { decodeText, INBOX, idKey, inboxKey, MESSAGES, messageKey, readEntry, readMessage } from './records.ts'

const DEFAULT_LIMIT = 100
/** Keys read in one transaction, which holds up others. */
const PAGE = 100

/** What was sent and received, as far as it is kept. */
export class History {
  readonly #store: SessionStore

  constructor(store: SessionStore) {
    this.#store = store
  }

  get(id: string): Promise<HistoryEntry | undefined> {
    return this.#store.transact(async transaction => {
      const found = await locate(transaction, id)
      return found === undefined ? undefined : readEntry(transaction, found.key)
    })
  }

  /** The record of a message, and its key. */
  find(id: string): Promise<{ key: string; message: StoredMessage } | undefined> {
    return this.#store.transact(transaction => locate(transaction, id))
  }

  async list(query: { peer?: string; since?: number; before?: string; limit?: number } = {}): Promise<HistoryEntry[]> {
    const { peer, since, before, limit = DEFAULT_LIMIT } = query
    const from = before === undefined ? undefined : await this.find(before)
    if (before !== undefined && from === undefined)
      throw new TalosError('MESSAGE_UNKNOWN', `there is no such message: ${before}`)
    const found: HistoryEntry[] = []
    let last = from === undefined ? undefined : messageKey(from.key)
    // a UUIDv7 begins with its time
    const first = since === undefined ? undefined : messageKey(timePrefix(since))
    while (found.length < limit) {
      const range = {
        reverse: true,
        limit: PAGE,
        ...(last === undefined ? {} : { before: last }),
        ...(first === undefined ? {} : { after: first })
      }
      const page = await this.#store.transact(async transaction => {
        const keys = await transaction.keys(MESSAGES, range)
        for (const key of keys) {
          const message = await readEntry(transaction, key.slice(MESSAGES.length))
          if (message !== undefined && (peer === undefined || message.peer === peer)) found.push(message)
        }
        return keys
      })
      if (page.length < PAGE) break
      last = page.at(-1)!
    }
    return found.slice(0, limit)
  }

  async inbox({ peer, after, isWanted, limit = DEFAULT_LIMIT }: InboxQuery): Promise<InboxEntry[]> {
    const found: InboxEntry[] = []
    let last = after === undefined ? undefined : inboxKey(after)
    while (found.length < limit) {
      const range = { limit: PAGE, ...(last === undefined ? {} : { after: last }) }
      const page = await this.#store.transact(async transaction => {
        const keys = await transaction.keys(INBOX, range)
        for (const key of keys) {
          const place = key.slice(INBOX.length)
          if (isWanted?.(place) === false) continue
          if (peer !== undefined && decodeText((await transaction.get(key))!) !== peer) continue
          const message = await readEntry(transaction, place)
          if (message?.direction !== 'in') continue
          const { direction: _, ...incoming } = message
          found.push({ ...incoming, place })
          if (found.length === limit) break
        }
        return keys
      })
      if (page.length < PAGE) break
      last = page.at(-1)!
    }
    return found
  }
}

async function locate(
  transaction: Transaction,
  id: string
): Promise<{ key: string; message: StoredMessage } | undefined> {
  // keys are made of it
  if (!/^[0-9a-f-]{36}$/.test(id)) return undefined
  const indexed = await transaction.get(idKey(id))
  const key = indexed === undefined ? id : decodeText(indexed)
  const message = await readMessage(transaction, key)
  // the key of an incoming message is not its id
  return message === undefined || message.id !== id ? undefined : { key, message }
}

function timePrefix(time: number): string {
  const hex = Math.max(0, Math.floor(time)).toString(16).padStart(12, '0').slice(-12)
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
