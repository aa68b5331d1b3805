import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RateLimiter } from '../../src/protocols/limits/index.ts'

describe('token buckets', () => {
  test('give a burst, then what flows back', () => {
    const limiter = new RateLimiter({ burst: 3, perSecond: 2 })
    expect([0, 0, 0, 0].map(now => limiter.take('a', 1, now))).toEqual([0, 0, 0, 500])
    expect(limiter.take('b', 1, 0)).toBe(0)
    expect(limiter.take('a', 1, 250)).toBe(250)
    expect(limiter.take('a', 1, 500)).toBe(0)
    // never more than a burst, and nothing for a clock that was set back
    expect(limiter.take('a', 3, 1e9)).toBe(0)
    expect(limiter.take('a', 1, 0)).toBe(500)
  })

  test('never allow more than burst + rate × time', () => {
    const step = fc.record({ wait: fc.nat(3_000), cost: fc.integer({ min: 1, max: 5 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const limiter = new RateLimiter({ burst: 10, perSecond: 4 })
        let now = 0
        let spent = 0
        for (const { wait, cost } of steps) {
          now += wait
          if (limiter.take('a', cost, now) === 0) spent += cost
        }
        expect(spent).toBeLessThanOrEqual(10 + (now / 1000) * 4 + 1e-6)
      })
    )
  })

  test('forget the one that is idle longest when there are too many', () => {
    const limiter = new RateLimiter({ burst: 1, perSecond: 0.001 }, 3)
    for (const key of ['a', 'b', 'c']) expect(limiter.take(key, 1, 0)).toBe(0)
    expect(limiter.take('a', 1, 0)).toBeGreaterThan(0)
    expect(limiter.take('d', 1, 0)).toBe(0)
    expect(limiter.size).toBe(3)
    expect(limiter.take('a', 1, 0)).toBeGreaterThan(0)
    expect(limiter.take('b', 1, 0)).toBe(0)
  })

  test('say how long to wait without taking anything', () => {
    const limiter = new RateLimiter({ burst: 2, perSecond: 1 })
    expect(limiter.wait('a', 2, 0)).toBe(0)
    expect(limiter.wait('a', 2, 0)).toBe(0)
    expect(limiter.size).toBe(0)
    limiter.take('a', 2, 0)
    expect(limiter.wait('a', 1, 250)).toBe(750)
    expect(limiter.wait('a', 1, 1000)).toBe(0)
  })
})
