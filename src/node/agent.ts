import { join } from 'node:path'
import type { PeerId, ServiceMap } from '@libp2p/interface'
import type { ServiceFactoryMap } from 'libp2p'
import { crypto } from '../crypto/index.ts'
import { type SessionStore, type SessionsInit, sessions } from '../protocols/sessions/index.ts'
import { type Config, type ConfigInput, loadConfig } from './config.ts'
import { prepareDataDir, resolveDataDir } from './data-dir.ts'
import { DurableStore } from './durable-store.ts'
import { createNode, type NodeInit, type TalosNode } from './network/create-node.ts'
import { SealedStore } from './sealed-store.ts'
import { VERSION } from './version.ts'
import { type OpenWalletOptions, openWallet, type Wallet } from './wallet/index.ts'

export interface AgentOptions extends OpenWalletOptions {
  /** The wallet, where it is being opened already. @default opened with the options above */
  wallet?: Promise<Wallet>
  /** What flags say, over the environment and config.yaml. */
  config?: ConfigInput
}

/** An identity with its data directory: what every networked command begins with. */
export interface Agent {
  readonly wallet: Wallet
  readonly dataDir: string
  readonly config: Config
  readonly store: SealedStore
  /** The factory of the sessions service of this identity. */
  sessions(init: Pick<SessionsInit, 'mayBegin' | 'onEvent'> & { store?: SessionStore }): ReturnType<typeof sessions>
  /** A node of this identity, not started. */
  createNode<S extends ServiceMap>(
    role: NodeInit['role'],
    services: ServiceFactoryMap<S>,
    listen?: string[]
  ): Promise<TalosNode<S>>
}

/** Opens the wallet and the configuration of a data directory. Throws WALLET_*, CONFIG_*, STORAGE_*. */
export async function openAgent(options: AgentOptions = {}): Promise<Agent> {
  const dataDir = resolveDataDir(options.dataDir)
  const location = { dataDir }
  const [wallet, config] = await Promise.all([
    options.wallet ?? openWallet({ ...options, ...location }),
    loadConfig({ ...location, ...(options.config === undefined ? {} : { flags: options.config }) })
  ])
  await prepareDataDir(dataDir)
  const store = sessionStore(wallet, dataDir)
  const { identity } = wallet
  return {
    wallet,
    dataDir,
    config,
    store,
    sessions: init => sessions({ store, ...init, identity, crypto }),
    createNode: (role, services, listen) =>
      createNode({
        seed: wallet.identity.seed,
        role,
        listen: listen ?? config.listen,
        ...(config.announce.length === 0 ? {} : { announce: config.announce }),
        limits: defined(config.limits),
        services,
        version: VERSION
      })
  }
}

/** Where the wallet's sessions are. Named after its storage key, so that another wallet in the same place has others. */
export function sessionStore(wallet: Wallet, dataDir: string): SealedStore {
  const id = Buffer.from(wallet.deriveKey('store-id').subarray(0, 4)).toString('hex')
  return new SealedStore(join(dataDir, `sessions-${id}`), wallet.deriveKey('sessions'), crypto)
}

/** The same place, for the process that is the node. Throws STORAGE_LOCKED while another one is. */
export function openStore(wallet: Wallet, dataDir: string): Promise<DurableStore> {
  const id = Buffer.from(wallet.deriveKey('store-id').subarray(0, 4)).toString('hex')
  return DurableStore.open(join(dataDir, `sessions-${id}`), wallet.deriveKey('sessions'), crypto)
}

/** Without the keys that have no value. */
export function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}

/** True when `peer` is one of `allowed`. */
export function isOneOf(allowed: readonly PeerId[]): (peer: PeerId) => boolean {
  return peer => allowed.some(one => one.equals(peer))
}
