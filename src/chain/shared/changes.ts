import { concatBytes, viewOf } from '../bytes.ts'
import { decodeClaimed, encodeClaimed } from '../claim.ts'
import { claimIn } from '../validation/claims.ts'
import type { ChainView, CheckedEntry } from '../validation/context.ts'
import { decodeStreamHead, encodeStreamHead, KEYS } from './store.ts'

/** One thing that a block changes of the state. `undefined`: it is not there. */
export interface Change {
  key: string
  before: Uint8Array | undefined
  after: Uint8Array | undefined
}

type Read = (key: string) => Uint8Array | undefined

/** What the records of a block change: last records of streams, last claims. */
export function changesOf(entries: readonly CheckedEntry[], read: Read): Change[] {
  const after = new Map<string, Uint8Array>()
  for (const { record, id } of entries) {
    after.set(KEYS.head(record.author, record.stream), encodeStreamHead({ sequence: record.sequence, id }))
    const claim = claimIn(record)
    if (claim !== undefined) after.set(KEYS.claim(record.author, claim.chain), encodeClaimed(claim))
  }
  return [...after].map(([key, value]) => ({ key, before: read(key), after: value }))
}

/** The part of a view that is state. */
export function stateView(read: Read): Pick<ChainView, 'headOf'> & Required<Pick<ChainView, 'claimOf'>> {
  return {
    headOf: (author, stream) => {
      const value = read(KEYS.head(author, stream))
      return value && decodeStreamHead(value)
    },
    claimOf: (author, chain) => {
      const value = read(KEYS.claim(author, chain))
      return value && decodeClaimed(value)
    }
  }
}

const ABSENT = 0xffff

/** For each: key, value before, value after, each with its length (2); 0xffff for none. */
export function encodeChanges(changes: readonly Change[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { key, before, after } of changes) {
    for (const value of [new TextEncoder().encode(key), before, after]) {
      const head = new Uint8Array(2)
      viewOf(head).setUint16(0, value?.length ?? ABSENT)
      parts.push(head, value ?? new Uint8Array())
    }
  }
  return concatBytes(...parts)
}

export function decodeChanges(bytes: Uint8Array): Change[] {
  const view = viewOf(bytes)
  const changes: Change[] = []
  let at = 0
  const next = (): Uint8Array | undefined => {
    const length = view.getUint16(at)
    at += 2
    if (length === ABSENT) return undefined
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = new TextDecoder().decode(next())
    changes.push({ key, before: next(), after: next() })
  }
  return changes
}
