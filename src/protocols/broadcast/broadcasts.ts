import { setTimeout as delay } from 'node:timers/promises'
import {
  type GossipSub,
  type GossipSubComponents,
  type Message,
  type SubscriptionChangeData,
  TopicValidatorResult
} from '@libp2p/gossipsub'
import type { ComponentLogger, Libp2pEvents, Logger, PeerId, Startable, TypedEventTarget } from '@libp2p/interface'
import { serviceDependencies } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import type { CryptoProvider } from '../../crypto/index.ts'
import { UuidSource, uuidText } from '../../crypto/uuid.ts'
import { TalosError } from '../../errors.ts'
import type { Rate } from '../limits/index.ts'
import { FAULT_COST, MAX_CONTENT_LENGTH, MAX_OWN_TOPICS, PEERS_RETRY, PEERS_WAIT } from './constants.ts'
import { Demand, type DemandLimits } from './demand.ts'
import { type Broadcast, type BroadcastFields, type BroadcastSigner, isContentType, signBroadcast } from './envelope.ts'
import { gossip } from './gossip.ts'
import { Guard } from './guard.ts'
import { nameOfPath, topicName, topicPath } from './topics.ts'

/** For a node that forwards for those who are connected to it, a bootstrap server. */
export interface ForwardLimits extends DemandLimits {
  /** Connections that the node takes: it forwards to every listener itself. */
  maxListeners: number
  /** Bytes to all listeners together. */
  rate: Rate
}

export const DEFAULT_FORWARD_LIMITS: ForwardLimits = {
  maxTopics: 512,
  maxTopicsPerPeer: MAX_OWN_TOPICS,
  maxListeners: 1_000,
  // two of full length to 1,000 listeners at once, then one in 4 s
  rate: { burst: 128 * 1024 * 1024, perSecond: 16 * 1024 * 1024 }
}

export interface BroadcastsInit {
  crypto: CryptoProvider
  /** Whose broadcasts publish() makes: the node's own identity. */
  identity: BroadcastSigner
  /** Forward whatever topic connected peers listen to. @default not: only topics that we listen to ourselves */
  forward?: Partial<ForwardLimits>
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface BroadcastsComponents extends GossipSubComponents {
  peerId: PeerId
  logger: ComponentLogger
  events: TypedEventTarget<Libp2pEvents>
}

export interface PublishOptions {
  /** An Internet media type of up to 127 ASCII characters. @default 'text/plain' */
  contentType?: string
  /** Gives up waiting for somebody who listens. */
  signal?: AbortSignal
}

export interface BroadcastEvents {
  /** One by somebody else on a topic that we listen to: signed, and NOT encrypted. */
  broadcast: CustomEvent<Broadcast>
}

/** What becomes of a message of a channel: forwarded; dropped; dropped, and held against who handed it over. */
export type ChannelVerdict = 'accept' | 'ignore' | 'reject'

/** A gossipsub topic of another protocol. */
export interface Channel {
  /** Hands it to those who listen: to how many. Up to 1 MiB. */
  publish(data: Uint8Array): Promise<number>
  close(): void
}

/** Messages to everybody who listens to a topic. They are signed and NEVER ENCRYPTED: anybody can listen. */
export interface Broadcasts extends TypedEventTarget<BroadcastEvents> {
  /**
   * Says `content` (up to 65,536 bytes, in the clear) to all who listen to `topic`. Resolves with the number of peers that it
   * was handed to, at least one; who else gets it is not known. Throws BROADCAST_NOBODY when within 5 s no connected peer listens,
   * BROADCAST_TOPIC_INVALID, BROADCAST_TOO_LARGE, BROADCAST_TYPE_INVALID, BROADCAST_RATE_LIMITED, and the reason of the signal.
   */
  publish(topic: string, content: Uint8Array, options?: PublishOptions): Promise<{ id: string; peers: number }>
  /** Listens: each broadcast is an event. Throws BROADCAST_TOPIC_INVALID, BROADCAST_TOO_MANY_TOPICS above 32. */
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /** What is listened to (by a forwarder: also what it forwards), and how many connected peers listen to it, too. */
  topics(): Array<{ topic: string; peers: number; forwarded: boolean }>
  /**
   * Takes part in a gossipsub topic whose messages have a form of their own. `judge` decides on each before it is forwarded; while it
   * has not, others wait for theirs.
   */
  channel(path: string, judge: (from: string, data: Uint8Array) => Promise<ChannelVerdict>): Channel
  /** Holds `cost` of 100 against a peer; it returns at 0.1 a second. Above 80 nothing of the peer is read. */
  blame(peer: string, cost: number): void
  /** What is held against a peer: 0 to 100. */
  faultsOf(peer: string): number
}

/** Where a broadcast goes, and the checks it passes: docs/spec/broadcast.md. */
export class BroadcastService extends TypedEventEmitter<BroadcastEvents> implements Broadcasts, Startable {
  readonly [Symbol.toStringTag] = '@talos/broadcasts'
  readonly [serviceDependencies] = ['@libp2p/identify']
  readonly #init: BroadcastsInit
  readonly #events: TypedEventTarget<Libp2pEvents>
  readonly #log: Logger
  readonly #now: () => number
  readonly #self: string
  readonly #guard: Guard
  readonly #ids: UuidSource
  readonly #gossip: GossipSub & Startable
  readonly #demand: Demand | undefined
  readonly #own = new Set<string>()
  readonly #channels = new Map<string, Parameters<Broadcasts['channel']>[1]>()
  #started = false
  /** What the validator read, for the event that follows. */
  readonly #read = new WeakMap<Message, Broadcast>()

  constructor(components: BroadcastsComponents, init: BroadcastsInit) {
    super()
    this.#init = init
    this.#events = components.events
    this.#log = components.logger.forComponent('talos:broadcast')
    this.#now = init.now ?? Date.now
    this.#ids = new UuidSource(this.#now, init.crypto.randomBytes)
    this.#self = components.peerId.toString()
    const limits = init.forward === undefined ? undefined : { ...DEFAULT_FORWARD_LIMITS, ...init.forward }
    this.#guard = new Guard({
      crypto: init.crypto,
      now: this.#now,
      ...(limits === undefined ? {} : { forwardRate: limits.rate })
    })
    this.#gossip = gossip({
      score: peer => this.#guard.score(peer),
      isJoined: path => this.#gossip.topicValidators.has(path),
      hub: limits?.maxListeners
    })(components)
    if (limits !== undefined) {
      this.#demand = new Demand(
        limits,
        topic => this.#join(topic),
        topic => this.#leave(topic)
      )
    }
  }

  async start(): Promise<void> {
    this.#gossip.addEventListener('message', this.#onMessage)
    if (this.#demand !== undefined) {
      this.#gossip.addEventListener('subscription-change', this.#onSubscription)
      this.#events.addEventListener('peer:disconnect', this.#onDisconnect)
    }
    await this.#gossip.start()
    this.#started = true
    for (const topic of this.#own) this.#join(topic)
    for (const path of this.#channels.keys()) this.#joinChannel(path)
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#gossip.removeEventListener('message', this.#onMessage)
    this.#gossip.removeEventListener('subscription-change', this.#onSubscription)
    this.#events.removeEventListener('peer:disconnect', this.#onDisconnect)
    await this.#gossip.stop()
  }

  async publish(
    topic: string,
    content: Uint8Array,
    { contentType = 'text/plain', signal }: PublishOptions = {}
  ): Promise<{ id: string; peers: number }> {
    const fields = {
      id: this.#ids.next(),
      topic: topicName(topic),
      contentType: checkedType(contentType),
      content: checkedContent(content)
    }
    signal?.throwIfAborted()
    this.#spend(content.byteLength)
    const timeout = AbortSignal.timeout(PEERS_WAIT)
    const stop = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    for (;;) {
      const peers = await this.#hand(fields)
      if (peers > 0) return { id: uuidText(fields.id), peers }
      try {
        await delay(PEERS_RETRY, undefined, { signal: stop })
      } catch {
        signal?.throwIfAborted()
        throw new TalosError('BROADCAST_NOBODY', `no connected peer listens to '${fields.topic}'`, {
          hint: 'Nothing was sent. Is a server of yours reachable, and does anybody listen?'
        })
      }
    }
  }

  subscribe(topic: string): void {
    const name = topicName(topic)
    if (this.#own.has(name)) return
    if (this.#own.size >= MAX_OWN_TOPICS) {
      throw new TalosError('BROADCAST_TOO_MANY_TOPICS', `no more than ${MAX_OWN_TOPICS} topics can be listened to`)
    }
    this.#own.add(name)
    this.#join(name)
  }

  unsubscribe(topic: string): void {
    const name = topicName(topic)
    if (this.#own.delete(name)) this.#leave(name)
  }

  topics(): Array<{ topic: string; peers: number; forwarded: boolean }> {
    const forwarded = this.#demand?.joined ?? new Set<string>()
    return [...new Set([...this.#own, ...forwarded])].map(topic => ({
      topic,
      peers: this.#gossip.getSubscribers(topicPath(topic)).length,
      forwarded: forwarded.has(topic)
    }))
  }

  channel(path: string, judge: Parameters<Broadcasts['channel']>[1]): Channel {
    this.#channels.set(path, judge)
    this.#joinChannel(path)
    return {
      publish: async data => (this.#started ? (await this.#gossip.publish(path, data)).recipients.length : 0),
      close: () => {
        this.#channels.delete(path)
        if (this.#started) this.#gossip.unsubscribe(path)
        this.#gossip.topicValidators.delete(path)
      }
    }
  }

  blame(peer: string, cost: number): void {
    this.#guard.blame(peer, cost)
  }

  faultsOf(peer: string): number {
    return -this.#guard.score(peer)
  }

  #joinChannel(path: string): void {
    if (!this.#started) return
    this.#gossip.topicValidators.set(path, async (from, { data }) => {
      const verdict = await this.#channels.get(path)?.(from.toString(), data)
      if (verdict === 'accept') return TopicValidatorResult.Accept
      if (verdict !== 'reject') return TopicValidatorResult.Ignore
      this.#log('rejected a message on %s that %p forwarded', path, from)
      this.#guard.blame(from.toString(), FAULT_COST)
      return TopicValidatorResult.Reject
    })
    this.#gossip.subscribe(path)
  }

  /** Hands it to those who listen; returns to how many. A second try is the same broadcast in another envelope. */
  async #hand(fields: Omit<BroadcastFields, 'timestamp'>): Promise<number> {
    const path = topicPath(fields.topic)
    if (this.#gossip.getSubscribers(path).length === 0) return 0
    const envelope = signBroadcast({ ...fields, timestamp: this.#now() }, this.#init.identity)
    // it may come back to us by way of somebody who wraps it differently
    this.#guard.remember(envelope, fields.topic)
    return (await this.#gossip.publish(path, envelope)).recipients.length
  }

  #spend(length: number): void {
    const wait = this.#guard.own(this.#self, length)
    if (wait === 0) return
    throw new TalosError('BROADCAST_RATE_LIMITED', 'too many broadcasts: others would ignore this one', {
      hint: `Try again in ${Math.ceil(wait / 1000)} s.`
    })
  }

  /** We listen to it ourselves, or forward it, or both. Not before the start: gossipsub refuses. */
  #join(topic: string): void {
    const path = topicPath(topic)
    if (!this.#started) return
    this.#gossip.topicValidators.set(path, (from, message) => this.#validate(from, topic, message))
    this.#gossip.subscribe(path)
  }

  #leave(topic: string): void {
    if (this.#own.has(topic) || this.#demand?.joined.has(topic) === true) return
    const path = topicPath(topic)
    if (this.#started) this.#gossip.unsubscribe(path)
    this.#gossip.topicValidators.delete(path)
  }

  #validate(from: PeerId, topic: string, message: Message): TopicValidatorResult {
    const audience = this.#gossip.getSubscribers(topicPath(topic)).length
    const verdict = this.#guard.judge(from.toString(), topic, message.data, audience)
    if (verdict === 'ignore') return TopicValidatorResult.Ignore
    if (verdict === 'reject') {
      this.#log('rejected a broadcast on %s that %p forwarded', topic, from)
      return TopicValidatorResult.Reject
    }
    if (this.#own.has(topic)) this.#read.set(message, verdict.accept)
    return TopicValidatorResult.Accept
  }

  #onMessage = (event: CustomEvent<Message>): void => {
    const broadcast = this.#read.get(event.detail)
    if (broadcast !== undefined) this.safeDispatchEvent('broadcast', { detail: broadcast })
  }

  #onSubscription = ({ detail }: CustomEvent<SubscriptionChangeData>): void => {
    const peer = detail.peerId.toString()
    for (const { topic: path, subscribe } of detail.subscriptions) {
      const topic = nameOfPath(path)
      if (topic === undefined) continue
      if (subscribe) this.#demand?.add(peer, topic)
      else this.#demand?.remove(peer, topic)
    }
  }

  #onDisconnect = ({ detail }: CustomEvent<PeerId>): void => this.#demand?.removePeer(detail.toString())
}

function checkedContent(content: Uint8Array): Uint8Array {
  if (content.byteLength <= MAX_CONTENT_LENGTH) return content
  throw new TalosError(
    'BROADCAST_TOO_LARGE',
    `a broadcast has at most ${MAX_CONTENT_LENGTH} bytes, not ${content.byteLength}`,
    { hint: 'Announce it, and send it to those who ask.' }
  )
}

function checkedType(contentType: string): string {
  if (isContentType(contentType)) return contentType
  throw new TalosError('BROADCAST_TYPE_INVALID', 'a content type has 1 to 127 printable ASCII characters')
}
