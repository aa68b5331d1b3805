import { originOf } from '../../chain/index.ts'
import { loadChain } from '../../chain/local/begin.ts'
import { KEYS } from '../../chain/local/store.ts'
import { NOTE_KEY } from '../../chain/note.ts'
import type { SessionStore } from '../../protocols/sessions/index.ts'
import { loadConfig } from '../config.ts'
import { readMemory } from './memory.ts'
import { readPolicy } from './policy-file.ts'
import { reportOf, reportUnlessWrong } from './report.ts'
import type { WitnessReport } from './types.ts'

/** What is known of the chain in a store that no node has open; undefined where there is no chain yet. Throws CONFIG_*, STORAGE_*. */
export async function storedReport(store: SessionStore, dataDir: string): Promise<WitnessReport | undefined> {
  const found = await store.transact(async transaction => {
    const params = await transaction.get(KEYS.params)
    return params && loadChain(transaction, params)
  })
  if (found === undefined) return undefined
  const { chain, tip } = found
  const { witness } = await loadConfig({ dataDir })
  const memory = await readMemory(store)
  const log = { name: originOf(chain.id), type: NOTE_KEY.ed25519, publicKey: chain.params.keys[0]! }
  return reportUnlessWrong(
    () => readPolicy(dataDir, witness),
    async policy => reportOf(log, tip.height + 1, policy, memory)
  )
}
