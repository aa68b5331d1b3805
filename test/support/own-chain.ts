import { type Entry, LocalChain } from '../../src/chain/index.ts'
import { crypto } from '../../src/crypto/index.ts'
import { openStore } from '../../src/node/agent.ts'
import type { DurableStore } from '../../src/node/durable-store.ts'
import { openWallet } from '../../src/node/wallet/index.ts'

/** Works on the chain of an agent that does not run; nothing else is recorded meanwhile. */
export async function withOwnChain<T>(
  { dataDir }: { dataDir: string },
  work: (chain: LocalChain, store: DurableStore) => Promise<T>
): Promise<T> {
  const wallet = await openWallet({ dataDir })
  await using store = await openStore(wallet, dataDir)
  await using chain = await LocalChain.open({ store, owner: wallet.identity, randomBytes: crypto.randomBytes })
  return await work(chain, store)
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
