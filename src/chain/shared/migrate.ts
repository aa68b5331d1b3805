import { TalosError } from '../../errors.ts'
import { KEYS, type SharedStore } from './store.ts'

/** Layout of the keys in store.ts. */
export const SCHEMA_VERSION = 1

/** What brings a store from version n to n + 1, as one write. The key is n. */
export type Migrations = Readonly<Record<number, (store: SharedStore) => Promise<Map<string, Uint8Array | undefined>>>>

/** There is no older version yet. */
const MIGRATIONS: Migrations = {}

/**
 * Brings what an older Talos left to this version, step by step, each step whole or not at all.
 *
 * @throws CHAIN_STORE_NEWER when a newer Talos wrote the store: it is left as it is
 */
export async function migrate(store: SharedStore, migrations = MIGRATIONS, target = SCHEMA_VERSION): Promise<void> {
  for (;;) {
    const version = store.get(KEYS.version)?.[0]
    if (version === undefined) await store.write(new Map([[KEYS.version, Uint8Array.of(target)]]), true)
    if (version === undefined || version === target) return
    const step = migrations[version]
    if (version > target || step === undefined) {
      throw new TalosError('CHAIN_STORE_NEWER', `the chain was written by another version of Talos (${version})`, {
        hint: 'Use the newest Talos.'
      })
    }
    const changes = await step(store)
    changes.set(KEYS.version, Uint8Array.of(version + 1))
    await store.write(changes, true)
  }
}
