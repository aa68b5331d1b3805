import { expect } from 'vitest'
import { toHex } from '../../src/chain/bytes.ts'
import type { SharedChain } from '../../src/chain/shared/shared-chain.ts'
import { ChainValidator } from '../../src/chain/validation/validate-chain.ts'

/** Reads the whole chain from disk and checks it anew; returns the ids of its records, each of which is found by its id. */
export async function checkWhole(shared: SharedChain): Promise<Set<string>> {
  const validator = new ChainValidator(shared.chain)
  const ids = new Set<string>()
  for (let height = 1; height <= shared.tip.height; height++) {
    const hash = shared.tree.hashAt(height)!
    const { block, errors } = await validator.block(shared.block(hash)!, hash)
    expect(errors, `block ${height}`).toEqual([])
    for (const [index, { record, id }] of block!.entries.entries()) {
      expect(shared.record(id)).toMatchObject({ index, node: { height } })
      ids.add(toHex(id))
      // nothing waits that the chain has
      expect(shared.mempool.at(record.author, record.stream, record.sequence)).toBeUndefined()
    }
  }
  expect(shared.tree.hashAt(shared.tip.height + 1)).toBeUndefined()
  const view = shared.tree.viewAfter(shared.tip)
  expect(toHex(view.historyRoot())).toBe(toHex(validator.state.historyRoot()))
  expect(toHex(shared.tree.history.frontier(shared.tip.height + 1).root())).toBe(toHex(view.historyRoot()))
  for (const { author, stream, sequence, id } of validator.state.point().heads) {
    expect(view.headOf(author, stream)).toMatchObject({ sequence })
    expect(toHex(view.headOf(author, stream)!.id)).toBe(toHex(id))
  }
  return ids
}
