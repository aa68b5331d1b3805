import { expect, onTestFinished, test, vi } from 'vitest'
import type { Entry } from '../../src/chain/index.ts'
import { Refusals } from '../../src/node/audit/refusals.ts'

const HOUR = 3_600_000

function refusals() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const records: Array<Record<string, unknown>> = []
  const errors: unknown[] = []
  let isFull = false
  const noted = new Refusals({
    record: async ({ kind, operation, fields }: Entry) => {
      if (isFull) throw new Error('the disk is full')
      expect([kind, operation]).toEqual(['DENIAL', undefined])
      records.push(Object.fromEntries(fields.map(({ name, value }) => [name, value])))
    },
    onError: error => errors.push(error),
    now: () => 1_000
  })
  return { noted, records, errors, fill: () => (isFull = true) }
}

test('the first of a peer and reason is recorded at once, those after it as one, within the hour', async () => {
  const { noted, records } = refusals()
  const refusal = { peer: 'mallory', what: 'file', reason: 'FILE_TOO_LARGE' }
  for (let size = 1; size <= 1_000; size++) noted.note({ ...refusal, details: { name: 'x', size } })
  noted.note({ ...refusal, reason: 'FILE_DECLINED' })
  noted.note({ ...refusal, peer: 'bob' })
  const first = { event: 'refused', ...refusal, count: 1, since: 1_000 }
  expect(records).toEqual([
    { ...first, name: 'x', size: 1 },
    { ...first, reason: 'FILE_DECLINED' },
    { ...first, peer: 'bob' }
  ])
  await vi.advanceTimersByTimeAsync(HOUR)
  expect(records.slice(3)).toEqual([{ ...first, count: 999 }])
  // the next hour begins with the next refusal
  await vi.advanceTimersByTimeAsync(10 * HOUR)
  noted.note(refusal)
  expect(records.slice(4)).toEqual([first])
  expect(vi.getTimerCount()).toBe(1)
  await noted.close()
  expect([records.length, vi.getTimerCount()]).toEqual([5, 0])
})

test('who goes on for hours is one record an hour', async () => {
  const { noted, records } = refusals()
  const refusal = { peer: 'mallory', what: 'stream', reason: 'X', details: { label: 'x' } }
  for (let hour = 0; hour < 3; hour++) {
    for (let again = 0; again < 50; again++) noted.note(refusal)
    await vi.advanceTimersByTimeAsync(HOUR)
  }
  expect(records.map(({ count, label }) => [count, label])).toEqual([
    [1, 'x'],
    [49, undefined],
    [50, undefined],
    [50, undefined]
  ])
  await noted.close()
  expect([records.length, vi.getTimerCount()]).toEqual([4, 0])
})

test('strangers without number are a number', async () => {
  const { noted, records } = refusals()
  for (let at = 0; at < 5_000; at++) {
    for (let again = 0; again < 2; again++) noted.note({ peer: `stranger ${at}`, what: 'stream', reason: 'X' })
  }
  expect(records).toHaveLength(100)
  await noted.close()
  expect(records).toHaveLength(201)
  expect(records.at(-1)).toEqual({ event: 'refused', what: 'stream', count: 9_800, since: 1_000 })
  expect(records.reduce((sum, { count }) => sum + (count as number), 0)).toBe(10_000)
})

test('a full disk costs the record and nothing else', async () => {
  const { noted, records, errors, fill } = refusals()
  fill()
  noted.note({ peer: 'mallory', what: 'file', reason: 'X' })
  noted.note({ peer: 'mallory', what: 'file', reason: 'X' })
  await noted.close()
  expect([records.length, errors.length]).toEqual([0, 2])
})
