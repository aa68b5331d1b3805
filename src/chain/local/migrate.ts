import { TalosError } from '../../errors.ts'
import { type ChainStore, type ChainTransaction, KEYS } from './store.ts'

/** Layout of the keys in store.ts. */
export const SCHEMA_VERSION = 1

/** Brings a store from version n to n + 1, as one transaction. The key is n. */
export type Migrations = Readonly<Record<number, (transaction: ChainTransaction) => Promise<void>>>

/** There is no older version yet. */
const MIGRATIONS: Migrations = {}

/**
 * Brings what an older Talos left to this version, step by step, each step whole or not at all.
 *
 * @throws CHAIN_STORE_NEWER when a newer Talos wrote the store: it is left as it is
 */
export async function migrate(store: ChainStore, migrations = MIGRATIONS, target = SCHEMA_VERSION): Promise<void> {
  for (;;) {
    const isDone = await store.transact(async transaction => {
      const version = (await transaction.get(KEYS.version))?.[0]
      if (version === undefined) transaction.put(KEYS.version, Uint8Array.of(target))
      if (version === undefined || version === target) return true
      const step = migrations[version]
      if (version > target || step === undefined) {
        throw new TalosError(
          'CHAIN_STORE_NEWER',
          `the audit chain was written by another version of Talos (${version})`,
          {
            hint: 'Use the newest Talos.'
          }
        )
      }
      await step(transaction)
      transaction.put(KEYS.version, Uint8Array.of(version + 1))
      return false
    })
    if (isDone) return
  }
}
