import { join } from 'node:path'
import type { ServiceMap } from '@libp2p/interface'
import type { ServiceFactoryMap } from 'libp2p'
import { crypto } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import type { LocalIdentity } from '../protocols/ratchet/index.ts'
import { type SessionsInit, sessions } from '../protocols/sessions/index.ts'
import type { StreamCodec } from '../protocols/streams/index.ts'
import { type Config, type ConfigInput, loadConfig } from './config.ts'
import { prepareDataDir, resolveDataDir } from './data-dir.ts'
import { DurableStore } from './durable-store.ts'
import { createNode, type NodeInit, type TalosNode } from './network/create-node.ts'
import type { NodeSigner } from './network/signer.ts'
import { VERSION } from './version.ts'
import { beginOpening, type OpenWalletOptions, type Wallet, type WalletOpening } from './wallet/index.ts'
import { HAS_NATIVE_KDF } from './wallet/kdf.ts'

export interface AgentOptions extends OpenWalletOptions {
  /** The wallet, where it is open already. @default opened with the options above */
  wallet?: Promise<Wallet>
  /** The same, where it is being opened. */
  opening?: Promise<WalletOpening>
  /** What flags say, over the environment and config.yaml. */
  config?: ConfigInput
  /** Codecs of streams besides `identity` and `zstd`, of a node in this process. @default none */
  codecs?: readonly StreamCodec[]
}

/**
 * An identity with its data directory: what every networked command begins with. Its node may start and dial while the wallet
 * is being unsealed: the other side learns who it is when the wallet signs.
 */
export interface Agent {
  /** Rejects with WALLET_*. */
  readonly wallet: Promise<Wallet>
  readonly dataDir: string
  readonly config: Config
  /** The factory of the sessions service of this identity. */
  sessions(init: Pick<SessionsInit, 'store' | 'mayBegin' | 'record'>): ReturnType<typeof sessions>
  /** A node of this identity, not started. */
  createNode<S extends ServiceMap>(
    role: NodeInit['role'],
    services: ServiceFactoryMap<S>,
    listen?: string[]
  ): Promise<TalosNode<S>>
}

/**
 * Opens the wallet and the configuration of a data directory. Throws WALLET_*, CONFIG_*, STORAGE_*: what is wrong before the wallet
 * is unsealed, and on a Node.js without argon2 what is wrong with the passphrase, too.
 */
export async function beginAgent(options: AgentOptions = {}): Promise<Agent> {
  const dataDir = resolveDataDir(options.dataDir)
  const location = { dataDir }
  const [{ publicKey, wallet }, config] = await Promise.all([
    openingOf({ ...options, ...location }),
    loadConfig({ ...location, ...(options.config === undefined ? {} : { flags: options.config }) })
  ])
  await prepareDataDir(dataDir)
  // who is dialled waits 10 s for the signature in our handshake: where the passphrase may take longer, it comes before all dials
  if (!HAS_NATIVE_KDF) await wallet
  const signer: NodeSigner = { publicKey, sign: async bytes => (await wallet).identity.sign(bytes) }
  return {
    wallet,
    dataDir,
    config,
    sessions: init => sessions({ ...init, identity: identityOf(publicKey, wallet), crypto }),
    createNode: (role, services, listen) =>
      createNode({
        signer,
        role,
        listen: listen ?? config.listen,
        ...(config.announce.length === 0 ? {} : { announce: config.announce }),
        limits: defined(config.limits),
        services,
        version: VERSION
      })
  }
}

async function openingOf(options: AgentOptions): Promise<WalletOpening> {
  if (options.wallet === undefined) return options.opening ?? beginOpening(options)
  const { identity } = await options.wallet
  return { publicKey: identity.publicKey, wallet: options.wallet }
}

/** For sessions, which need more than the public key when a connection is there: by then the wallet has signed. */
function identityOf(publicKey: Uint8Array, wallet: Promise<Wallet>): LocalIdentity {
  let opened: LocalIdentity | undefined
  wallet.then(
    ({ identity }) => {
      opened = identity
    },
    () => {}
  )
  const identity = (): LocalIdentity => {
    if (opened === undefined) throw new TalosError('INTERNAL', 'the wallet is not open yet')
    return opened
  }
  return {
    publicKey,
    get agreement() {
      return identity().agreement
    },
    get agreementCertificate() {
      return identity().agreementCertificate
    },
    sign: bytes => identity().sign(bytes)
  }
}

/**
 * The store of the process that is the node. Its folder is named after the wallet's storage key, so that another wallet in the
 * same place has another. Throws STORAGE_LOCKED while another process is the node, STORAGE_*.
 */
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
