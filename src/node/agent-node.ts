import type { Connection, PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { crypto } from '../crypto/index.ts'
import { isTalosError, TalosError } from '../errors.ts'
import { type TunnelHost, type TunnelHostInit, tunnelHost } from '../protocols/mcp/tunnel/host.ts'
import type { MessageCounts } from '../protocols/messaging/index.ts'
import { type RegistryClient, registryClient } from '../protocols/registry/index.ts'
import { type Recorder, type SessionStore, type Sessions, streamSessions } from '../protocols/sessions/index.ts'
import type { StreamCodec } from '../protocols/streams/index.ts'
import { type Agent, type AgentOptions, beginAgent, openStore } from './agent.ts'
import type { AgentServices, ServiceComponents } from './agent-services.ts'
import { AuditTrail, troubleOf } from './audit/audit-trail.ts'
import { RegistrationRecords } from './audit/identity.ts'
import type { NetworkChain } from './chain/network-chain.ts'
import type { Config } from './config.ts'
import type { NodeRole } from './control/methods.ts'
import { dialPeer } from './directory/dial-peer.ts'
import type { Directory } from './directory/directory.ts'
import { type KeptRegistrations, keepRegistered } from './directory/keep-registered.ts'
import { openDirectory } from './directory/open-directory.ts'
import type { DurableStore } from './durable-store.ts'
import { isOneOf } from './mailbox/addresses.ts'
import { NodeRecording } from './mcp/recording.ts'
import { registrationNews } from './mcp/registration-news.ts'
import { hasIp6 } from './network/addresses.ts'
import type { TalosNode } from './network/create-node.ts'
import { NodeEvents } from './node-events.ts'
import { OwnStreams } from './streams/own-streams.ts'
import { isAwaited, type Offering, rememberOffer } from './tunnels/awaited.ts'
import { OwnTunnels } from './tunnels/own-tunnels.ts'
import type { Wallet } from './wallet/index.ts'

export interface AgentNodeOptions extends AgentOptions {
  role: NodeRole
  /** What this process will offer through the node: who comes before it does so is told to try again. @default nothing */
  offering?: Offering
}

/** What a tunnel needs: everything else comes after it. */
type CoreServices = { sessions: Sessions; registry: RegistryClient; tunnels: TunnelHost }

/** Where things are kept and recorded: it waits until this process is the node. */
interface Disk {
  store: SessionStore
  record: Recorder
  /** Tells what goes wrong with it. */
  events: NodeEvents
}

/** What only the process has that is the node. */
interface Opened {
  wallet: Wallet
  store: DurableStore
  audit: AuditTrail
}

/**
 * The node of a data directory: the wallet, the store and every protocol on one libp2p node. The process that has it is the
 * only one that has the store open; others work through its control socket.
 */
export class AgentNode implements AsyncDisposable {
  readonly role: NodeRole
  readonly startedAt = Date.now()
  readonly dataDir: string
  readonly config: Config
  readonly codecs: readonly StreamCodec[]
  readonly libp2p: TalosNode<CoreServices>
  readonly store: SessionStore
  /** Records what happens in its own chain. */
  readonly record: Recorder
  readonly tunnels: OwnTunnels
  readonly streams = new OwnStreams(this)
  readonly events: NodeEvents
  /** Resolves when this process is the node for sure. Rejects with WALLET_*, and STORAGE_LOCKED while another process is, STORAGE_*. */
  readonly opened: Promise<Opened>
  readonly #components: ServiceComponents
  /** What it refuses to peers who may use nothing. */
  readonly #recording: NodeRecording
  /** Multiaddrs that it was told to listen on. */
  readonly #listen: Set<string>
  #wallet: Wallet | undefined
  #audit: AuditTrail | undefined
  #services: AgentServices | undefined
  #registrations: KeptRegistrations | undefined
  readonly #registered: RegistrationRecords

  private constructor(
    { role, codecs = [] }: Pick<AgentNodeOptions, 'role' | 'codecs'>,
    agent: Agent,
    opened: Promise<Opened>,
    { store, record, events }: Disk,
    libp2p: TalosNode<CoreServices>,
    components: ServiceComponents
  ) {
    this.role = role
    this.dataDir = agent.dataDir
    this.config = agent.config
    this.codecs = codecs
    this.opened = opened
    this.store = store
    this.record = record
    this.events = events
    this.#registered = new RegistrationRecords({ store, record }, error =>
      events.tell({ type: 'audit-trouble', ...troubleOf(error) })
    )
    this.libp2p = libp2p
    this.tunnels = new OwnTunnels(this)
    this.#recording = NodeRecording.into(this.tunnels)
    this.#components = components
    this.#listen = new Set(listenOf(agent.config, role))
  }

  /** Throws WALLET_*, CONFIG_*, STORAGE_LOCKED while another process is the node, STORAGE_*, NETWORK_*. */
  static async start(options: AgentNodeOptions): Promise<AgentNode> {
    const node = await AgentNode.begin(options)
    try {
      await node.complete()
      return node
    } catch (error) {
      await node.stop()
      throw error
    }
  }

  /**
   * A node that opens tunnels, and knows nothing else until complete(). As a `client` it may be dialling already while the
   * wallet is being unsealed, and before it is certain that no other process is the node: what it does then waits for that.
   * Throws what start() throws and is known by then.
   */
  static async begin({ role, offering, ...options }: AgentNodeOptions): Promise<AgentNode> {
    const agent = await beginAgent(options)
    const events = new NodeEvents()
    const opened = agent.wallet.then(wallet => open(wallet, agent, events))
    opened.catch(() => {}) // told where it is used
    const disk: Disk = {
      events,
      store: { transact: async (...how) => (await opened.catch(leaveToOther)).store.transact(...how) },
      record: async (transaction, entries) => (await opened.catch(leaveToOther)).audit.record(transaction, entries)
    }
    if (role !== 'client') await opened
    let node: AgentNode | undefined
    try {
      const { libp2p, components } = await createCore(agent, role, disk, (peer, reason) => {
        if (node !== undefined) node.#recording.denials.add({ peer: peer.toString(), reason })
      })
      if (offering !== undefined) await rememberOffer(disk.store, offering)
      node = new AgentNode({ role, ...options }, agent, opened, disk, libp2p, components)
      await libp2p.start()
      return node
    } catch (error) {
      await close(opened)
      throw error
    }
  }

  /** Starts all other protocols, and registers. Throws what `opened` rejects with, STORAGE_*, REGISTRY_*. */
  async complete(): Promise<void> {
    const { wallet, audit } = await this.opened
    this.#wallet = wallet
    this.#audit = audit
    const { AgentServices } = await import('./agent-services.ts')
    this.#services = await AgentServices.start(this, this.#components)
    await this.refresh()
  }

  get wallet(): Wallet {
    if (this.#wallet === undefined) throw incomplete()
    return this.#wallet
  }

  /** What it did, and what was done to it: the agent's own chain. */
  get audit(): AuditTrail {
    if (this.#audit === undefined) throw incomplete()
    return this.#audit
  }

  get services(): AgentServices {
    if (this.#services === undefined) throw incomplete()
    return this.#services
  }

  /** Who and where peers are, by the files and the configuration of this moment. */
  directory(signal?: AbortSignal): Promise<Directory> {
    return openDirectory({ node: this.libp2p, dataDir: this.dataDir, servers: this.config.servers }, signal)
  }

  /** A connection to the peer, new or open already; `addresses` of it besides those that are known. Throws NETWORK_PEER_UNREACHABLE, NETWORK_DIAL_SELF. */
  async connect(peer: PeerId, signal: AbortSignal, addresses: readonly string[] = []): Promise<Connection> {
    const directory = await this.directory(signal)
    const known = await directory.resolve(peer.toString(), { signal })
    return dialPeer(directory, { ...known, addresses: [...addresses, ...known.addresses] }, signal)
  }

  /** Listens on these multiaddrs besides, unless it only dials. Throws NETWORK_LISTEN_FAILED. */
  async listen(addresses: readonly string[]): Promise<void> {
    const fresh = addresses.filter(address => !this.#listen.has(address))
    if (this.role === 'client' || fresh.length === 0) return
    await this.libp2p.services.dialer.listen(fresh.map(text => multiaddr(text)))
    for (const address of fresh) this.#listen.add(address)
  }

  /** Remembers bootstrap servers and registers there. Throws REGISTRY_*. */
  async know(servers: readonly string[], signal?: AbortSignal): Promise<void> {
    const before = await this.directory(signal)
    const { servers: known } = await openDirectory({ node: this.libp2p, dataDir: this.dataDir, servers }, signal)
    const isNew = known.some(({ peerId }) => !before.servers.some(server => server.peerId === peerId))
    if (isNew) await this.refresh()
  }

  /** Registers with the servers that are known now, and collects at the mailboxes. */
  async refresh(): Promise<void> {
    const { servers } = await this.directory()
    this.services.collectAt(servers)
    if (this.role === 'client') return
    await this.#registrations?.stop()
    const tell = registrationNews(event => this.events.tell(event))
    this.#registrations = keepRegistered(this.libp2p, {
      servers,
      name: this.wallet.name,
      signer: this.wallet.identity,
      mailboxes: () => this.services.registrableMailboxes(),
      mayBeMailbox: mailbox => isOneOf(mailbox, this.services.mailboxes),
      onChange: state => {
        tell(state)
        this.#registered.note(state)
      }
    })
  }

  /** The mailboxes have taken this node in, or given up: the registrations are to name others. */
  mailboxesChanged(): void {
    this.#registrations?.refresh()
  }

  /** The chain that is shared with others, if there is one; none before complete(). */
  get network(): NetworkChain | undefined {
    return this.#services?.network?.chain
  }

  /** How far the agent's own chain is, with the records that are in no block yet; zeros before complete(). */
  async auditCounts(): Promise<{ height: number; records: number; waiting: number; failures: number }> {
    const trail = this.#audit
    if (trail === undefined) return { height: 0, records: 0, waiting: 0, failures: 0 }
    const { sequence } = await trail.chain.head()
    const { height, sequence: sealed } = trail.chain.tip
    return { height, records: sequence, waiting: Math.max(0, sequence - sealed), failures: trail.sealFailures }
  }

  /** Messages that wait, here and for the application; none before complete(). */
  usage(): { outbox: number; inbox: number } {
    return this.#services?.messaging.usage ?? { outbox: 0, inbox: 0 }
  }

  /** Envelopes that were not taken, since the start. */
  messageCounts(): MessageCounts {
    return this.#services?.messaging.counts ?? { unreadableHere: 0, unreadableThere: 0, forged: 0 }
  }

  async stop(): Promise<void> {
    await this.#registrations?.stop()
    await this.#registered.stop()
    await this.#services?.stop()
    await this.libp2p.stop()
    await this.#recording[Symbol.asyncDispose]()
    await close(this.opened)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

async function open(wallet: Wallet, { dataDir, config }: Agent, events: NodeEvents): Promise<Opened> {
  const store = await openStore(wallet, dataDir)
  const { difficulty } = config.audit
  try {
    const audit = await AuditTrail.open(store, wallet, {
      ...(difficulty === undefined ? {} : { difficulty }),
      onTrouble: trouble => events.tell({ type: 'audit-trouble', ...trouble })
    })
    return { wallet, store, audit }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** The last block first: it is written into the store. */
async function close(opened: Promise<Opened>): Promise<void> {
  const { audit, store } = (await opened.catch(() => undefined)) ?? {}
  try {
    await audit?.close()
  } finally {
    await store?.close()
  }
}

async function createCore(
  agent: Agent,
  role: NodeRole,
  { store, record }: Disk,
  onDenied: NonNullable<TunnelHostInit['onDenied']>
): Promise<{ libp2p: TalosNode<CoreServices>; components: ServiceComponents }> {
  let components: ServiceComponents | undefined
  const libp2p = await agent.createNode<CoreServices>(
    role === 'client' ? 'client' : 'agent',
    {
      registry: registryClient(),
      sessions: agent.sessions({ store, record, mayBegin: () => true }),
      tunnels: own => {
        components = own
        return tunnelHost({
          sessions: own.sessions,
          streams: streamSessions(crypto),
          isAwaited: (peer, service) => isAwaited(store, peer, service),
          onDenied
        })(own)
      }
    },
    listenOf(agent.config, role)
  )
  return { libp2p, components: components! }
}

/** Any free ports, of IPv6 too where there is such, unless it is configured; peers learn them from the registry. */
function listenOf({ listen }: Config, role: NodeRole): string[] {
  if (role === 'client') return []
  if (listen.length > 0) return listen
  const everywhere = hasIp6() ? ['/ip4/0.0.0.0', '/ip6/::'] : ['/ip4/0.0.0.0']
  return everywhere.flatMap(address => [`${address}/tcp/0`, `${address}/tcp/0/ws`])
}

/** For what a node has begun that turns out not to be the one: it is done through the other. */
function leaveToOther(error: unknown): never {
  throw isTalosError(error, 'STORAGE_LOCKED')
    ? new TalosError('NODE_GONE', 'another process is the node', { hint: 'Try again.', cause: error })
    : error
}

function incomplete(): TalosError {
  return new TalosError('INTERNAL', 'the node has not started yet')
}
