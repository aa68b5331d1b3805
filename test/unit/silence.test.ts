import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { giveUpWhenSilent, SIGN_EACH } from '../../src/node/network/silence.ts'

class Wire extends EventTarget {
  aborted = 0
  abort(): void {
    this.aborted++
    this.dispatchEvent(new Event('close'))
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a connection on which nothing comes is given up, once', () => {
  const wire = new Wire()
  giveUpWhenSilent(wire)
  vi.advanceTimersByTime(3 * SIGN_EACH)
  expect(wire.aborted).toBe(0)
  vi.advanceTimersByTime(10 * SIGN_EACH)
  expect(wire.aborted).toBe(1)
  expect(vi.getTimerCount()).toBe(0)
})

test('one on which anything comes now and then is not, and none after its close', () => {
  const wire = new Wire()
  giveUpWhenSilent(wire)
  for (let times = 0; times < 10; times++) {
    vi.advanceTimersByTime(3 * SIGN_EACH)
    wire.dispatchEvent(new Event('message'))
  }
  wire.dispatchEvent(new Event('close'))
  vi.advanceTimersByTime(10 * SIGN_EACH)
  expect(wire.aborted).toBe(0)
})
