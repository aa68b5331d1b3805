import type { Entry, LocalChain } from '../../src/chain/index.ts'
import { openStore } from '../../src/node/agent.ts'
import { AuditTrail } from '../../src/node/audit/audit-trail.ts'
import type { DurableStore } from '../../src/node/durable-store.ts'
import { openWallet } from '../../src/node/wallet/index.ts'

/** Works on the chain of an agent that does not run. */
export async function withOwnChain<T>(
  { dataDir }: { dataDir: string },
  work: (chain: LocalChain, store: DurableStore) => Promise<T>
): Promise<T> {
  const wallet = await openWallet({ dataDir })
  await using store = await openStore(wallet, dataDir)
  await using trail = await AuditTrail.open(store, wallet)
  return await work(trail.chain, store)
}

/** Records what `entryOf` says, `each` in a block. */
export async function fillOwnChain(
  machine: { dataDir: string },
  count: number,
  entryOf: (number: number) => Entry,
  each = 100
): Promise<void> {
  await withOwnChain(machine, async (chain, store) => {
    for (let from = 0; from < count; from += each) {
      await store.transact(async transaction => {
        for (let i = from; i < Math.min(count, from + each); i++) await chain.append(transaction, entryOf(i))
      })
      await chain.sealAll()
    }
  })
}
