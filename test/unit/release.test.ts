import { expect, test } from 'vitest'
import { release } from '../../src/crypto/index.ts'

test('a buffer that has its memory to itself is emptied', () => {
  const bytes = new Uint8Array(65_536).fill(7)
  release(bytes)
  expect(bytes.byteLength).toBe(0)
})

test('a part of something larger, and shared memory, are left as they are', () => {
  const whole = new Uint8Array(65_536).fill(7)
  release(whole.subarray(1))
  release(whole.subarray(0, 65_535))
  const pooled = Buffer.from('x'.repeat(3_000))
  release(pooled)
  const shared = new Uint8Array(new SharedArrayBuffer(65_536))
  release(shared)
  expect([whole.byteLength, whole[65_535], pooled.toString('utf8', 2_999), shared.byteLength]).toEqual([
    65_536,
    7,
    'x',
    65_536
  ])
})
