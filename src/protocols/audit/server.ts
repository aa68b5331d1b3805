import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { Field } from '../../chain/index.ts'
import { crypto } from '../../crypto/index.ts'
import { FrameStream } from '../framing/index.ts'
import { RateLimiter } from '../limits/index.ts'
import {
  ANSWER_RATE,
  AUDIT_PROTOCOL,
  AUDIT_REFUSAL,
  FRAME_TIMEOUT,
  MAX_FRAME_LENGTH,
  MAX_REQUEST_LENGTH,
  MAX_STREAMS,
  NONCE_LENGTH
} from './constants.ts'
import { AuditAnswer, AuditRequest, type SharedEntry } from './pb/audit.ts'
import { comparedFields, digestOf } from './shared-fields.ts'

/** A record of an operation with a peer. */
export interface SharedRecord {
  operation: string
  kind: number
  record: Uint8Array
  time: number
  fields: readonly Field[]
}

export interface AuditServerInit {
  /** Whether its owner lets this peer compare. */
  mayAsk(peer: PeerId): Promise<boolean>
  /** The state of the chain, signed. */
  checkpoint(): Promise<string>
  /** The records with this peer that name an operation, a page at a time, each page of at most 200. */
  recordsWith(peer: PeerId): AsyncIterable<readonly SharedRecord[]>
  /** Milliseconds since 1970. @default Date.now */
  now?: () => number
}

export interface AuditServerComponents {
  registrar: Registrar
  logger: ComponentLogger
}

/** Answers /talos/audit/1.0.0 (docs/spec/reconcile.md): peers that are allowed to learn which of the operations with them are recorded here. */
export class AuditServer implements Startable {
  readonly [Symbol.toStringTag] = '@talos/audit-server'
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #init: AuditServerInit
  readonly #rate = new RateLimiter(ANSWER_RATE)
  readonly #inFlight = new Set<Promise<void>>()
  #stopping = new AbortController()

  constructor({ registrar, logger }: AuditServerComponents, init: AuditServerInit) {
    this.#registrar = registrar
    this.#log = logger.forComponent('talos:audit')
    this.#init = init
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#registrar.handle(AUDIT_PROTOCOL, (stream, connection) => this.#track(stream, connection), {
      maxInboundStreams: MAX_STREAMS,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#registrar.unhandle(AUDIT_PROTOCOL)
    this.#stopping.abort(new Error('the node is stopping'))
    await Promise.allSettled(this.#inFlight)
  }

  async #track(stream: Stream, connection: Connection): Promise<void> {
    const work = this.#serve(stream, connection.remotePeer)
    this.#inFlight.add(work)
    await work
    this.#inFlight.delete(work)
  }

  async #serve(stream: Stream, peer: PeerId): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
    try {
      const frame = await frames.read(this.#deadline())
      const isShort = frame !== undefined && frame.byteLength <= MAX_REQUEST_LENGTH
      const nonce = isShort ? AuditRequest.decode(frame).nonce : undefined
      if (nonce?.length !== NONCE_LENGTH) throw new Error('a request is malformed')
      const refused = await this.#refusal(peer)
      if (refused === 0) await this.#answer(frames, peer, nonce)
      else
        await frames.write(AuditAnswer.encode({ refused, checkpoint: '', entries: [], last: true }), this.#deadline())
      await frames.finish(this.#deadline())
    } catch (error) {
      this.#log('a comparison with %p ended: %s', peer, (error as Error).message)
      frames.abort(error as Error)
    }
  }

  /** Who is not allowed costs nothing, and learns nothing else. */
  async #refusal(peer: PeerId): Promise<number> {
    if (!(await this.#init.mayAsk(peer))) return AUDIT_REFUSAL.notAuthorised
    const now = (this.#init.now ?? Date.now)()
    return this.#rate.take(peer.toString(), 1, now) === 0 ? 0 : AUDIT_REFUSAL.tooMany
  }

  async #answer(frames: FrameStream, peer: PeerId, nonce: Uint8Array): Promise<void> {
    let checkpoint = await this.#init.checkpoint()
    for await (const page of this.#init.recordsWith(peer)) {
      const entries = page.map(record => entryOf(record, nonce))
      await frames.write(AuditAnswer.encode({ refused: 0, checkpoint, entries, last: false }), this.#deadline())
      checkpoint = ''
    }
    await frames.write(AuditAnswer.encode({ refused: 0, checkpoint, entries: [], last: true }), this.#deadline())
  }

  #deadline(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(FRAME_TIMEOUT)])
  }
}

function entryOf({ operation, kind, record, time, fields }: SharedRecord, nonce: Uint8Array): SharedEntry {
  return {
    operation,
    kind,
    record: record as Uint8Array<ArrayBuffer>,
    time: BigInt(time),
    fields: comparedFields(fields).map(field => ({
      name: field.name,
      digest: digestOf(crypto, nonce, field) as Uint8Array<ArrayBuffer>
    }))
  }
}
