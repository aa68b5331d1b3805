import { expect, test } from 'vitest'
import { checkpointText } from '../../src/chain/checkpoint.ts'
import { verifyEvidence } from '../../src/chain/evidence.ts'
import { type FollowedChain, follow, newestOf, twoHistories } from '../../src/chain/light/followed.ts'
import { cosignNote, formatNote, NOTE_KEY, type NoteKey, signNote } from '../../src/chain/note.ts'
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
  expect(() => follow(five, state(5, 6, [2, 3, 4]))).toThrow(expect.objectContaining({ code: 'LIGHT_TWO_HISTORIES' }))
})

test('who signed two states of one size is convicted: the owner by its word alone, a witness where both states count', () => {
  const witnessed = [1, 2, 3].map(seed => says(seed, 5))
  const found = twoHistories([...witnessed, ...[2, 3, 4].map(seed => says(seed, 5, 6))], ORIGIN, policy)!
  expect(found).toMatchObject({ size: 5, name: 'w2' })
  expect(verifyEvidence(found.evidence)).toMatchObject({ what: 'checkpoints', culprit: ownerOf(2).publicKey, place: 5 })
  // one witness that lies about a state that does not count, or of another chain, or of another size, says nothing of this one
  const others = [says(2, 5, 6), says(2, 5, 6, 'talos/other'), says(2, 6), says(2, 5), 'nothing']
  expect(twoHistories([...witnessed, ...others], ORIGIN, policy)).toBeUndefined()

  const log = { name: ORIGIN, type: NOTE_KEY.ed25519, publicKey: ownerOf(9).publicKey }
  const own = (size: number, fill: number, seed = 9) => {
    const text = checkpointText({ origin: ORIGIN, size, root: new Uint8Array(32).fill(fill) })
    return formatNote({ text, signatures: [signNote(text, ORIGIN, ownerOf(seed))] })
  }
  const owned = { ...policy, log }
  const twice = twoHistories([own(4, 4), own(5, 5), own(5, 6)], ORIGIN, owned)!
  expect(verifyEvidence(twice.evidence)).toMatchObject({ what: 'checkpoints', culprit: log.publicKey, place: 5 })
  expect(twoHistories([own(4, 4), own(5, 5), own(5, 5), own(5, 6, 8)], ORIGIN, owned)).toBeUndefined()
})
