import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError } from '../errors.ts'
import { openStore } from './agent.ts'
import { attach } from './control/client.ts'
import type { NodeApi } from './control/methods.ts'
import { resolveDataDir } from './data-dir.ts'
import type { DurableStore } from './durable-store.ts'
import { type OpenWalletOptions, openWallet } from './wallet/index.ts'

/** How long a node may take to begin or to end. Milliseconds. */
const HANDOVER_TIMEOUT = 20_000
const HANDOVER_RETRY = 50

/**
 * For a command that needs what is stored and no network: asks the node that runs, or opens the store for this one time.
 * Throws WALLET_*, STORAGE_*, NODE_*, and what the two ways throw.
 */
export async function withStore<T>(
  options: OpenWalletOptions,
  ways: { node: (api: NodeApi) => Promise<T | null>; store: (store: DurableStore) => Promise<T> }
): Promise<T> {
  const dataDir = resolveDataDir(options.dataDir)
  const deadline = Date.now() + HANDOVER_TIMEOUT
  for (;;) {
    await using running = await attach(dataDir)
    if (running !== undefined) return (await ways.node(running.api)) as T
    const wallet = await openWallet({ ...options, dataDir })
    try {
      await using store = await openStore(wallet, dataDir)
      return await ways.store(store)
    } catch (error) {
      if (!isTalosError(error, 'STORAGE_LOCKED') || Date.now() > deadline) throw error
    }
    await delay(HANDOVER_RETRY)
  }
}
