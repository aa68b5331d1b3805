import type { PeerId } from '@libp2p/interface'
import { stateOf } from '../chain/index.ts'
import { crypto } from '../crypto/index.ts'
import { TalosError } from '../errors.ts'
import { topicName } from '../protocols/broadcast/topics.ts'
import type { FileOffer, Transfer } from '../protocols/files/index.ts'
import type { Forgotten, InboxEntry, IncomingMessage, OutgoingMessage } from '../protocols/messaging/index.ts'
import { acceptChangedKey, type ChangedKey, changedKey, listSessions } from '../protocols/sessions/index.ts'
import type { AgentNode } from './agent-node.ts'
import { type RecordedMessage, withRecords } from './audit/history.ts'
import {
  type BroadcastReport,
  type CallContext,
  type EstablishedSession,
  isAbove,
  type NodeApi,
  type NodeEvent,
  type PrekeyBundleReport
} from './control/methods.ts'
import { connectionReports } from './directory/connections.ts'
import { reachability } from './directory/status.ts'
import type { NodeStatus, RunningNode } from './directory/types.ts'
import { InboxLeases } from './inbox-leases.ts'
import { LightApi } from './light/light-api.ts'
import { resolveAt } from './resolve-peer.ts'
import { TopicListeners } from './topic-listeners.ts'
import { VERSION } from './version.ts'
import { readWalletSummary } from './wallet/index.ts'
import type { WitnessReport } from './witness/types.ts'

/** Messages that one call returns unless it asks for another number. */
const DEFAULT_LIMIT = 100
/** Who calls from within this process. */
const SELF = Symbol('self')
const NEVER = new AbortController().signal

type Params<Name extends keyof NodeApi> = Parameters<NodeApi[Name]>[0]

/** What the commands and the SDK ask of a node, done by the node in this process. */
export class AgentApi extends LightApi implements NodeApi {
  readonly #node: AgentNode
  readonly #leave: () => void
  readonly #leases = new InboxLeases()
  readonly #topics: TopicListeners
  /** By peer as it was given: settled when the last message for it has its place. */
  readonly #sending = new Map<string, Promise<void>>()

  /** @param leave called when the node is asked to end */
  constructor(node: AgentNode, leave: () => void) {
    super(node)
    this.#node = node
    this.#leave = leave
    this.#topics = new TopicListeners(
      topic => node.services.broadcasts.subscribe(topic),
      topic => node.services.broadcasts.unsubscribe(topic)
    )
  }

  onEvent(listener: (event: NodeEvent) => void): () => void {
    return this.#node.events.listen(listener)
  }

  release(client: symbol): void {
    this.#topics.release(client)
    if (this.#leases.release(client)) this.#tellFree()
  }

  async status(_: Params<'status'>, { signal }: CallContext = {}): Promise<NodeStatus> {
    const { dataDir, wallet, store } = this.#node
    const directory = await this.#node.directory(signal)
    const [identity, reach, sessions, witness, { height, records, pending }] = await Promise.all([
      readWalletSummary({ dataDir }),
      reachability(directory, wallet.peerId, signal),
      listSessions(store, crypto),
      this.#node.services.witnessing.status(),
      stateOf(this.#node.audit.chain)
    ])
    // afterwards: the way to a server or a peer may have been opened only now
    const connections = await connectionReports(this.#node.libp2p, directory.peers, signal)
    const shared = this.#node.network?.status()
    const network = shared && { name: shared.name, height: shared.height, peers: shared.peers.length }
    const chain = { height, records, pending, ...(network === undefined ? {} : { network }) }
    return { identity, dataDir, ...reach, sessions, chain, witness, node: this.#running(connections) }
  }

  async send({ peer, content, ...options }: Params<'send'>, { signal }: CallContext = {}): Promise<OutgoingMessage> {
    // looking up a name takes its time, and messages go out in the order in which they were given
    const before = this.#sending.get(peer)
    const turn = Promise.withResolvers<void>()
    this.#sending.set(peer, turn.promise)
    try {
      const { peerId } = await this.#resolve(peer, signal)
      await before
      const stop = signal === undefined ? {} : { signal }
      return this.#node.services.messaging.send(peerId, content, { ...options, ...stop })
    } finally {
      turn.resolve()
      if (this.#sending.get(peer) === turn.promise) this.#sending.delete(peer)
    }
  }

  waitFor({ id, state }: Params<'waitFor'>, { signal }: CallContext = {}): Promise<OutgoingMessage> {
    return this.#node.services.messaging.waitFor(id, state, signal ?? NEVER)
  }

  async outgoing({ id }: Params<'outgoing'>): Promise<OutgoingMessage> {
    const found = await this.#node.services.messaging.get(id)
    if (found !== undefined && 'state' in found) return found
    throw new TalosError('MESSAGE_UNKNOWN', `no message ${id} was sent from here`)
  }

  async history({ peer, ...query }: Params<'history'>, context: CallContext = {}): Promise<RecordedMessage[]> {
    const messages = await this.#node.services.messaging.history({
      limit: DEFAULT_LIMIT,
      ...query,
      ...(await this.#peerOf(peer, context))
    })
    return withRecords(this.#node.audit.chain, messages)
  }

  async forgetHistory({ peer }: Params<'forgetHistory'>, { signal = NEVER }: CallContext = {}): Promise<Forgotten> {
    const { peerId } = await this.#resolve(peer, signal)
    return this.#node.services.messaging.forget(peerId.toString(), signal)
  }

  async inbox({ peer, ...query }: Params<'inbox'>, context: CallContext = {}): Promise<IncomingMessage[]> {
    const found = await this.#node.services.messaging.inbox({
      limit: DEFAULT_LIMIT,
      ...query,
      ...(await this.#peerOf(peer, context))
    })
    return found.map(withoutPlace)
  }

  async receive(
    { peer, limit = DEFAULT_LIMIT, reader = '' }: Params<'receive'>,
    context: CallContext = {}
  ): Promise<IncomingMessage[]> {
    const { client = SELF, signal } = context
    const of = await this.#peerOf(peer, context)
    for (;;) {
      const position = this.#leases.position(client, reader, of.peer ?? '')
      const isWanted = (place: string): boolean => this.#leases.isFree(place)
      const found = await this.#node.services.messaging.inbox({ ...of, ...position, isWanted, limit })
      // nobody would take them
      signal?.throwIfAborted()
      // something has become free meanwhile, maybe before these
      if (this.#leases.position(client, reader, of.peer ?? '') !== position) continue
      const free = found.filter(({ place }) => isWanted(place))
      for (const { id, place } of free) this.#leases.claim(client, reader, id, place)
      if (found.length > 0) position.after = found.at(-1)!.place
      if (free.length > 0 || found.length === 0) return free.map(withoutPlace)
    }
  }

  async leaveInbox({ reader }: Params<'leaveInbox'>, { client = SELF }: CallContext = {}): Promise<null> {
    if (this.#leases.leave(client, reader)) this.#tellFree()
    return null
  }

  async take({ id }: Params<'take'>): Promise<null> {
    await this.#node.services.messaging.take(id)
    this.#leases.forget(id)
    return null
  }

  async sendFile({ peer, path }: Params<'sendFile'>, { signal = NEVER }: CallContext = {}): Promise<Transfer> {
    const { peerId } = await this.#resolve(peer, signal)
    return this.#node.services.files.send(peerId, path, { signal })
  }

  transferDone({ id }: Params<'transferDone'>, { signal = NEVER }: CallContext = {}): Promise<Transfer> {
    return this.#node.services.files.completed(id, signal)
  }

  async files(): Promise<{ offers: FileOffer[]; transfers: Transfer[] }> {
    return { offers: this.#node.services.filePolicy.waiting, transfers: this.#node.services.files.list() }
  }

  async answerOffer({ id, accept }: Params<'answerOffer'>): Promise<null> {
    this.#node.services.filePolicy.answer(id, accept)
    await this.#node.services.files.decided(id)
    return null
  }

  cancelTransfer({ id }: Params<'cancelTransfer'>): Promise<Transfer> {
    return this.#node.services.files.cancel(id)
  }

  async broadcast(
    { topic, content, ...options }: Params<'broadcast'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<BroadcastReport> {
    return this.#node.services.broadcasts.publish(topic, content, { ...options, signal })
  }

  async topicJoin({ topic }: Params<'topicJoin'>, { client = SELF }: CallContext = {}): Promise<{ topic: string }> {
    const name = topicName(topic)
    this.#topics.add(name, client)
    return { topic: name }
  }

  async topicLeave({ topic }: Params<'topicLeave'>, { client = SELF }: CallContext = {}): Promise<null> {
    this.#topics.remove(topicName(topic), client)
    return null
  }

  async establishSession(
    { peer }: Params<'establishSession'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<EstablishedSession> {
    const { store, libp2p } = this.#node
    const { peerId } = await this.#resolve(peer, signal)
    const connection = await this.#node.connect(peerId, signal)
    const report = { peerId: peerId.toString(), direct: connection.direct }
    const known = (await listSessions(store, crypto)).find(({ peer: of }) => of === report.peerId)
    if (known !== undefined && known.sessions > 0) return { ...report, isNew: false }
    const { sessions } = libp2p.services
    const bundle = await sessions.fetch(connection, signal)
    await store.transact(transaction => sessions.beginIn(transaction, peerId, bundle))
    return { ...report, isNew: true }
  }

  async prekeyBundle(
    { peer }: Params<'prekeyBundle'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<PrekeyBundleReport> {
    const { peerId } = await this.#resolve(peer, signal)
    const { bundle } = await this.#node.libp2p.services.sessions.fetch(await this.#node.connect(peerId, signal), signal)
    return {
      peerId: peerId.toString(),
      agreementKey: bundle.agreement,
      signedPrekeyId: bundle.signed.id,
      kemPrekeyId: (bundle.oneTimeKem ?? bundle.lastResortKem).id,
      oneTime: bundle.oneTime !== undefined || bundle.oneTimeKem !== undefined,
      expiresAt: bundle.expires
    }
  }

  async witnesses({ ask }: Params<'witnesses'>, { signal = NEVER }: CallContext = {}): Promise<WitnessReport> {
    const { witnessing } = this.#node.services
    return ask === true ? witnessing.check(signal) : witnessing.report()
  }

  async submitToWitnesses(
    { anchor }: Params<'submitToWitnesses'>,
    { signal = NEVER }: CallContext = {}
  ): Promise<WitnessReport> {
    const { witnessing } = this.#node.services
    const report = await witnessing.submit(signal)
    if (anchor === true) await witnessing.anchor()
    return report
  }

  async changedKey({ peer }: Params<'changedKey'>, { signal }: CallContext = {}): Promise<ChangedKey> {
    return changedKey(this.#node.store, crypto, (await this.#resolve(peer, signal)).peerId.toString())
  }

  async acceptKey({ peer, offered }: Params<'acceptKey'>, { signal }: CallContext = {}): Promise<null> {
    const { peerId } = await this.#resolve(peer, signal)
    await acceptChangedKey(this.#node.store, crypto, peerId.toString(), offered, this.#node.record)
    return null
  }

  async refresh(): Promise<null> {
    await this.#node.refresh()
    return null
  }

  async stop(): Promise<null> {
    this.#leave()
    return null
  }

  async handOver({ to }: Params<'handOver'>): Promise<null> {
    if (isAbove(to, this.#node.role)) this.#leave()
    return null
  }

  /** Another reader may be waiting for a hint to look. */
  #tellFree(): void {
    this.#node.events.tell({ type: 'message', id: '', peer: '' })
  }

  async #resolve(reference: string, signal: AbortSignal | undefined): Promise<{ peerId: PeerId }> {
    return { peerId: await resolveAt(this.#node, reference, signal) }
  }

  async #peerOf(reference: string | undefined, { signal }: CallContext): Promise<{ peer?: string }> {
    return reference === undefined ? {} : { peer: (await this.#resolve(reference, signal)).peerId.toString() }
  }

  #running(connections: RunningNode['connections']): RunningNode {
    const { libp2p, role, startedAt } = this.#node
    const addresses = libp2p.getMultiaddrs().map(String)
    return { pid: process.pid, version: VERSION, role, startedAt, addresses, connections }
  }
}

function withoutPlace({ place: _, ...message }: InboxEntry): IncomingMessage {
  return message
}
