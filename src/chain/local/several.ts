import type { LocalChain } from './local-chain.ts'
import type { NumberedRecord } from './reader.ts'

/** Operations that are looked up before others have their turn. */
const AT_ONCE = 64

/** The records of several operations, in the order of these; undefined where there is none, or no more. */
export async function recordsOfAll(
  local: LocalChain,
  operations: readonly string[]
): Promise<Array<NumberedRecord | undefined>> {
  const found: Array<NumberedRecord | undefined> = []
  for (let at = 0; at < operations.length; at += AT_ONCE) {
    await local.store.transact(async transaction => {
      const reader = local.reader(transaction)
      for (const operation of operations.slice(at, at + AT_ONCE)) {
        const sequence = await local.sequenceOf(transaction, operation)
        found.push(sequence === undefined ? undefined : await reader.at(sequence))
      }
    })
  }
  return found
}
