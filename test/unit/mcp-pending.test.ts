import { expect, test } from 'vitest'
import { type Pending, PendingTable } from '../../src/protocols/mcp/pending.ts'

let unique = 0
const table = (max = 10) => new PendingTable({ max, uniqueId: () => `"unique-${++unique}"` })
const added = (pending: ReturnType<PendingTable['add']>): Pending => {
  if (typeof pending === 'string') throw new Error(pending)
  return pending
}

test('each request gets one answer; others find nobody', () => {
  const pending = table()
  pending.add('1', 'a', 0)
  expect(pending.take('2')).toBeUndefined()
  expect(pending.take('1')).toMatchObject({ id: '1', method: 'a' })
  expect(pending.take('1')).toBeUndefined()
  expect(pending.size).toBe(0)
})

test('an id in flight is refused, one that was answered may come again', () => {
  const pending = table()
  pending.add('"x"', 'a', 0)
  expect(pending.add('"x"', 'b', 0)).toBe('duplicate')
  pending.take('"x"')
  expect(pending.add('"x"', 'b', 0)).toMatchObject({ method: 'b' })
})

test('there is a limit', () => {
  const pending = table(2)
  pending.add('1', 'a', 0)
  pending.add('2', 'a', 0)
  expect(pending.add('3', 'a', 0)).toBe('full')
})

test.each([
  ['1', '1.0'],
  ['1.0', '1'],
  ['100', '1e2'],
  ['"\\u0061"', '"a"'],
  ['"a"', '"\\u0061"'],
  ['9007199254740993', '9007199254740992'],
  [Buffer.from('"é"').toString('latin1'), '"\\u00e9"']
])('the answer to %s is known when its id comes back as %s', (id, echoed) => {
  const pending = table()
  pending.add(id, 'a', 0)
  expect(pending.take(echoed)).toMatchObject({ id })
  expect(pending.take(echoed)).toBeUndefined()
})

test('ids with the same value are told apart by their bytes', () => {
  const pending = table()
  pending.add('9007199254740993', 'odd', 0)
  pending.add('9007199254740992', 'even', 0)
  pending.add('"1"', 'text', 0)
  pending.add('1', 'number', 0)
  expect(pending.take('9007199254740992')?.method).toBe('even')
  expect(pending.take('9007199254740993')?.method).toBe('odd')
  expect(pending.take('1')?.method).toBe('number')
  expect(pending.take('"1"')?.method).toBe('text')
})

test('a cancelled request is owed no answer, but one that comes is passed on once', () => {
  const pending = table(1)
  pending.add('1', 'a', 0)
  expect(pending.cancel('1')).toBeDefined()
  expect(pending.cancel('1')).toBeUndefined()
  expect(pending.size).toBe(0)
  expect([...pending.waiting()]).toEqual([])
  expect(pending.add('2', 'b', 0)).toMatchObject({ id: '2' })
  expect(pending.take('1')).toBeDefined()
  expect(pending.take('1')).toBeUndefined()
  expect(pending.drain().map(({ id }) => id)).toEqual(['2'])
})

test('an answer to a request of an asker that is gone is never taken for that of its successor', () => {
  const pending = table()
  pending.add('0', 'old', 0)
  expect(pending.abandon().map(({ method }) => method)).toEqual(['old'])
  const successor = added(pending.add('0', 'new', 0))
  expect(successor.wireId).not.toBe('0')
  expect(pending.take('0')).toBeUndefined() // the answer to the old one
  expect(pending.take(successor.wireId)).toMatchObject({ id: '0', method: 'new' })
  // and when that answer has come, the id is as good as new
  expect(added(pending.add('0', 'newer', 0)).wireId).toBe('0')
})

test('a flood of cancelled and abandoned ids is forgotten, oldest first', () => {
  const pending = table(5000)
  for (let i = 0; i < 5000; i++) {
    pending.add(`${i}`, 'a', 0)
    pending.cancel(`${i}`)
  }
  expect(pending.take('0')).toBeUndefined()
  expect(pending.take('4999')).toBeDefined()
})
