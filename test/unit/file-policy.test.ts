import { expect, test } from 'vitest'
import { FilePolicy } from '../../src/node/file-policy.ts'

const offer = (id: string, peer: string, size = 10) =>
  ({
    id,
    peer,
    size,
    name: 'x',
    directory: false,
    entries: 1,
    mediaType: 'text/plain',
    mediaClass: 'document'
  }) as const
const running = new AbortController().signal

test('an allowed peer is not asked about, up to a size; everybody else is', async () => {
  const policy = new FilePolicy({ isAllowed: peer => peer === 'alice', maxUnasked: 100 })
  expect(await policy.decide(offer('1', 'alice', 100), running)).toEqual({ accept: true })
  const large = policy.decide(offer('2', 'alice', 101), running)
  const strange = policy.decide(offer('3', 'mallory'), running)
  await new Promise(setImmediate)
  expect(policy.waiting.map(({ id }) => id).sort()).toEqual(['2', '3'])
  policy.answer('2', true)
  policy.answer('3', false)
  expect(await large).toEqual({ accept: true })
  expect(await strange).toMatchObject({ accept: false })
  expect(policy.waiting).toEqual([])
  expect(() => policy.answer('3', true)).toThrow(expect.objectContaining({ code: 'FILE_UNKNOWN' }))
})

test('silence takes nothing: when the node stops, what waits is not accepted', async () => {
  const policy = new FilePolicy({ isAllowed: () => false })
  const stop = new AbortController()
  const decision = policy.decide(offer('1', 'mallory'), stop.signal)
  await new Promise(setImmediate)
  stop.abort(new Error('stopping'))
  await expect(decision).rejects.toThrow('stopping')
  expect(policy.waiting).toEqual([])
})
