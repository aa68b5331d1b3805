import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LinkScheduler, type Priority } from '../../src/protocols/framing/index.ts'
import { PATIENCE } from '../../src/protocols/framing/priority.ts'

/** A link on which each write waits until it is let go. */
function link() {
  const scheduler = new LinkScheduler()
  const order: string[] = []
  const under: Array<{ name: string; done: () => void }> = []
  const write = (priority: Priority, name: string, signal?: AbortSignal): Promise<void> =>
    scheduler.run(
      priority,
      () => {
        order.push(name)
        return new Promise<void>(resolve => under.push({ name, done: resolve }))
      },
      signal
    )
  /** Lets the oldest write go, and whatever follows from it happen. */
  const finish = async (): Promise<void> => {
    under.shift()?.done()
    await delay(0)
  }
  return { scheduler, order, under, write, finish }
}

test('what waits goes out by priority, in one priority in order', async () => {
  const { order, write, finish, under } = link()
  const names = ['bulk 1', 'bulk 2', 'bulk 3', 'bulk 4', 'interactive 1', 'interactive 2', 'interactive 3']
  for (const name of [...names, 'control 1', 'control 2']) void write(name.split(' ')[0] as Priority, name)
  await delay(0)
  // two of the first class are under way; the more urgent still find a place
  expect(order).toEqual(['bulk 1', 'bulk 2', 'interactive 1', 'control 1'])
  while (under.length > 0) await finish()
  expect(order.slice(4)).toEqual(['control 2', 'interactive 2', 'interactive 3', 'bulk 3', 'bulk 4'])
})

test('streams of one priority take turns', async () => {
  const { order, write, finish, under } = link()
  const stream = async (name: string): Promise<void> => {
    for (let count = 0; count < 50; count++) await write('bulk', name)
  }
  const all = Promise.all([stream('a'), stream('b'), stream('c')])
  await delay(0)
  while (under.length > 0) await finish()
  await all
  expect(order).toHaveLength(150)
  for (let end = 1; end <= order.length; end++) {
    const counts = ['a', 'b', 'c'].map(name => order.slice(0, end).filter(one => one === name).length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  }
})

test('urgent writes without end leave the others a turn after eight of theirs', async () => {
  const { order, write, finish } = link()
  let going = true
  const stream = async (priority: Priority): Promise<void> => {
    while (going) await write(priority, priority)
  }
  // more of the urgent ones than there are places
  for (let count = 0; count < 8; count++) void stream('control')
  void stream('bulk')
  void stream('interactive')
  for (let count = 0; count < 200; count++) await finish()
  going = false
  // its next turn is asked for when its last is over, up to four later
  const share = (priority: Priority): number => order.filter(one => one === priority).length
  expect(share('bulk')).toBeGreaterThanOrEqual(Math.floor(200 / (PATIENCE + 5)))
  expect(share('interactive')).toBeGreaterThanOrEqual(share('bulk') - 1)
  expect(share('control')).toBeGreaterThan(6 * share('bulk'))
})

test('a write that is stuck on its stream keeps nobody else from the link', async () => {
  const { scheduler, write, under } = link()
  void write('bulk', 'stuck 1')
  void write('bulk', 'stuck 2')
  await delay(0)
  expect(under).toHaveLength(2)
  expect(await scheduler.run('bulk', async () => 'through')).toBe('through')
})

test('one that gives up waiting is not done, and the others are', async () => {
  const { order, write, finish, under } = link()
  const abort = new AbortController()
  void write('bulk', 'first')
  void write('bulk', 'second')
  const given = write('bulk', 'given up', abort.signal)
  void write('bulk', 'last')
  abort.abort(new Error('enough'))
  await expect(given).rejects.toThrow('enough')
  while (under.length > 0) await finish()
  expect(order).toEqual(['first', 'second', 'last'])
  await expect(write('bulk', 'too late', abort.signal)).rejects.toThrow('enough')
})

test('whatever is asked in which order, and whatever fails, everything is done once and nothing stays taken', async () => {
  const asked = fc.array(
    fc.record({
      priority: fc.constantFrom<Priority>('control', 'interactive', 'bulk'),
      ticks: fc.nat(3),
      fails: fc.boolean()
    }),
    { maxLength: 60 }
  )
  await fc.assert(
    fc.asyncProperty(asked, async writes => {
      const scheduler = new LinkScheduler()
      let done = 0
      let busy = 0
      const results = await Promise.allSettled(
        writes.map(({ priority, ticks, fails }) =>
          scheduler.run(priority, async () => {
            busy++
            expect(busy).toBeLessThanOrEqual(4)
            for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
            busy--
            done++
            if (fails) throw new Error('failed')
          })
        )
      )
      expect(done).toBe(writes.length)
      expect(results.map(({ status }) => status === 'rejected')).toEqual(writes.map(({ fails }) => fails))
    })
  )
})
