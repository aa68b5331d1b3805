import { expect, test } from 'vitest'
import { checkpointText } from '../../src/chain/checkpoint.ts'
import { type FollowedChain, follow, newestOf } from '../../src/chain/light/followed.ts'
import { cosignNote, formatNote, NOTE_KEY, type NoteKey } from '../../src/chain/note.ts'
import { ownerOf } from '../support/keys.ts'

const ORIGIN = 'talos/chain'
const key = (seed: number): NoteKey => ({
  name: `w${seed}`,
  type: NOTE_KEY.cosignature,
  publicKey: ownerOf(seed).publicKey
})
const policy = { witnesses: [1, 2, 3, 4].map(key), quorum: 3 }
/** What a witness says of a state. */
const says = (seed: number, size: number, fill = size, origin = ORIGIN) => {
  const text = checkpointText({ origin, size, root: new Uint8Array(32).fill(fill) })
  return formatNote({ text, signatures: [cosignNote(text, `w${seed}`, ownerOf(seed), 1_790_000_000)] })
}

test('of what witnesses say the newest state counts that enough of them signed', () => {
  const newest = (...notes: string[]) => newestOf(notes, ORIGIN, policy)
  expect(newest(says(1, 5), says(2, 5), says(3, 5))).toMatchObject({ size: 5, witnesses: ['w1', 'w2', 'w3'] })
  expect(newest(says(1, 5), says(2, 5))).toBeUndefined()
  // one is ahead, one behind, one of another chain, one unknown, one says it twice, one says nothing that can be read
  const mixed = [says(1, 9), says(1, 5), says(2, 5), says(3, 5), says(4, 4), says(4, 5, 5, 'talos/other')]
  expect(newest(...mixed, says(7, 9), says(8, 9))).toMatchObject({ size: 5 })
  expect(newest(says(1, 5), says(1, 5), says(2, 5), 'nothing', says(8, 5))).toBeUndefined()
  // what is kept is read again
  expect(newest(newest(says(1, 5), says(2, 5), says(3, 5))!.note)).toMatchObject({ size: 5 })
})

test('what is known never goes back, and two histories are told of', () => {
  const state = (size: number, fill = size, seeds = [1, 2, 3]): FollowedChain =>
    newestOf(
      seeds.map(seed => says(seed, size, fill)),
      ORIGIN,
      policy
    )!
  const five = state(5)
  expect(follow(undefined, five)).toBe(five)
  expect(follow(five, state(9)).size).toBe(9)
  expect(follow(five, state(4))).toBe(five)
  expect(follow(five, state(5, 5, [1, 2, 3, 4])).witnesses).toHaveLength(4)
  expect(() => follow(five, state(5, 6, [2, 3, 4]))).toThrow(
    expect.objectContaining({ code: 'LIGHT_TWO_HISTORIES', hint: expect.stringContaining('w2, w3') })
  )
})
