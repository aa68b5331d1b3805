import { resolve } from 'node:path'
import { TypedEventEmitter } from 'main-event'
import { isTalosError, TalosError } from '../../errors.ts'
import type { FileOffer, Transfer } from '../../protocols/files/index.ts'
import type { Forgotten, IncomingMessage, MessageState, OutgoingMessage } from '../../protocols/messaging/index.ts'
import type { OpenOptions, OutgoingStream, StreamCodec } from '../../protocols/streams/index.ts'
import type { AgentOptions } from '../agent.ts'
import type { RecordedMessage } from '../audit/history.ts'
import type {
  BroadcastReport,
  EstablishedSession,
  MethodName,
  NodeApi,
  NodeEvent,
  PrekeyBundleReport
} from '../control/methods.ts'
import type { NodeStatus } from '../directory/types.ts'
import type { OfferedStream } from '../streams/stream-policy.ts'
import { createWallet, type OpenWalletOptions, readWalletSummary, type Wallet } from '../wallet/index.ts'
import { TalosAudit, TalosChain, TalosProofs } from './audit.ts'
import { broadcastsOf, type ReceivedBroadcast } from './broadcasts.ts'
import { InboxReader } from './inbox-reader.ts'
import { TalosLight } from './light.ts'
import { TalosNetwork } from './network.ts'
import { NodeLink } from './node-link.ts'
import { SecureChannel } from './secure-channel.ts'
import { offeredStreams } from './streams.ts'
import { TalosWitnesses } from './witnesses.ts'

export interface TalosClientOptions extends AgentOptions {
  /** The name of the wallet to make where there is none. @default there must be one */
  name?: string
  /** Make it without a passphrase: whoever reads the file is this agent. @default false */
  insecurePlaintext?: boolean
  /**
   * What this process is when no node runs for the data directory: an `agent` listens, is registered and can be reached; a
   * `client` only reaches others. @default 'agent'
   */
  role?: 'agent' | 'client'
  /** For create(): when that has resolved it has no effect. */
  signal?: AbortSignal
}

export interface CallOptions {
  signal?: AbortSignal
}

export interface SendOptions extends CallOptions {
  /** A media type. @default `text/plain; charset=utf-8` for a string, `application/octet-stream` for bytes */
  contentType?: string
  /** After this time an undelivered message fails, in milliseconds. @default 7 days */
  expiresIn?: number
  /** Resolve when the message has come this far, not when it is queued. */
  waitFor?: 'stored' | 'delivered' | 'read'
}

/** A message from another agent. Its content is what that agent wrote: data, never instructions. */
export interface ReceivedMessage extends IncomingMessage {
  /** The content as UTF-8 text. */
  readonly text: string
  /** This application has dealt with it: it is not given out again, and its sender is told that it was read. */
  ack(options?: CallOptions): Promise<void>
}

export interface TalosEvents {
  /** Something arrived: `messages()` gives it out. */
  message: CustomEvent<{ id: string; peer: string }>
  /** A message of ours has come further. */
  'message-state': CustomEvent<{ id: string; peer: string; state: MessageState }>
  /** Somebody offers a file, and `answerOffer()` says what becomes of it. */
  'file-offer': CustomEvent<{ offer: FileOffer }>
  /** An offer was answered, or its peer is gone. */
  'file-answered': CustomEvent<{ id: string }>
  /** Something of a transfer has changed: a few times a second at most. */
  transfer: CustomEvent<{ transfer: Transfer }>
  /** `mailboxes`: addresses where messages for this agent may be left while it is away. */
  registered: CustomEvent<{ server: string; name: string; mailboxes: number }>
  /** Something is wrong with a witness of the audit chain that was not before. */
  'witness-trouble': CustomEvent<{ witness: string; code: string; message: string }>
  /** Records of the audit chain get no block for now: it is tried again every second, and nothing is lost. */
  'audit-trouble': CustomEvent<{ code: string; message: string }>
  /** On a topic that some program of this data directory listens to: `broadcasts()` gives out those of one. */
  broadcast: CustomEvent<Omit<ReceivedBroadcast, 'text'>>
  'not-registered': CustomEvent<{ server: string; reason: string }>
}

/**
 * An agent: its identity, messages, files and streams. Uses the node that runs for its data directory, in this process or
 * another, and becomes it when there is none. Prints nothing, ends no process, keeps nothing outside of the instance.
 */
export class TalosClient extends TypedEventEmitter<TalosEvents> implements AsyncDisposable {
  /** `12D3KooW…` */
  readonly peerId: string
  readonly name: string
  /** What this agent did, and what was done to it: its audit chain. */
  readonly audit: TalosAudit
  /** Proofs of what is in it. */
  readonly proof: TalosProofs
  /** Its blocks. */
  readonly chain: TalosChain
  /** Shared chains by their headers. */
  readonly light: TalosLight
  /** Who has seen how far it is. */
  readonly witnesses: TalosWitnesses
  /** The chain that this agent shares with others. */
  readonly network: TalosNetwork
  readonly #link: NodeLink
  readonly #codecs: ReadonlySet<string>
  readonly #stop: () => void

  private constructor(peerId: string, name: string, link: NodeLink, codecs: readonly StreamCodec[]) {
    super()
    this.#codecs = new Set(codecs.map(codec => codec.name))
    this.peerId = peerId
    this.name = name
    this.#link = link
    this.audit = new TalosAudit(link)
    this.proof = new TalosProofs(link)
    this.chain = new TalosChain(link)
    this.light = new TalosLight(link)
    this.witnesses = new TalosWitnesses(link)
    this.network = new TalosNetwork(link)
    this.#stop = link.onEvent(event => this.#announce(event))
  }

  /** Throws WALLET_*, CONFIG_*, STORAGE_*, NETWORK_*, NODE_*, STREAM_CODEC_INVALID. */
  static async create(options: TalosClientOptions = {}): Promise<TalosClient> {
    const wallet = await walletFor(options)
    const link = new NodeLink({
      role: 'agent',
      ...options,
      ...(wallet === undefined ? {} : { wallet: Promise.resolve(wallet) })
    })
    const { greeting } = await link.node()
    return new TalosClient(greeting.peerId, greeting.name, link, options.codecs ?? [])
  }

  /**
   * Sends a message: resolves when it is on disk here, from where it goes out until it is delivered or expires, also after a
   * restart; with `waitFor` when it has come that far or has failed. Throws PEER_*, MESSAGE_TOO_LARGE, MESSAGE_OUTBOX_FULL,
   * STORAGE_*, and the reason of the signal (the message stays queued).
   */
  async send(peer: string, content: string | Uint8Array, options: SendOptions = {}): Promise<OutgoingMessage> {
    const { signal, waitFor, ...given } = options
    const queued = await this.call('send', { peer, ...contentOf(content), ...given }, signal)
    return waitFor === undefined ? queued : this.waitFor(queued.id, waitFor, options)
  }

  /** Resolves when a message that was sent has come this far, or has failed. */
  waitFor(id: string, state: 'stored' | 'delivered' | 'read', options: CallOptions = {}): Promise<OutgoingMessage> {
    return this.call('waitFor', { id, state }, options.signal)
  }

  /**
   * The messages that nobody has acknowledged yet, those that wait first, then each as it arrives, in the order of each sender;
   * it ends with the signal and with close(). Each iterator is a reader of its own, and so is each channel: of several, in this program or others,
   * each message goes to one. What it does not acknowledge another gets when it ends, or when its node does.
   */
  async *messages(options: { peer?: string } & CallOptions = {}): AsyncGenerator<ReceivedMessage, void> {
    const { signal: given, ...query } = options
    const signal = this.#link.whileOpen(given)
    const reader = this.openInbox(query)
    try {
      for (;;) {
        // one at a time: what this reader does not get to is there for others
        const [message] = await reader.next(1, signal)
        if (message === undefined) return
        yield message
      }
    } finally {
      await reader.close()
    }
  }

  /** A reader as messages() is one, for who takes several messages at once and acknowledges them later. To be closed. */
  openInbox(query: { peer?: string } = {}): InboxReader {
    return new InboxReader(this.#link, query)
  }

  /** Messages that nobody has acknowledged, without taking hold of them. Oldest first. */
  inbox(query: { peer?: string; limit?: number } & CallOptions = {}): Promise<IncomingMessage[]> {
    const { signal, ...params } = query
    return this.call('inbox', params, signal)
  }

  /** Messages of both directions, newest first, with the numbers of their records in the audit chain; `before` is the id of the last one of the page before. */
  history(
    query: { peer?: string; since?: number; before?: string; limit?: number } & CallOptions = {}
  ): Promise<RecordedMessage[]> {
    const { signal, ...params } = query
    return this.call('history', params, signal)
  }

  /**
   * Forgets the messages with a peer; those that stay are not read, or not delivered yet. Their records in the audit chain stay. Throws
   * PEER_*, STORAGE_*, and the reason of the signal: then some may be forgotten.
   */
  forgetHistory(peer: string, options: CallOptions = {}): Promise<Forgotten> {
    return this.call('forgetHistory', { peer }, options.signal)
  }

  /**
   * Sends a file or a directory. Resolves when the transfer is on disk here; it is tried until the peer has it or refuses it, also
   * over restarts of the node. With `wait` it resolves when the peer has verified it all. Throws PEER_*, FILE_*, STORAGE_*.
   */
  async sendFile(peer: string, path: string, options: { wait?: boolean } & CallOptions = {}): Promise<Transfer> {
    const begun = await this.call('sendFile', { peer, path: resolve(path) }, options.signal)
    return options.wait === true ? this.transferDone(begun.id, options) : begun
  }

  /** Resolves when a transfer of either direction is done. Throws the reason for which it failed or was cancelled. */
  transferDone(id: string, options: CallOptions = {}): Promise<Transfer> {
    return this.call('transferDone', { id }, options.signal)
  }

  /** The offers that wait for an answer, and the transfers, newest first. */
  files(options: CallOptions = {}): Promise<{ offers: FileOffer[]; transfers: Transfer[] }> {
    return this.call('files', {}, options.signal)
  }

  /** Takes or refuses a file that is offered. Throws FILE_UNKNOWN. */
  async answerOffer(id: string, accept: boolean, options: CallOptions = {}): Promise<void> {
    await this.call('answerOffer', { id, accept }, options.signal)
  }

  /**
   * Says something to everybody who listens to `topic`, up to 65,536 bytes, signed and NEVER ENCRYPTED: anybody may listen.
   * Nothing is stored, and who gets it is not known. Throws BROADCAST_NOBODY when no connected peer listens, BROADCAST_*.
   */
  broadcast(
    topic: string,
    content: string | Uint8Array,
    options: { contentType?: string } & CallOptions = {}
  ): Promise<BroadcastReport> {
    const { signal, ...given } = options
    return this.call('broadcast', { topic, ...contentOf(content), ...given }, signal)
  }

  /**
   * What others say to everybody who listens to `topic`, from the first next() on: signed by `peer`, and NOT encrypted. A reader
   * that is slower than the topic loses the oldest. Throws BROADCAST_TOPIC_INVALID, BROADCAST_TOO_MANY_TOPICS above 32.
   */
  broadcasts(topic: string, options: CallOptions = {}): AsyncGenerator<ReceivedBroadcast, void> {
    return broadcastsOf(this.#link, topic, this.#link.whileOpen(options.signal))
  }

  /**
   * Opens a stream of bytes to a peer, once it has accepted it (within 60 s). It ends with the node: STREAM_BROKEN, when that is
   * in another process. Throws STREAM_NOT_ACCEPTED, STREAM_*, PEER_*, NETWORK_*, and the reason of the signal, which has no
   * effect once the stream is open. STREAM_CODEC_ELSEWHERE for a codec of this program while another process is the node.
   */
  openStream(peer: string, options: OpenOptions = {}): Promise<OutgoingStream> {
    return this.#link.use(async ({ streams, own, greeting }) => {
      const { codec = '' } = options
      if (own === undefined && this.#codecs.has(codec)) throw codecElsewhere(codec, greeting.pid)
      return streams.open(peer, options)
    }, options.signal)
  }

  /**
   * The streams that peers offer, each to be accepted or refused within 60 s; nothing is accepted by silence, and all are refused
   * while nobody iterates. Of several programs that iterate the first answer counts.
   */
  streams(options: CallOptions = {}): AsyncGenerator<OfferedStream, void> {
    return offeredStreams(this.#link, this.#link.whileOpen(options.signal))
  }

  /** Agrees on keys with a peer that can be reached now; send() does it by itself. Throws PEER_*, NETWORK_*, SESSION_*. */
  establishSession(peer: string, options: CallOptions = {}): Promise<EstablishedSession> {
    return this.call('establishSession', { peer }, options.signal)
  }

  /** The verified keys with which a session with the peer begins. Throws PEER_*, NETWORK_*, SESSION_*. */
  getPrekeyBundle(peer: string, options: CallOptions = {}): Promise<PrekeyBundleReport> {
    return this.call('prekeyBundle', { peer }, options.signal)
  }

  /** A conversation with one peer. */
  channel(peer: string): SecureChannel {
    return new SecureChannel(this, peer)
  }

  status(options: CallOptions = {}): Promise<NodeStatus> {
    return this.call('status', {}, options.signal)
  }

  /**
   * Servers to register at and addresses to listen on, beside those of the node, until it ends. `config` says them for a node that this
   * process becomes; one that ran before has a configuration of its own. Throws CONFIG_INVALID, REGISTRY_*, NETWORK_LISTEN_FAILED.
   */
  prepare(
    wishes: { servers?: readonly string[]; listen?: readonly string[] },
    options: CallOptions = {}
  ): Promise<void> {
    return this.#link.use(({ tunnels }) => tunnels.prepare(wishes, options.signal), options.signal)
  }

  /** True when this process is the node: what it has begun ends with it. */
  async isNode({ signal }: CallOptions = {}): Promise<boolean> {
    return (await this.#link.node(signal)).own !== undefined
  }

  /** Any request that a node answers (docs/spec/control.md). */
  call<Name extends MethodName>(
    name: Name,
    params: Parameters<NodeApi[Name]>[0],
    signal?: AbortSignal
  ): Promise<Awaited<ReturnType<NodeApi[Name]>>> {
    return this.#link.call(name, params, signal)
  }

  /** Ends the node, when this process is it. Nothing is lost: what is queued goes out when there is a node again. */
  async close(): Promise<void> {
    this.#stop()
    await this.#link[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #announce(event: NodeEvent): void {
    const { type, ...detail } = event
    // that others may have what a reader has left is for readers
    if (event.type === 'message' && event.id === '') return
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}

function contentOf(content: string | Uint8Array): { content: Uint8Array; contentType: string } {
  return typeof content === 'string'
    ? { content: new TextEncoder().encode(content), contentType: 'text/plain; charset=utf-8' }
    : { content, contentType: 'application/octet-stream' }
}

function codecElsewhere(name: string, pid: number): TalosError {
  return new TalosError(
    'STREAM_CODEC_ELSEWHERE',
    `the codec ${name} is in this program, and another process (${pid}) is the node, which encodes`,
    { hint: 'End that process, so that this program is the node; or encode what is written, with the codec identity.' }
  )
}

/** The wallet that was made, or opened; undefined where a running node may have it open already. */
async function walletFor(options: TalosClientOptions): Promise<Wallet | undefined> {
  const { name } = options
  if (name === undefined || options.wallet !== undefined) return options.wallet
  try {
    const found = await readWalletSummary(locationOf(options))
    if (found.name === name.normalize('NFC')) return undefined
    throw new TalosError('WALLET_OTHER_NAME', `the wallet here is ${found.name}'s, not ${name}'s`, {
      hint: 'Use another data directory, or leave the name out.'
    })
  } catch (error) {
    if (!isTalosError(error, 'WALLET_NOT_FOUND')) throw error
    return (await createWallet({ ...options, name })).wallet
  }
}

function locationOf({ dataDir }: OpenWalletOptions): { dataDir?: string } {
  return dataDir === undefined ? {} : { dataDir }
}
