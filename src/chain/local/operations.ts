import { viewOf } from '../bytes.ts'
import { payloadOf } from './group.ts'
import type { PendingGroup } from './pending.ts'
import { type ChainTransaction, decodeNumber, encodeNumber, KEYS } from './store.ts'
import { searchTerms } from './stored-record.ts'

/**
 * By what records are found by their operations. Most operations have an entry of their own. Those of a series, as all requests of a tunnel
 * are, share entries: an entry for each would cost as much as its record.
 */

/** So many numbers of a series, which follow each other, are looked for together. */
const NUMBERS_TOGETHER = 256

interface Place {
  /** What the series is called: all up to the second `/`. */
  series: string
  /** Which of its entries. */
  bucket: number
  /** What comes after that. */
  name: string
}

/** Where an operation is in a series: `mcp/<tunnel>/<number>…`, as an example. Undefined when it is in none. */
function placeOf(operation: string): Place | undefined {
  const end = operation.indexOf('/', operation.indexOf('/') + 1)
  if (end <= 0) return undefined
  const name = operation.slice(end + 1)
  const number = Number.parseInt(name, 10)
  return {
    series: operation.slice(0, end),
    bucket: number < 2 ** 40 ? Math.floor(number / NUMBERS_TOGETHER) : 0,
    name
  }
}

/** Writes by what operations the records of the block that begins with record `first` are found. */
export function putOperations(transaction: ChainTransaction, first: number, groups: readonly PendingGroup[]): void {
  const rows = new Map<string, Array<[place: number, name: string]>>()
  for (const [sequence, operation] of operationsOf(groups)) {
    const at = placeOf(operation)
    if (at === undefined) transaction.put(KEYS.operation(operation), encodeNumber(sequence))
    else {
      const key = KEYS.series(at.series, at.bucket, first)
      const row = rows.get(key)
      if (row === undefined) rows.set(key, [[sequence - first, at.name]])
      else row.push([sequence - first, at.name])
    }
  }
  for (const [key, row] of rows) transaction.put(key, encodeRow(row))
}

/** The same for records that are in no block yet. */
export function putOperationsAhead(transaction: ChainTransaction, groups: readonly PendingGroup[]): void {
  for (const [sequence, operation] of operationsOf(groups)) {
    transaction.put(KEYS.operation(operation), encodeNumber(sequence))
  }
}

function* operationsOf(groups: readonly PendingGroup[]): Generator<[sequence: number, operation: string]> {
  for (const { first, items } of groups) {
    for (const [i, item] of items.entries()) {
      const { operation } = searchTerms(payloadOf(item))
      if (operation !== undefined) yield [first + i, operation]
    }
  }
}

/** The number of the record of an operation, among those that were written here. */
export async function findOperation(transaction: ChainTransaction, operation: string): Promise<number | undefined> {
  const own = await transaction.get(KEYS.operation(operation))
  if (own !== undefined) return decodeNumber(own)
  const at = placeOf(operation)
  if (at === undefined) return undefined
  const prefix = KEYS.ofSeries(at.series, at.bucket)
  for (const key of await transaction.keys(prefix)) {
    const found = decodeRow((await transaction.get(key))!).find(([, name]) => name === at.name)
    if (found !== undefined) return Number.parseInt(key.slice(prefix.length), 16) + found[0]
  }
  return undefined
}

/** Takes an operation out of what was written of the block that begins with record `first`; undefined: in no block yet. */
export async function removeOperation(
  transaction: ChainTransaction,
  operation: string,
  first: number | undefined
): Promise<void> {
  transaction.delete(KEYS.operation(operation))
  const at = placeOf(operation)
  if (at === undefined || first === undefined) return
  const key = KEYS.series(at.series, at.bucket, first)
  const row = await transaction.get(key)
  if (row === undefined) return
  const left = decodeRow(row).filter(([, name]) => name !== at.name)
  if (left.length === 0) transaction.delete(key)
  else transaction.put(key, encodeRow(left))
}

/** Removes by what the operation, and all of its series in that block, were found: the block is pruned. */
export function pruneOperation(transaction: ChainTransaction, operation: string, first: number): void {
  transaction.delete(KEYS.operation(operation))
  const at = placeOf(operation)
  if (at !== undefined) transaction.delete(KEYS.series(at.series, at.bucket, first))
}

/** For each: place in the block (2) ‖ length of the name (1) ‖ name, ASCII. */
function encodeRow(row: ReadonlyArray<[place: number, name: string]>): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(row.reduce((sum, [, name]) => sum + 3 + name.length, 0))
  let at = 0
  for (const [place, name] of row) {
    bytes.writeUInt16BE(place, at)
    bytes[at + 2] = name.length
    at += 3 + bytes.write(name, at + 3, 'latin1')
  }
  return bytes
}

function decodeRow(bytes: Uint8Array): Array<[place: number, name: string]> {
  const view = viewOf(bytes)
  const row: Array<[place: number, name: string]> = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 3 + bytes[at + 2]!
    row.push([view.getUint16(at), Buffer.from(bytes.subarray(at + 3, end)).toString('latin1')])
    at = end
  }
  return row
}
