import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError } from '../errors.ts'
import { openStore } from './agent.ts'
import { attach } from './control/client.ts'
import type { NodeApi } from './control/methods.ts'
import { resolveDataDir } from './data-dir.ts'
import type { DurableStore } from './durable-store.ts'
import { type OpenWalletOptions, openWallet, type Wallet } from './wallet/index.ts'

/** How long a node may take to begin or to end. Milliseconds. */
const HANDOVER_TIMEOUT = 20_000
const HANDOVER_RETRY = 50

/**
 * Asks the node that runs, or does it without one. A node that begins or ends meanwhile is asked, or done without. Throws
 * what the two ways throw, and NODE_*; STORAGE_LOCKED when a process holds the store all the time and cannot be talked to.
 */
export async function whicheverHolds<T>(
  dataDir: string,
  ways: { node: (api: NodeApi) => Promise<T>; nobody: () => Promise<T>; signal?: AbortSignal }
): Promise<T> {
  const deadline = Date.now() + HANDOVER_TIMEOUT
  for (;;) {
    await using running = await attach(dataDir)
    try {
      // awaited here: the connection is closed when this scope ends
      return await (running === undefined ? ways.nobody() : ways.node(running.api))
    } catch (error) {
      const isPassing = isTalosError(error, 'STORAGE_LOCKED') || isTalosError(error, 'NODE_GONE')
      if (!isPassing || Date.now() > deadline) throw error
    }
    await delay(HANDOVER_RETRY, undefined, ways.signal === undefined ? {} : { signal: ways.signal })
  }
}

/**
 * For a command that needs what is stored and no network: asks the node that runs, or opens the store for this one time.
 * Throws WALLET_*, STORAGE_*, NODE_*, and what the two ways throw.
 */
export async function withStore<T>(
  options: OpenWalletOptions,
  ways: { node: (api: NodeApi) => Promise<T | null>; store: (store: DurableStore, wallet: Wallet) => Promise<T> }
): Promise<T> {
  const dataDir = resolveDataDir(options.dataDir)
  let opening: Promise<Wallet> | undefined
  return whicheverHolds(dataDir, {
    node: async api => (await ways.node(api)) as T,
    nobody: async () => {
      // a person is asked once
      opening ??= openWallet({ ...options, dataDir })
      const wallet = await opening
      await using store = await openStore(wallet, dataDir)
      return await ways.store(store, wallet)
    }
  })
}
