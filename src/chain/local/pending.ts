import { commit } from '../commitment.ts'
import { encodeRecord, recordId } from '../record.ts'
import { type Item, payloadOf } from './group.ts'
import { searchTerms } from './stored-record.ts'

/** A record as it is in a block. */
export interface MadeRecord {
  bytes: Uint8Array
  id: Uint8Array
}

/** Records without a block that were written together. */
export interface PendingGroup {
  /** Number of the first one. */
  first: number
  items: Item[]
  /** What they will be in a block, once that was computed. */
  made?: readonly MadeRecord[]
}

/** Whose records they are, and what they continue. */
export interface Continued {
  author: Uint8Array
  stream: number
  /** Id of the record before. */
  previous: Uint8Array
}

/** The records of a group as they are in a block: all that hashing costs is paid here, not where they are written. */
export function makeRecords(group: PendingGroup, { author, stream, previous }: Continued): readonly MadeRecord[] {
  if (group.made !== undefined) return group.made
  const made: MadeRecord[] = []
  let before = previous
  for (const [i, { kind, time, extensions, contents }] of group.items.entries()) {
    const commitment = contents instanceof Uint8Array ? contents : commit(contents)
    const sequence = group.first + i
    const bytes = encodeRecord({ kind, author, stream, sequence, previous: before, time, commitment, extensions })
    before = recordId(bytes)
    made.push({ bytes, id: before })
  }
  group.made = made
  // nothing else needs them here
  for (const item of group.items) payloadOf(item)?.secret.fill(0)
  return made
}

/** How many records without a block are held in memory, and found by their operations there. */
const MAX_HELD = 20_000

/**
 * Records without a block, in memory, so that nothing need be read to make the block, and nothing written to find them: the store has what
 * they are found by from when they have a block. A transaction that fails leaves its own here; they are beyond the head on disk, and gone
 * when the next one takes their numbers.
 */
export class PendingGroups {
  /** By the number of the first record, and these in order. */
  readonly #groups = new Map<number, PendingGroup>()
  #firsts: number[] = []
  readonly #operations = new Map<string, number>()
  #records = 0

  /** False when there are too many: then the store has to know by what they are found. */
  hold(group: PendingGroup): boolean {
    // what has these numbers, or higher ones, is of transactions that failed
    while (this.#firsts.length > 0 && this.#firsts.at(-1)! >= group.first) this.#drop(this.#firsts.pop()!)
    if (this.#records + group.items.length > MAX_HELD) return false
    this.#groups.set(group.first, group)
    this.#firsts.push(group.first)
    this.#records += group.items.length
    for (const [i, item] of group.items.entries()) {
      const { operation } = searchTerms(payloadOf(item))
      if (operation !== undefined) this.#operations.set(operation, group.first + i)
    }
    return true
  }

  at(first: number): PendingGroup | undefined {
    return this.#groups.get(first)
  }

  /** The number of the record of an operation, if it is held: the caller sees whether that is on disk. */
  sequenceOf(operation: string): number | undefined {
    return this.#operations.get(operation)
  }

  /** Forgets those up to this number. */
  release(sequence: number): void {
    const kept = this.#firsts.findIndex(first => first > sequence)
    for (const first of this.#firsts.splice(0, kept < 0 ? this.#firsts.length : kept)) this.#drop(first)
  }

  /** What the record of this number had been was erased. */
  erase(sequence: number, commitment: Uint8Array): void {
    const first = this.#firsts.findLast(one => one <= sequence)
    const group = first === undefined ? undefined : this.#groups.get(first)
    const item = group?.items[sequence - group.first]
    if (group === undefined || item === undefined) return
    const { operation } = searchTerms(payloadOf(item))
    if (operation !== undefined) this.#operations.delete(operation)
    group.items = group.items.with(sequence - group.first, { ...item, contents: commitment })
  }

  #drop(first: number): void {
    const group = this.#groups.get(first)!
    this.#groups.delete(first)
    this.#records -= group.items.length
    for (const [i, item] of group.items.entries()) {
      const { operation } = searchTerms(payloadOf(item))
      if (operation !== undefined && this.#operations.get(operation) === first + i) this.#operations.delete(operation)
    }
  }
}
