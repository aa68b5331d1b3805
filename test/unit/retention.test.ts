import { expect, test } from 'vitest'
import { MESSAGE_COST } from '../../src/protocols/messaging/constants.ts'
import { History } from '../../src/protocols/messaging/history.ts'
import { StoredMessage } from '../../src/protocols/messaging/pb/records.ts'
import { encodeText, idKey, inboxKey, messageKey, putState } from '../../src/protocols/messaging/records.ts'
import { Retention } from '../../src/protocols/messaging/retention.ts'
import { UuidSource, uuidText } from '../../src/protocols/messaging/uuid.ts'
import type { SessionStore, Transaction } from '../../src/protocols/sessions/index.ts'

const DAY = 86_400_000
const LENGTH = 100
const COST = LENGTH + MESSAGE_COST
const START = Date.UTC(2026, 0, 1)
const signal = new AbortController().signal

/** A disk in memory. */
function memory(): SessionStore & { keys: () => string[] } {
  const values = new Map<string, Uint8Array>()
  const transaction: Transaction = {
    get: async key => values.get(key),
    keys: async (prefix, { after = '', before = '\u{ffff}', limit, reverse = false } = {}) => {
      const found = [...values.keys()].filter(key => key.startsWith(prefix) && key > after && key < before).toSorted()
      return (reverse ? found.toReversed() : found).slice(0, limit)
    },
    put: (key, value) => void values.set(key, value),
    delete: key => void values.delete(key)
  }
  return { transact: work => work(transaction), keys: () => [...values.keys()] }
}

type Kind = 'read' | 'unread' | 'delivered' | 'failed' | 'queued' | 'stored'

/** A history, one message an hour from `START` on. */
function world() {
  const store = memory()
  let now = START
  const uuids = new UuidSource(
    () => now,
    length => crypto.getRandomValues(new Uint8Array(length))
  )
  const history = new History(store)
  const add = async (kind: Kind, peer = 'bob'): Promise<void> => {
    const key = uuidText(uuids.next())
    const incoming = kind === 'read' || kind === 'unread'
    const id = incoming ? uuidText(uuids.next()) : key
    const content = new Uint8Array(LENGTH)
    const message = { incoming, peer, id, contentType: kind, content, time: now, otherTime: now }
    await store.transact(async transaction => {
      transaction.put(messageKey(key), StoredMessage.encode(message))
      if (incoming) transaction.put(idKey(id), encodeText(key))
      if (kind === 'unread') transaction.put(inboxKey(key), encodeText(peer))
      else if (kind !== 'queued') putState(transaction, key, kind, now)
    })
    now += 3_600_000
  }
  const kinds = async (): Promise<string[]> =>
    (await history.list({ limit: 10_000 })).map(({ contentType }) => contentType).toReversed()
  const retention = (limits: { maxAge?: number; maxBytes?: number }): Retention =>
    new Retention(store, { maxAge: 0, maxBytes: 0, ...limits }, () => now)
  const pass = (time: number): void => {
    now += time
  }
  return { store, add, kinds, retention, pass }
}

const ALL: readonly Kind[] = ['read', 'unread', 'delivered', 'failed', 'queued', 'stored']

test('what is older is forgotten, but for what is not read or not delivered', async () => {
  const { store, add, kinds, retention, pass } = world()
  for (const kind of ALL) await add(kind)
  pass(10 * DAY)
  for (const kind of ALL) await add(kind)
  expect(await retention({ maxAge: 11 * DAY }).enforce(signal)).toBe(0)
  expect(await retention({ maxAge: 5 * DAY }).enforce(signal)).toBe(3)
  expect(await kinds()).toEqual(['unread', 'queued', 'stored', ...ALL])
  // nothing of them is left: 6 + 3 messages, states of those that have one, ids of incoming ones, inbox
  expect(store.keys()).toHaveLength(9 + 6 + 3 + 2 - 1)
})

test('above the limit of bytes the oldest go, over many pages, and no more than need be', async () => {
  const { add, kinds, retention } = world()
  for (let i = 0; i < 350; i++) await add(i % 7 === 0 ? 'unread' : 'read')
  const kept = retention({ maxBytes: 200 * COST })
  expect(await kept.enforce(signal)).toBe(150)
  expect(await kinds()).toHaveLength(200)
  expect((await kinds()).filter(kind => kind === 'unread')).toHaveLength(50)
  // the same once more, after some more
  expect(await kept.enforce(signal)).toBe(0)
  for (let i = 0; i < 30; i++) await add('delivered')
  expect(await kept.enforce(signal)).toBe(30)
  expect(await kinds()).toHaveLength(200)
  expect((await kinds()).slice(-30)).toEqual(Array.from({ length: 30 }, () => 'delivered'))
  // one that begins anew finds the same
  expect(await retention({ maxBytes: 200 * COST }).enforce(signal)).toBe(0)
})

test('what cannot be forgotten stays also above the limit', async () => {
  const { add, kinds, retention } = world()
  for (const kind of ALL) await add(kind)
  expect(await retention({ maxBytes: 1 }).enforce(signal)).toBe(3)
  expect(await kinds()).toEqual(['unread', 'queued', 'stored'])
  expect(await retention({}).enforce(signal)).toBe(0)
})

test('what passed between us and a peer is forgotten, and nobody else is', async () => {
  const { add, kinds, retention } = world()
  for (let i = 0; i < 120; i++) await add('read', i % 2 === 0 ? 'bob' : 'carol')
  for (const kind of ALL) await add(kind)
  const kept = retention({ maxBytes: 1_000_000 })
  await kept.enforce(signal)
  expect(await kept.forget('bob', signal)).toEqual({ forgotten: 63, kept: 3 })
  expect(await kinds()).toHaveLength(63)
  expect(await kept.forget('bob', signal)).toEqual({ forgotten: 0, kept: 3 })
  expect(await kept.forget('nobody', signal)).toEqual({ forgotten: 0, kept: 0 })
  expect(await kept.enforce(signal)).toBe(0)
  await expect(kept.forget('carol', AbortSignal.abort(new Error('no')))).rejects.toThrow('no')
})
