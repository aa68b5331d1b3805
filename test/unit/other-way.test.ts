import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { giveUpWhenAnswered } from '../../src/node/network/other-way.ts'

class Wire extends EventTarget {
  aborted = 0
  abort(): void {
    this.aborted++
    this.dispatchEvent(new Event('close'))
  }
}

const SUSPECTED = 8_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a silent connection is given up when another one to the same address is answered', async () => {
  const wire = new Wire()
  giveUpWhenAnswered(wire, async () => true)
  await vi.advanceTimersByTimeAsync(SUSPECTED - 1)
  expect(wire.aborted).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(wire.aborted).toBe(1)
  expect(vi.getTimerCount()).toBe(0)
})

test('not when nobody answers there either, and not when something comes on it meanwhile', async () => {
  const wire = new Wire()
  const answers: Array<(answered: boolean) => void> = []
  giveUpWhenAnswered(wire, () => new Promise(resolve => answers.push(resolve)))
  await vi.advanceTimersByTimeAsync(SUSPECTED)
  expect(answers.length).toBe(1)
  wire.dispatchEvent(new Event('message'))
  answers[0]!(true)
  await vi.advanceTimersByTimeAsync(SUSPECTED - 1)
  expect(wire.aborted).toBe(0)
  wire.dispatchEvent(new Event('close'))
  expect(vi.getTimerCount()).toBe(0)
})

test('one that is used is never suspected', async () => {
  const wire = new Wire()
  let asked = 0
  giveUpWhenAnswered(wire, async () => ++asked > 0)
  for (let times = 0; times < 20; times++) {
    await vi.advanceTimersByTimeAsync(SUSPECTED - 1_000)
    wire.dispatchEvent(new Event('message'))
  }
  expect(asked).toBe(0)
  wire.dispatchEvent(new Event('close'))
})
