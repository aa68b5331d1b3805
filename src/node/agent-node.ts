import { join } from 'node:path'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { crypto } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import type { Broadcast, Broadcasts } from '../protocols/broadcast/index.ts'
import { type Files, files } from '../protocols/files/index.ts'
import { type MailboxAddress, type MailboxClient, mailboxClient } from '../protocols/mailbox/index.ts'
import { type Messaging, messaging } from '../protocols/messaging/index.ts'
import { type RegistryClient, registryClient } from '../protocols/registry/index.ts'
import type { Sessions } from '../protocols/sessions/index.ts'
import { type OpenOptions, type OutgoingStream, type Streams, streams } from '../protocols/streams/index.ts'
import { listPeers } from './address-book.ts'
import { type Agent, type AgentOptions, defined, openAgent, openStore } from './agent.ts'
import { dialPeer } from './directory/dial-peer.ts'
import type { Directory } from './directory/directory.ts'
import { type KeptRegistrations, keepRegistered, type RegistrationState } from './directory/keep-registered.ts'
import { openDirectory } from './directory/open-directory.ts'
import type { DurableStore } from './durable-store.ts'
import { FilePolicy } from './file-policy.ts'
import { ownMailboxes, registrableMailboxes } from './mailbox/addresses.ts'
import { throwAwayDepositor } from './mailbox/depositor.ts'
import { type RegistrationEvent, registrationNews } from './mcp/registration-news.ts'
import type { TalosNode } from './network/create-node.ts'
import { resolvePeer } from './peer-ref.ts'
import { StreamPolicy } from './stream-policy.ts'

/** Any free port; peers learn it from the registry. */
const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/0', '/ip4/0.0.0.0/tcp/0/ws']

export interface AgentNodeOptions extends AgentOptions {
  /** `client` dials only, and is not registered; `agent` listens, and is found by others. */
  role: 'client' | 'agent'
  onRegistration?: (event: RegistrationEvent) => void
}

type Services = {
  sessions: Sessions
  registry: RegistryClient
  messaging: Messaging
  mailbox: MailboxClient
  files: Files
  streams: Streams
  /** In the role `agent`. */
  broadcasts?: Broadcasts
}

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
  readonly filePolicy: FilePolicy
  readonly streamPolicy: StreamPolicy
  readonly #onRegistration: (state: RegistrationState) => void
  #registrations: KeptRegistrations | undefined
  #mailboxes: MailboxAddress[] = []

  private constructor(
    options: AgentNodeOptions,
    agent: Agent,
    store: DurableStore,
    filePolicy: FilePolicy,
    streamPolicy: StreamPolicy,
    libp2p: TalosNode<Services>
  ) {
    this.agent = agent
    this.role = options.role
    this.store = store
    this.libp2p = libp2p
    this.filePolicy = filePolicy
    this.streamPolicy = streamPolicy
    this.#onRegistration = registrationNews(options.onRegistration ?? (() => {}))
  }

  /** Throws WALLET_*, CONFIG_*, STORAGE_LOCKED while another process is the node, STORAGE_*, NETWORK_*. */
  static async start(options: AgentNodeOptions): Promise<AgentNode> {
    const agent = await openAgent(options)
    const store = await openStore(agent.wallet, agent.dataDir)
    try {
      // the services dial through the node that they are part of
      const policy = filePolicy(agent)
      const consent = new StreamPolicy()
      const libp2p = await createLibp2p(options, agent, store, policy, consent, () => node)
      const node: AgentNode = new AgentNode(options, agent, store, policy, consent, libp2p)
      await node.libp2p.start()
      await node.refresh()
      return node
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get files(): Files {
    return this.libp2p.services.files
  }

  get messaging(): Messaging {
    return this.libp2p.services.messaging
  }

  /** Throws BROADCAST_NEEDS_AGENT in the role `client`. */
  get broadcasts(): Broadcasts {
    const { broadcasts } = this.libp2p.services
    if (broadcasts !== undefined) return broadcasts
    throw new TalosError(
      'BROADCAST_NEEDS_AGENT',
      'the node that runs here only reaches others: it takes no part in topics',
      {
        hint: 'Try again when its command has ended, or let "talos daemon" run.'
      }
    )
  }

  /** Broadcasts on the topics that are listened to. */
  onBroadcast(listener: (broadcast: Broadcast) => void): void {
    this.libp2p.services.broadcasts?.addEventListener('broadcast', ({ detail }) => listener(detail))
  }

  /** Who and where peers are, by the files and the configuration of this moment. */
  directory(signal?: AbortSignal): Promise<Directory> {
    const { dataDir, config } = this.agent
    return openDirectory({ node: this.libp2p, dataDir, servers: config.servers }, signal)
  }

  /** A connection to the peer, new or open already. Throws NETWORK_PEER_UNREACHABLE, NETWORK_DIAL_SELF. */
  async connect(peer: PeerId, signal: AbortSignal, addresses: readonly string[] = []): Promise<Connection> {
    const directory = await this.directory(signal)
    const known = await directory.resolve(peer.toString(), { signal })
    return dialPeer(directory, { ...known, addresses: [...addresses, ...known.addresses] }, signal)
  }

  /** Opens a stream to a peer, by whatever it is called. Throws PEER_*, and as Streams.open(). */
  async openStream(reference: string, options: OpenOptions): Promise<OutgoingStream> {
    const { signal } = options
    const directory = await this.directory(signal)
    const { peerId } = await directory.resolve(reference, signal === undefined ? {} : { signal })
    return this.libp2p.services.streams.open(peerIdFromString(peerId), options)
  }

  /** Where envelopes for this node are left while it is away. */
  get mailboxes(): readonly MailboxAddress[] {
    return this.#mailboxes
  }

  /** Registers with the servers that are known now, and collects at the mailboxes. */
  async refresh(): Promise<void> {
    const { servers } = await this.directory()
    this.#mailboxes = ownMailboxes(this.agent.config.mailboxes, servers)
    this.libp2p.services.mailbox.refresh()
    if (this.role === 'client') return
    await this.#registrations?.stop()
    this.#registrations = keepRegistered(this.libp2p, {
      servers,
      name: this.agent.wallet.name,
      signer: this.agent.wallet.identity,
      mailboxes: () => registrableMailboxes(this.libp2p.services.mailbox.states()),
      onChange: this.#onRegistration
    })
  }

  /** The mailboxes have taken this node in, or given up: the registrations are to name others. */
  mailboxesChanged(): void {
    this.#registrations?.refresh()
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

async function createLibp2p(
  { role }: AgentNodeOptions,
  agent: Agent,
  store: DurableStore,
  policy: FilePolicy,
  consent: StreamPolicy,
  node: () => AgentNode
): Promise<TalosNode<Services>> {
  const { identity } = agent.wallet
  const listen = agent.config.listen.length > 0 ? agent.config.listen : DEFAULT_LISTEN
  const connect = (peer: PeerId, signal: AbortSignal): Promise<Connection> => node().connect(peer, signal)
  // gossipsub adds more than a tenth to the time that libp2p takes to load, and a client is connected to nobody who would listen
  const broadcast = role === 'client' ? undefined : await import('../protocols/broadcast/index.ts')
  const libp2p = await agent.createNode<Services>(
    role,
    {
      registry: registryClient(),
      sessions: agent.sessions({ store, mayBegin: () => true }),
      mailbox: components =>
        mailboxClient({
          sessions: components.sessions,
          crypto,
          connect: ({ peerId, addresses }, signal) => node().connect(peerId, signal, addresses.map(String)),
          depositor: throwAwayDepositor,
          mailboxes: () => node().mailboxes,
          lookUp: async (peer, signal) => (await node().directory(signal)).mailboxesOf(peer, { signal }),
          onEnvelope: envelope => node().messaging.receive(envelope),
          onState: () => node().mailboxesChanged()
        })(components),
      messaging: components => messaging({ identity, store, crypto, connect, mailbox: components.mailbox })(components),
      files: components =>
        files({
          sessions: components.sessions,
          store,
          crypto,
          connect,
          downloadDir: agent.config.files.downloadDir ?? join(agent.dataDir, 'downloads'),
          decide: (offer, signal) => policy.decide(offer, signal),
          limits: defined(agent.config.files.limits)
        })(components),
      streams: components =>
        streams({ crypto, sessions: components.sessions, connect, accept: offer => consent.decide(offer) })(components),
      ...(broadcast === undefined ? {} : { broadcasts: broadcast.broadcasts({ crypto, identity }) })
    },
    role === 'client' ? [] : listen
  )
  libp2p.services.streams.addEventListener('stream', ({ detail }) => consent.opened(detail.offer, detail))
  return libp2p
}

/** Whose files are taken unasked: by the configuration and the address book of the moment of the offer. */
function filePolicy({ dataDir, config: { files } }: Agent): FilePolicy {
  return new FilePolicy({
    isAllowed: async peer => {
      if (files.acceptFrom.includes('*')) return true
      const book = (await listPeers({ dataDir })).map(known => ({ ...known, source: 'petname' as const }))
      return files.acceptFrom.some(reference => resolvePeer(reference, book).peerId === peer)
    },
    ...(files.maxUnasked === undefined ? {} : { maxUnasked: files.maxUnasked })
  })
}
