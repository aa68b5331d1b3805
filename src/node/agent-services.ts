import { join } from 'node:path'
import { type Connection, type PeerId, start, stop } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { crypto } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import type { AuditServer } from '../protocols/audit/index.ts'
import type { Broadcasts } from '../protocols/broadcast/index.ts'
import { DownloadFolder, type Files, type FilesComponents, files } from '../protocols/files/index.ts'
import {
  type MailboxAddress,
  type MailboxClient,
  type MailboxClientComponents,
  type MailboxServer,
  mailboxClient,
  mailboxServer
} from '../protocols/mailbox/index.ts'
import {
  type HistoryLimits,
  type Messaging,
  type MessagingComponents,
  messaging
} from '../protocols/messaging/index.ts'
import {
  type OpenOptions,
  type OutgoingStream,
  type StreamOffer,
  type Streams,
  streams
} from '../protocols/streams/index.ts'
import type { WitnessServer } from '../protocols/witness/index.ts'
import { defined } from './agent.ts'
import type { AgentNode } from './agent-node.ts'
import { serveComparisons } from './audit/read/serve-peers.ts'
import { Refusals } from './audit/refusals.ts'
import type { Claims } from './chain/claims.ts'
import type { NetworkChain, NetworkChainComponents } from './chain/network-chain.ts'
import type { Config } from './config.ts'
import { FilePolicy } from './file-policy.ts'
import { addressBookOf, isAmong } from './known-peer.ts'
import { LightNodes } from './light/light-nodes.ts'
import { ownMailboxes, registrableMailboxes } from './mailbox/addresses.ts'
import { throwAwayDepositor } from './mailbox/depositor.ts'
import { mailboxLimits } from './mailbox/limits.ts'
import type { KnownServer } from './server-book.ts'
import { openStorage, type Storage } from './storage.ts'
import { StreamPolicy } from './streams/stream-policy.ts'
import { connectWitness } from './witness/connect-witness.ts'
import { EvidenceExchange } from './witness/evidence-exchange.ts'
import { keeperOf, ownWitness } from './witness/own-witness.ts'
import { readPolicy } from './witness/policy-file.ts'
import { Witnessing } from './witness/witnessing.ts'

/** Between two times that the witnesses are asked, unless it is configured. Seconds. */
const DEFAULT_INTERVAL = 60

/** What libp2p gives each protocol, and the sessions. */
export type ServiceComponents = FilesComponents &
  MailboxClientComponents &
  MessagingComponents &
  Parameters<ReturnType<typeof streams>>[0] &
  NetworkChainComponents &
  Parameters<ReturnType<BroadcastModule['broadcasts']>>[0]

type BroadcastModule = typeof import('../protocols/broadcast/index.ts')

/**
 * The protocols of a node that no tunnel needs: apart from it, so that `talos mcp-connect` neither loads nor starts them before
 * its agent is served.
 */
export class AgentServices {
  readonly mailbox: MailboxClient
  readonly messaging: Messaging
  readonly files: Files
  readonly filePolicy: FilePolicy
  readonly streams: Streams
  readonly streamPolicy = new StreamPolicy()
  readonly #refusals: Refusals
  readonly #broadcasts: Broadcasts | undefined
  readonly #comparisons: AuditServer | undefined
  /** The mailbox that this node is for others. */
  readonly #hosted: MailboxServer | undefined
  readonly #boxes: Storage | undefined
  readonly witnessing: Witnessing
  /** Chains that others keep, by their headers. */
  readonly light: LightNodes
  /** The witness that this node is for others. */
  readonly witness: WitnessServer | undefined
  readonly #node: AgentNode
  readonly #components: ServiceComponents
  #network: { chain: NetworkChain; claims: Claims; stop(): Promise<void> } | undefined
  #mailboxes: MailboxAddress[] = []
  #evidence: EvidenceExchange | undefined

  private constructor(
    node: AgentNode,
    components: ServiceComponents,
    broadcast: BroadcastModule | undefined,
    boxes: Storage | undefined,
    witness: Awaited<ReturnType<typeof ownWitness>> | undefined
  ) {
    const { store, record, config, dataDir } = node
    const { sessions } = components
    const { identity } = node.wallet
    const connect = (peer: PeerId, signal: AbortSignal): Promise<Connection> => node.connect(peer, signal)
    this.#node = node
    this.#components = components
    this.filePolicy = filePolicyOf(node)
    const log = components.logger.forComponent('talos:audit')
    this.#refusals = new Refusals({
      record: entry => store.transact(transaction => record(transaction, [entry])),
      onError: error => log.error('a refusal was not recorded: %e', error)
    })
    this.mailbox = mailboxClient({
      sessions,
      crypto,
      connect: ({ peerId, addresses }, signal) => node.connect(peerId, signal, addresses.map(String)),
      depositor: throwAwayDepositor,
      mailboxes: () => this.#mailboxes,
      lookUp: async (peer, signal) => (await node.directory(signal)).mailboxesOf(peer, { signal }),
      onEnvelope: envelope => this.messaging.receive(envelope),
      onState: () => node.mailboxesChanged()
    })(components)
    const { acceptFrom } = config.messages
    const isKnown = addressBookOf({ dataDir })
    this.messaging = messaging({
      identity,
      store,
      crypto,
      connect,
      mailbox: this.mailbox,
      record,
      acceptFrom,
      isKnown,
      // a command that comes and goes does what it was called for
      ...(node.role === 'client' ? {} : { history: historyLimits(config) })
    })(components)
    this.files = files({
      sessions,
      store,
      crypto,
      connect,
      record,
      downloadDir: config.files.downloadDir ?? join(dataDir, 'downloads'),
      decide: (offer, signal) => this.filePolicy.decide(offer, signal),
      limits: defined(config.files.limits)
    })(components)
    this.streams = streams({
      crypto,
      sessions,
      connect,
      accept: offer => this.#accept(offer),
      codecs: node.codecs
    })(components)
    this.#broadcasts = broadcast?.broadcasts({ crypto, identity })(components)
    this.#comparisons = node.role === 'client' ? undefined : serveComparisons(node, components)
    this.#boxes = boxes
    this.light = new LightNodes(node)
    this.witness = witness?.(components)
    this.witnessing = new Witnessing({
      chain: node.audit.chain,
      store,
      policy: () => readPolicy(dataDir, config.witness),
      connect: (one, signal) => connectWitness(node, one, signal),
      ...(node.role === 'client' ? {} : { interval: 1_000 * (config.witness.interval ?? DEFAULT_INTERVAL) }),
      onTrouble: (name, trouble) => node.events.tell({ type: 'witness-trouble', witness: name, ...trouble })
    })
    this.#hosted =
      boxes === undefined
        ? undefined
        : mailboxServer({ database: boxes.of('mailbox'), limits: mailboxLimits(config.limits) })(components)
  }

  /** Throws STORAGE_*, and FILE_FOLDER when the configured download folder cannot be used. */
  static async start(node: AgentNode, components: ServiceComponents): Promise<AgentServices> {
    const { downloadDir } = node.config.files
    if (node.role !== 'client' && downloadDir !== undefined) await new DownloadFolder(downloadDir).check()
    // a client is connected to nobody who would listen, and gossipsub takes its time to load
    const broadcast = node.role === 'client' ? undefined : await import('../protocols/broadcast/index.ts')
    const isMailbox = node.role !== 'client' && node.config.mailbox === true
    const boxes = isMailbox ? await openStorage(join(node.dataDir, 'mailbox')) : undefined
    const { dataDir, config, store } = node
    const { allow } = config.witness
    const isWitness = node.role !== 'client' && allow.length > 0
    const onEvidence = (evidence: Uint8Array): void => services.onEvidence(evidence)
    const { peerId } = node.wallet
    const witness = isWitness ? await ownWitness({ dataDir, allow, store, peerId, onEvidence }) : undefined
    const services = new AgentServices(node, components, broadcast, boxes, witness)
    services.#tell()
    try {
      await start(...services.#all)
      await services.#startNetwork()
      services.#exchangeEvidence()
    } catch (error) {
      await boxes?.close()
      throw error
    }
    services.witnessing.start()
    return services
  }

  /** Where envelopes for this node are left while it is away: as configured, else at the servers. */
  collectAt(servers: readonly KnownServer[]): void {
    this.#mailboxes = ownMailboxes(this.#node.config.mailboxes, servers)
    this.mailbox.refresh()
  }

  /** Those that are asked, whether or not they have taken this node in. */
  get mailboxes(): readonly MailboxAddress[] {
    return this.#mailboxes
  }

  registrableMailboxes(): ReturnType<typeof registrableMailboxes> {
    return registrableMailboxes(this.mailbox.states())
  }

  /** Throws BROADCAST_NEEDS_AGENT in the role `client`. */
  get broadcasts(): Broadcasts {
    if (this.#broadcasts !== undefined) return this.#broadcasts
    throw new TalosError(
      'BROADCAST_NEEDS_AGENT',
      'the node that runs here only reaches others: it takes no part in topics',
      { hint: 'Try again when its command has ended, or let "talos daemon" run.' }
    )
  }

  /** Opens a stream to a peer, by whatever it is called. Throws PEER_*, and as Streams.open(). */
  async openStream(reference: string, options: OpenOptions): Promise<OutgoingStream> {
    const { signal } = options
    const directory = await this.#node.directory(signal)
    const { peerId } = await directory.resolve(reference, signal === undefined ? {} : { signal })
    return this.streams.open(peerIdFromString(peerId), options)
  }

  /** The chain that is shared with others, when the configuration names one and the node is there for others. */
  get network(): { chain: NetworkChain; claims: Claims } | undefined {
    return this.#network
  }

  async #startNetwork(): Promise<void> {
    await this.light.start()
    const { node, chain } = this.#node.config
    if (this.#broadcasts === undefined || chain.network === undefined || node.role === 'light') return
    const { startNetwork } = await import('./chain/start-network.ts')
    this.#network = await startNetwork(this.#node, this.#components, this.#broadcasts, evidence =>
      this.onEvidence(evidence)
    )
  }

  /** What convicts the owner of a chain is passed on by whoever may have to do with it: a witness, and who shares a chain. */
  #exchangeEvidence(): void {
    const keepers = [
      ...(this.witness === undefined ? [] : [keeperOf(this.witness)]),
      ...(this.#network === undefined ? [] : [this.#network.chain.evidenceKeeper])
    ]
    if (this.#broadcasts !== undefined && keepers.length > 0) {
      this.#evidence = new EvidenceExchange(this.#broadcasts, keepers)
    }
  }

  /** Passes on what convicts somebody, where it concerns this node. */
  onEvidence(evidence: Uint8Array): void {
    this.#evidence?.found(evidence).catch(() => {})
  }

  async stop(): Promise<void> {
    await this.witnessing.stop()
    this.#evidence?.close()
    await this.#network?.stop()
    await this.light.stop()
    await stop(...this.#all)
    await this.#refusals.close()
    await this.#boxes?.close()
  }

  async #accept(offer: StreamOffer): Promise<boolean> {
    const accepted = await this.streamPolicy.decide(offer)
    // nobody refused what was not waited for
    if (accepted || (offer.signal.aborted && offer.signal.reason?.name !== 'TimeoutError')) return accepted
    const { codec, label } = offer
    const peer = offer.peer.toString()
    this.#refusals.note({ peer, what: 'stream', reason: 'STREAM_NOT_ACCEPTED', details: { codec, label } })
    return false
  }

  get #all(): object[] {
    const all = [this.mailbox, this.messaging, this.files, this.streams]
    return [...all, this.#broadcasts, this.#comparisons, this.#hosted, this.witness].filter(
      service => service !== undefined
    )
  }

  #tell(): void {
    const { events } = this.#node
    this.messaging.addEventListener('message', ({ detail: { id, peer } }) => events.tell({ type: 'message', id, peer }))
    this.messaging.addEventListener('state', ({ detail: { id, peer, state } }) =>
      events.tell({ type: 'message-state', id, peer, state })
    )
    this.files.addEventListener('refused', ({ detail: { offer, code } }) => {
      const { peer, name, mediaType, size, entries } = offer
      this.#refusals.note({ peer, what: 'file', reason: code, details: { name, type: mediaType, size, entries } })
    })
    this.filePolicy.addEventListener('asked', ({ detail }) => events.tell({ type: 'file-offer', offer: detail }))
    this.filePolicy.addEventListener('answered', ({ detail }) => events.tell({ type: 'file-answered', ...detail }))
    this.streams.addEventListener('stream', ({ detail }) => this.streamPolicy.opened(detail.offer, detail))
    this.#broadcasts?.addEventListener('broadcast', ({ detail: { sender, encrypted: _, ...broadcast } }) =>
      events.tell({ type: 'broadcast', ...broadcast, peer: sender.toString() })
    )
    for (const type of ['progress', 'done', 'failed'] as const) {
      this.files.addEventListener(type, ({ detail }) => events.tell({ type: 'transfer', transfer: detail }))
    }
  }
}

/** Whose files are taken unasked: by the configuration and the address book of the moment of the offer. */
function filePolicyOf({ dataDir, config: { files } }: AgentNode): FilePolicy {
  return new FilePolicy({
    isAllowed: peer => isAmong(files.acceptFrom, peer, { dataDir }),
    ...(files.maxUnasked === undefined ? {} : { maxUnasked: files.maxUnasked })
  })
}

function historyLimits({ messages: { history } }: Config): HistoryLimits {
  const { days = 365, bytes = 1024 ** 3 } = history
  return { maxAge: days * 86_400_000, maxBytes: bytes }
}
