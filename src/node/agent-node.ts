import type { Connection, PeerId } from '@libp2p/interface'
import { crypto } from '../crypto/index.ts'
import { type Messaging, messaging } from '../protocols/messaging/index.ts'
import { type RegistryClient, registryClient } from '../protocols/registry/index.ts'
import type { Sessions } from '../protocols/sessions/index.ts'
import { type Agent, type AgentOptions, openAgent, openStore } from './agent.ts'
import { dialPeer } from './directory/dial-peer.ts'
import type { Directory } from './directory/directory.ts'
import { type KeptRegistrations, keepRegistered, type RegistrationState } from './directory/keep-registered.ts'
import { openDirectory } from './directory/open-directory.ts'
import type { DurableStore } from './durable-store.ts'
import { type RegistrationEvent, registrationNews } from './mcp/registration-news.ts'
import type { TalosNode } from './network/create-node.ts'

/** Any free port; peers learn it from the registry. */
const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/0', '/ip4/0.0.0.0/tcp/0/ws']

export interface AgentNodeOptions extends AgentOptions {
  /** `client` dials only, and is not registered; `agent` listens, and is found by others. */
  role: 'client' | 'agent'
  onRegistration?: (event: RegistrationEvent) => void
}

type Services = { sessions: Sessions; registry: RegistryClient; messaging: Messaging }

/**
 * The node of a data directory: the wallet, the store and every protocol on one libp2p node. The process that has it is the
 * only one that has the store open; others work through its control socket.
 */
export class AgentNode implements AsyncDisposable {
  readonly agent: Agent
  readonly role: 'client' | 'agent'
  readonly startedAt = Date.now()
  readonly store: DurableStore
  readonly libp2p: TalosNode<Services>
  readonly #onRegistration: (state: RegistrationState) => void
  #registrations: KeptRegistrations | undefined

  private constructor(options: AgentNodeOptions, agent: Agent, store: DurableStore, libp2p: TalosNode<Services>) {
    this.agent = agent
    this.role = options.role
    this.store = store
    this.libp2p = libp2p
    this.#onRegistration = registrationNews(options.onRegistration ?? (() => {}))
  }

  /** Throws WALLET_*, CONFIG_*, STORAGE_LOCKED while another process is the node, STORAGE_*, NETWORK_*. */
  static async start(options: AgentNodeOptions): Promise<AgentNode> {
    const agent = await openAgent(options)
    const store = await openStore(agent.wallet, agent.dataDir)
    try {
      // the services dial through the node that they are part of
      const node: AgentNode = new AgentNode(
        options,
        agent,
        store,
        await createLibp2p(options, agent, store, () => node)
      )
      await node.libp2p.start()
      await node.refresh()
      return node
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get messaging(): Messaging {
    return this.libp2p.services.messaging
  }

  /** Who and where peers are, by the files and the configuration of this moment. */
  directory(signal?: AbortSignal): Promise<Directory> {
    const { dataDir, config } = this.agent
    return openDirectory({ node: this.libp2p, dataDir, servers: config.servers }, signal)
  }

  /** A connection to the peer, new or open already. Throws NETWORK_PEER_UNREACHABLE, NETWORK_DIAL_SELF. */
  async connect(peer: PeerId, signal: AbortSignal): Promise<Connection> {
    const directory = await this.directory(signal)
    const target = await directory.resolve(peer.toString(), { signal })
    return dialPeer(directory, target, signal)
  }

  /** Registers with the servers that are known now. */
  async refresh(): Promise<void> {
    if (this.role === 'client') return
    await this.#registrations?.stop()
    const { servers } = await this.directory()
    this.#registrations = keepRegistered(this.libp2p, {
      servers,
      name: this.agent.wallet.name,
      signer: this.agent.wallet.identity,
      onChange: this.#onRegistration
    })
  }

  async stop(): Promise<void> {
    await this.#registrations?.stop()
    await this.libp2p.stop()
    await this.store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function createLibp2p(
  { role }: AgentNodeOptions,
  agent: Agent,
  store: DurableStore,
  node: () => AgentNode
): Promise<TalosNode<Services>> {
  const { identity } = agent.wallet
  const listen = agent.config.listen.length > 0 ? agent.config.listen : DEFAULT_LISTEN
  return agent.createNode<Services>(
    role,
    {
      registry: registryClient(),
      sessions: agent.sessions({ store, mayBegin: () => true }),
      messaging: messaging({
        identity,
        store,
        crypto,
        connect: (peer, signal) => node().connect(peer, signal)
      })
    },
    role === 'client' ? [] : listen
  )
}
