import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { TypedEventEmitter, type TypedEventTarget } from 'main-event'
import type { CryptoProvider } from '../../crypto/index.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { FrameStream, type Priority } from '../framing/index.ts'
import { RateLimiter } from '../limits/index.ts'
import { type MainSessions, type StreamSessions, streamSessions } from '../sessions/index.ts'
import { type Codecs, codecOf, codecRegistry, type StreamCodec } from './codecs.ts'
import {
  ANSWER_TIMEOUT,
  DECISION_TIMEOUT,
  DEFAULT_WINDOW,
  MAX_FRAME_LENGTH,
  MAX_STREAMS,
  MAX_STREAMS_PER_PEER,
  OFFER_RATE,
  REFUSAL,
  START_TIMEOUT,
  STREAM_PROTOCOL
} from './constants.ts'
import { acceptStart, isLabel, type Keys, type ReadStart, readStart, refuse, startStream } from './handshake.ts'
import { Incoming, type IncomingStream } from './incoming.ts'
import { Outgoing, type OutgoingStream } from './outgoing.ts'

/** A stream that a peer would like to write to us. */
export interface StreamOffer {
  readonly peer: PeerId
  readonly codec: string
  readonly priority: Priority
  /** The peer's word for what it is: a line of at most 256 bytes without control characters, not to be trusted. */
  readonly label: string
  /** Aborted when the offer is over: after 60 s, or when the peer has gone. */
  readonly signal: AbortSignal
}

export interface StreamsInit {
  crypto: CryptoProvider
  sessions: MainSessions
  /** A connection to `peer`: the open one, or one that is dialled. Throws NETWORK_PEER_UNREACHABLE. */
  connect(peer: PeerId, signal: AbortSignal): Promise<Connection>
  /** Consent to one stream; a 'stream' event follows a yes. May ask a person. @default nothing is accepted */
  accept?(offer: StreamOffer): boolean | Promise<boolean>
  /** Codecs besides `identity` and `zstd`. */
  codecs?: readonly StreamCodec[]
  limits?: Partial<StreamLimits>
}

export interface StreamLimits {
  /** Incoming streams of one peer, offered and open. @default 128 */
  maxStreamsPerPeer: number
  /** Incoming streams in all. @default 256 */
  maxStreams: number
  /** What each incoming stream may hold for the application, in bytes; at least 131,072. @default 524_288 */
  window: number
}

export interface StreamsComponents {
  peerId: PeerId
  registrar: Registrar
  logger: ComponentLogger
}

export interface OpenOptions {
  /** @default 'identity' */
  codec?: string
  /** Its place on the link when others wait, too. @default 'interactive' */
  priority?: Priority
  /** What it is, for whoever has to consent: a line of at most 256 bytes. @default '' */
  label?: string
  signal?: AbortSignal
}

export interface StreamEvents {
  /** A stream that was accepted. */
  stream: CustomEvent<IncomingStream>
}

/** Streams of bytes from one agent to another, encrypted with keys of their own, that share the link by priority. */
export interface Streams extends TypedEventTarget<StreamEvents> {
  /**
   * Opens a stream to `peer`, once it has consented (it has 60 s). Throws STREAM_NOT_ACCEPTED, STREAM_CODEC_UNKNOWN, STREAM_BUSY,
   * STREAM_LABEL_INVALID, STREAM_NO_SESSION, STREAM_WRONG_PEER, STREAM_PROTOCOL, what connect() throws, NETWORK_*, SESSION_*, and
   * the reason of the signal, which has no effect once the stream is open.
   */
  open(peer: PeerId, options?: OpenOptions): Promise<OutgoingStream>
  /** Streams that are open or offered, both ways. */
  readonly count: number
}

export class StreamService extends TypedEventEmitter<StreamEvents> implements Streams, Startable {
  readonly [Symbol.toStringTag] = '@talos/streams'
  readonly #self: PeerId
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #init: StreamsInit
  readonly #limits: StreamLimits
  readonly #streams: StreamSessions
  readonly #codecs: Codecs
  readonly #offers = new RateLimiter(OFFER_RATE)
  readonly #outgoing = new Set<Outgoing>()
  readonly #incoming = new Set<Incoming>()
  /** Incoming streams by peer, offered and open. */
  readonly #held = new Map<string, number>()
  #shutdown = new AbortController()

  constructor(components: StreamsComponents, init: StreamsInit) {
    super()
    this.#self = components.peerId
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('talos:streams')
    this.#init = init
    this.#limits = {
      maxStreamsPerPeer: MAX_STREAMS_PER_PEER,
      maxStreams: MAX_STREAMS,
      window: DEFAULT_WINDOW,
      ...init.limits
    }
    this.#streams = streamSessions(init.crypto)
    this.#codecs = codecRegistry(init.codecs)
  }

  get count(): number {
    return this.#outgoing.size + [...this.#held.values()].reduce((sum, held) => sum + held, 0)
  }

  async start(): Promise<void> {
    this.#shutdown = new AbortController()
    await this.#registrar.handle(STREAM_PROTOCOL, (stream, connection) => this.#onStream(stream, connection), {
      // above the limit that is answered, so that the answer is heard
      maxInboundStreams: this.#limits.maxStreamsPerPeer + 16,
      maxOutboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
  }

  async beforeStop(): Promise<void> {
    await this.#registrar.unhandle(STREAM_PROTOCOL)
    this.#shutdown.abort(new TalosError('NETWORK_STOPPING', 'the node is shutting down'))
    const open = [...this.#outgoing, ...this.#incoming]
    await Promise.all(open.map(stream => stream.abort('it is shutting down')))
    await Promise.all(open.map(stream => stream.closed))
  }

  async stop(): Promise<void> {}

  async open(peer: PeerId, options: OpenOptions = {}): Promise<OutgoingStream> {
    const { codec: name = 'identity', priority = 'interactive', label = '' } = options
    const codec = codecOf(this.#codecs, name)
    if (!isLabel(label)) {
      throw new TalosError('STREAM_LABEL_INVALID', 'a label is one line of at most 256 bytes')
    }
    const stops = [this.#shutdown.signal, AbortSignal.timeout(ANSWER_TIMEOUT), options.signal]
    const signal = AbortSignal.any(stops.filter(stop => stop !== undefined))
    for (let retried = false; ; retried = true) {
      const connection = await this.#connect(peer, signal)
      const frames = new FrameStream(
        await connection.newStream(STREAM_PROTOCOL, { signal, runOnLimitedConnection: true }),
        { maxFrameLength: MAX_FRAME_LENGTH }
      )
      try {
        const request = { codec: name, priority, label }
        const { channel, window } = await startStream(frames, connection, request, this.#keys(), signal)
        return this.#keep(new Outgoing({ peer, priority, label, channel, codec, window }))
      } catch (error) {
        frames.abort(error as Error)
        // the reader lost its state, and the session has been set aside: shake hands once more, and once only
        if (!isTalosError(error, 'STREAM_NO_SESSION') || retried) throw error
      }
    }
  }

  async #connect(peer: PeerId, signal: AbortSignal): Promise<Connection> {
    const connection = await this.#init.connect(peer, signal)
    if (connection.remotePeer.equals(peer)) return connection
    throw new TalosError('STREAM_WRONG_PEER', `at that address is ${connection.remotePeer}, not ${peer}`, {
      hint: 'Nothing was sent.'
    })
  }

  #keep(stream: Outgoing): Outgoing {
    this.#outgoing.add(stream)
    void stream.closed.then(() => this.#outgoing.delete(stream))
    return stream
  }

  async #onStream(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    const release = this.#hold(peer)
    try {
      const refusal = release === undefined ? REFUSAL.busy : await this.#offered(frames, connection)
      if (refusal !== undefined) await refuse(frames, refusal, this.#soon())
    } catch (error) {
      this.#log.error('a stream of %p did not open: %e', peer, error)
      if (stream.writeStatus !== 'writable') return // it was told
      await refuse(frames, REFUSAL.unsupported, AbortSignal.timeout(1_000)).catch(reason => frames.abort(reason))
    } finally {
      release?.()
    }
  }

  /** Reads the offer, asks for consent, and serves the stream to its end; or returns why it is refused. */
  async #offered(frames: FrameStream, connection: Connection): Promise<number | undefined> {
    const peer = connection.remotePeer
    if (this.#init.accept === undefined) return REFUSAL.notAccepted
    const start = await readStart(frames, peer, this.#init.sessions, this.#soon())
    try {
      return await this.#decide(frames, connection, start)
    } finally {
      start.secret.fill(0)
    }
  }

  async #decide(frames: FrameStream, connection: Connection, start: ReadStart): Promise<number | undefined> {
    const peer = connection.remotePeer
    const codec = this.#codecs.get(start.codec)
    if (codec === undefined) return REFUSAL.unknownCodec
    const { priority, label } = start
    const gone = new AbortController()
    frames.stream.addEventListener('close', () => gone.abort(), { once: true })
    const stops = [this.#shutdown.signal, gone.signal, AbortSignal.timeout(DECISION_TIMEOUT)]
    const offer: StreamOffer = { peer, codec: start.codec, priority, label, signal: AbortSignal.any(stops) }
    if (!(await this.#consent(offer))) return REFUSAL.notAccepted
    const { window } = this.#limits
    const channel = await acceptStart(frames, connection, start, window, this.#keys(), this.#soon())
    const stream = new Incoming({ offer, channel, codec, window })
    this.#incoming.add(stream)
    this.safeDispatchEvent('stream', { detail: stream })
    await stream.closed
    this.#incoming.delete(stream)
    return undefined
  }

  /** The application's decision; no when it fails, or takes too long. */
  async #consent(offer: StreamOffer): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const onAbort = (): void => resolve(false)
    offer.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([this.#init.accept!(offer), promise])
    } catch (error) {
      this.#log.error('deciding about a stream of %p failed: %e', offer.peer, error)
      return false
    } finally {
      offer.signal.removeEventListener('abort', onAbort)
    }
  }

  /** Takes a place for one more stream of `peer`; undefined when there is none. */
  #hold(peer: PeerId): (() => void) | undefined {
    const key = peer.toString()
    const held = this.#held.get(key) ?? 0
    const all = [...this.#held.values()].reduce((sum, one) => sum + one, 0)
    if (held >= this.#limits.maxStreamsPerPeer || all >= this.#limits.maxStreams) return undefined
    if (this.#offers.take(key, 1, performance.now()) > 0) return undefined
    this.#held.set(key, held + 1)
    return () => {
      const left = this.#held.get(key)! - 1
      if (left === 0) this.#held.delete(key)
      else this.#held.set(key, left)
    }
  }

  #keys(): Keys {
    return { self: this.#self, sessions: this.#init.sessions, streams: this.#streams }
  }

  #soon(): AbortSignal {
    return AbortSignal.any([this.#shutdown.signal, AbortSignal.timeout(START_TIMEOUT)])
  }
}
