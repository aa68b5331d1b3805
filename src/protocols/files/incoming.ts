import type { Connection, Logger, PeerId } from '@libp2p/interface'
import { isTalosError, TalosError } from '../../errors.ts'
import { encodeFrame, FrameStream } from '../framing/index.ts'
import { RateLimiter } from '../limits/index.ts'
import { acceptedEntry, completedEntry, outcomeEntry } from './audit.ts'
import {
  ANSWER,
  DEFAULT_EXPIRY,
  ENTRY_COST,
  FRAME,
  MAX_ACTIVE,
  MAX_ACTIVE_PER_PEER,
  MAX_FRAME_LENGTH,
  MAX_UNDECIDED,
  MAX_UNDECIDED_PER_PEER,
  MAX_UNFINISHED_PER_PEER,
  OFFER_RATE,
  OFFER_TIMEOUT,
  REFUSAL,
  SIGN_OF_LIFE
} from './constants.ts'
import { receiveContent } from './content.ts'
import { type DownloadFolder, incomingId } from './folder.ts'
import { giveAnswer, type Party, readOffer, refuse } from './handshake.ts'
import type { FileDecision, FileOffer } from './index.ts'
import { admit, type FileLimits } from './limits.ts'
import { classOf } from './media-type.ts'
import { safeName } from './names.ts'
import type { FileOffer as WireOffer } from './pb/file.ts'
import type { IncomingRecord, TransferRecords } from './records.ts'
import type { Transfers } from './transfers.ts'
import type { WorkerPool } from './worker-pool.ts'

/** Entries that may be begun before the record is written again. */
const BEGUN_AHEAD = 4096

/** What is complete of a directory is recorded at most so often. Milliseconds. */
const RECORD_INTERVAL = 1_000

export interface IncomingInit {
  party: Party
  folder: DownloadFolder
  limits: FileLimits
  records: TransferRecords
  transfers: Transfers
  pool: WorkerPool
  decide(offer: FileOffer, signal: AbortSignal): Promise<FileDecision>
  now: () => number
  log: Logger
}

/** Offers that somebody decides, or has declined while the sender was away. */
interface Undecided {
  peer: string
  abort: AbortController
  decision: Promise<FileDecision>
}

interface Active {
  peer: string
  abort: AbortController
  ended: Promise<void>
}

/** The receiving side: one stream is one attempt of one transfer. */
export class Incoming {
  readonly #init: IncomingInit
  readonly #active = new Map<string, Active>()
  readonly #undecided = new Map<string, Undecided>()
  readonly #offers = new RateLimiter(OFFER_RATE)
  #shutdown = new AbortController()

  constructor(init: IncomingInit) {
    this.#init = init
  }

  /** Finishes what a crash interrupted at its last step, and removes what nobody came back for. */
  async start(): Promise<void> {
    this.#shutdown = new AbortController()
    const { transfers, folder, now } = this.#init
    const unfinished = transfers.incoming().filter(record => record.state === 'waiting')
    for (const record of unfinished) {
      try {
        if (record.target !== undefined) await this.#publish(record)
        else if (record.updatedAt + DEFAULT_EXPIRY < now()) {
          await this.#over(record, 'failed', new TalosError('FILE_EXPIRED', 'the sender did not come back'))
        }
      } catch (error) {
        this.#init.log.error('%s could not be finished: %e', record.id, error)
      }
    }
    await folder.sweep(
      new Set(
        transfers
          .incoming()
          .filter(({ state }) => state === 'waiting')
          .map(({ id }) => id)
      )
    )
  }

  async stop(): Promise<void> {
    this.#shutdown.abort(new TalosError('NETWORK_STREAM_CLOSED', 'this node is stopping'))
    await Promise.all([...this.#active.values()].map(({ ended }) => ended))
  }

  /** Cancels what the record is of, whether it is under way or not. */
  async cancel(record: IncomingRecord): Promise<void> {
    const reason = new TalosError('FILE_CANCELLED', 'the receiver has cancelled the transfer')
    const active = this.#active.get(record.id)
    active?.abort.abort(reason)
    await active?.ended
    if (record.state === 'waiting') await this.#over(record, 'cancelled', reason)
  }

  /** Resolves when what was decided on an offer is in effect: one that was accepted is on disk, and listed. Throws why it is not. */
  async decided(id: string): Promise<void> {
    await this.#undecided.get(id)?.decision
  }

  async onStream(frames: FrameStream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer
    const signal = this.#shutdown.signal
    try {
      const offer = await readOffer(
        frames,
        peer,
        this.#init.party.sessions,
        AbortSignal.any([signal, AbortSignal.timeout(OFFER_TIMEOUT)])
      )
      await this.#onOffer(frames, connection, offer)
    } catch (error) {
      this.#init.log('a transfer of %p ended: %e', peer, error)
      if (frames.stream.writeStatus !== 'writable') return // it was told
      const isBusy = isTalosError(error, 'FILE_BUSY')
      await refuse(frames, isBusy ? REFUSAL.busy : REFUSAL.unsupported, AbortSignal.timeout(1_000)).catch(reason =>
        frames.abort(reason)
      )
    }
  }

  async #onOffer(frames: FrameStream, connection: Connection, offer: WireOffer): Promise<void> {
    const { transfers } = this.#init
    const peer = connection.remotePeer.toString()
    const transferId = Buffer.from(offer.transferId).toString('hex')
    const id = incomingId(peer, transferId)

    // the sender knows first that a stream is dead
    const before = this.#active.get(id)
    before?.abort.abort(new TalosError('NETWORK_STREAM_CLOSED', 'the transfer goes on over another stream'))
    await before?.ended

    const abort = new AbortController()
    const ended = Promise.withResolvers<void>()
    if (this.#active.has(id)) throw busy()
    const others = [...this.#active.values()]
    if (
      others.length >= MAX_ACTIVE + MAX_UNDECIDED ||
      others.filter(active => active.peer === peer).length >= MAX_ACTIVE_PER_PEER + MAX_UNDECIDED_PER_PEER
    )
      throw busy()
    this.#active.set(id, { peer, abort, ended: ended.promise })
    const signal = AbortSignal.any([this.#shutdown.signal, abort.signal])
    try {
      let record = transfers.get(id) as IncomingRecord | undefined
      if (offer.cancelled) {
        this.#undecided.get(id)?.abort.abort(new TalosError('FILE_CANCELLED', 'the sender has cancelled the transfer'))
        this.#undecided.delete(id)
        if (record?.state === 'waiting')
          await this.#over(
            record,
            'cancelled',
            new TalosError('FILE_CANCELLED', 'the sender has cancelled the transfer')
          )
        return await this.#decline(frames, connection, offer, ANSWER.cancelled, '', signal)
      }
      if (record === undefined) {
        const decided = await this.#consider(frames, connection.remotePeer, id, offer, signal)
        if ('answer' in decided)
          return await this.#decline(frames, connection, offer, decided.answer, decided.reason, signal)
        record = decided.accepted
      }
      // all has come; what was missing was the disk's room to say so
      if (record.state === 'waiting' && record.target !== undefined) await this.#publish(record)
      const over = { waiting: undefined, done: ANSWER.done, failed: ANSWER.failed, cancelled: ANSWER.cancelled }[
        record.state
      ]
      if (over !== undefined) return await this.#decline(frames, connection, offer, over, '', signal)
      if (this.#receiving >= MAX_ACTIVE) throw busy()
      await this.#receive(frames, connection, offer, record, signal)
    } finally {
      this.#active.delete(id)
      ended.resolve()
    }
  }

  /** Whether a new offer is accepted; its record then. Throws FILE_BUSY. */
  async #consider(
    frames: FrameStream,
    peer: PeerId,
    id: string,
    offer: WireOffer,
    signal: AbortSignal
  ): Promise<{ accepted: IncomingRecord } | { answer: number; reason: string }> {
    const { limits, transfers } = this.#init
    const name = peer.toString()
    if (!this.#undecided.has(id)) this.#meter(name)
    const answer = admit(offer, limits, await this.#room(signal))
    if (answer !== ANSWER.accepted) {
      transfers.refused({ ...offerOf(offer), id, peer: name }, LIMIT_CODES[answer]!)
      return { answer, reason: '' }
    }
    // one that is offered again while somebody decides is not asked for twice
    let undecided = this.#undecided.get(id)
    if (undecided === undefined) {
      // nothing is waited for from here to the entry in the map: offers that come together are counted
      const waiting = [...this.#undecided.values()].filter(other => other.peer === name).length
      const unfinished = transfers.incoming().filter(other => other.peer === name && other.state === 'waiting').length
      const isFull = waiting >= MAX_UNDECIDED_PER_PEER || this.#undecided.size >= MAX_UNDECIDED
      if (isFull || unfinished >= MAX_UNFINISHED_PER_PEER) throw busy()
      const abort = new AbortController()
      undecided = { peer: name, abort, decision: this.#decision(peer, id, offer, abort.signal) }
      this.#undecided.set(id, undecided)
    }
    const decision = await whileWaiting(frames, undecided.decision, signal)
    this.#undecided.delete(id)
    if (!decision.accept) return { answer: ANSWER.declined, reason: decision.reason.slice(0, 500) }
    return { accepted: transfers.get(id) as IncomingRecord }
  }

  /** A no waits for a sender who is away meanwhile. A yes is a transfer from then on, whether the sender is there or not. */
  #decision(peer: PeerId, id: string, offer: WireOffer, cancelled: AbortSignal): Promise<FileDecision> {
    const decide = async (): Promise<FileDecision> => {
      const name = peer.toString()
      const decision = await this.#ask(peer, { ...offerOf(offer), id, peer: name }, cancelled)
      if (!decision.accept) return decision
      if (cancelled.aborted) return { accept: false, reason: 'it is not offered any more' }
      const record = this.#newRecord(id, name, Buffer.from(offer.transferId).toString('hex'), offer)
      await this.#init.records.put(record, acceptedEntry(record, this.#self))
      this.#init.transfers.add(record)
      return decision
    }
    const decision = decide()
    decision.then(
      ({ accept }) => accept && this.#undecided.delete(id),
      error => {
        this.#init.log.error('an offer of %p that was accepted could not be kept: %e', peer, error)
        this.#undecided.delete(id) // it is asked for again
      }
    )
    return decision
  }

  /** Counts an offer that is new: what follows costs a walk through the download folder. Throws FILE_BUSY. */
  #meter(peer: string): void {
    if (this.#offers.take(peer, 1, performance.now()) > 0) throw busy()
  }

  async #ask(peer: PeerId, offer: FileOffer, cancelled: AbortSignal): Promise<FileDecision> {
    this.#init.transfers.offered(offer)
    try {
      const decision = await this.#init.decide(offer, AbortSignal.any([this.#shutdown.signal, cancelled]))
      if (!decision.accept) this.#init.transfers.refused(offer, 'FILE_DECLINED')
      return decision
    } catch (error) {
      this.#init.log.error('the decision on an offer of %p failed: %e', peer, error)
      return { accept: false, reason: 'the receiver could not decide' }
    }
  }

  async #room(signal: AbortSignal): Promise<{ used: number; free: number }> {
    const { folder, pool, limits, transfers } = this.#init
    let expected = 0
    for (const { state, size, entries, done } of transfers.incoming()) {
      if (state === 'waiting') expected += size - done.bytes + (entries - done.entries) * ENTRY_COST
    }
    const used =
      limits.quota === 0
        ? 0
        : await pool.ask<number>({ type: 'usage', folder: folder.path, entryCost: ENTRY_COST }, signal)
    return { used: used + expected, free: (await folder.free()) - expected }
  }

  get #self(): string {
    return this.#init.party.self.toString()
  }

  get #receiving(): number {
    return this.#init.transfers.incoming().filter(({ id }) => this.#init.transfers.isActive(id)).length
  }

  async #receive(
    frames: FrameStream,
    connection: Connection,
    offer: WireOffer,
    record: IncomingRecord,
    signal: AbortSignal
  ): Promise<void> {
    const { party, folder, pool, limits, transfers, records } = this.#init
    const { id } = record
    let path: string
    try {
      path = await folder.prepare(id)
    } catch (error) {
      const answer = isTalosError(error, 'FILE_DISK_FULL') ? ANSWER.noSpace : ANSWER.folder
      return await this.#decline(frames, connection, offer, answer, '', signal)
    }
    const chunks = await folder.chunks(id)
    const begun = record.begun
    const keys = await giveAnswer(
      frames,
      connection,
      offer,
      { answer: ANSWER.accepted, entries: record.done.entries, chunks },
      party,
      signal
    )
    const worker = pool.acquire()
    let isOver = false
    let recordedAt = 0
    transfers.begin(record)
    try {
      const job = {
        folder: path,
        directory: record.directory,
        size: record.size,
        entries: record.entries,
        done: { ...record.done },
        chunks,
        begun,
        limits
      }
      await receiveContent(
        {
          frames,
          worker,
          keys,
          job,
          signal,
          onDigests: digests => {
            record.digests = digests
          },
          onProgress: (counts, whole) => {
            transfers.progress(record, counts)
            record.done = whole
            if (!record.directory || performance.now() - recordedAt < RECORD_INTERVAL) return
            recordedAt = performance.now()
            // ahead by more than can come until it is written again
            Object.assign(record, { begun: whole.entries + BEGUN_AHEAD, updatedAt: this.#init.now() })
            void records.put(record).catch(error => this.#init.log.error('progress was not recorded: %e', error))
          }
        },
        async () => {
          isOver = true
          await this.#publish(record)
        }
      )
    } catch (error) {
      const { code } = error as TalosError
      if (FINAL.includes(code))
        await this.#over(record, code === 'FILE_CANCELLED' ? 'cancelled' : 'failed', error as TalosError)
      else {
        await records.put({ ...record, updatedAt: this.#init.now() }).catch(() => {}) // the disk may be full
        transfers.pause(record, error as TalosError)
      }
      throw error
    } finally {
      await pool.release(worker, isOver)
      transfers.end(id)
    }
  }

  /** Gives a complete transfer its name. After a crash, once more. */
  async #publish(record: IncomingRecord): Promise<void> {
    const { folder, records, transfers, now } = this.#init
    for (;;) {
      record.target ??= await folder.nameFor(record.name)
      await records.put(record)
      if (await folder.publish(record.id, record.target, record.directory)) break
      delete record.target
    }
    const done = { entries: record.entries, bytes: record.size }
    await records.change(record, { state: 'done', updatedAt: now(), done, reason: undefined }, changed =>
      completedEntry(changed, this.#self, changed.digests)
    )
    transfers.finished(record)
  }

  async #over(record: IncomingRecord, state: 'failed' | 'cancelled', { code, message }: TalosError): Promise<void> {
    const { folder, records, transfers, now } = this.#init
    await records.change(record, { state, updatedAt: now(), reason: { code, message } }, changed =>
      outcomeEntry(changed, this.#self, state)
    )
    await folder.discard(record.id)
    transfers.finished(record)
  }

  async #decline(
    frames: FrameStream,
    connection: Connection,
    offer: WireOffer,
    answer: number,
    reason: string,
    signal: AbortSignal
  ): Promise<void> {
    await giveAnswer(frames, connection, offer, { answer, reason }, this.#init.party, signal)
    await frames.finish(signal)
  }

  #newRecord(id: string, peer: string, transferId: string, offer: WireOffer): IncomingRecord {
    const now = this.#init.now()
    const { name, directory, size, entries, mediaType } = offerOf(offer)
    const offeredName = offer.name === name ? {} : { offeredName: offer.name }
    return {
      ...{ id, direction: 'in', peer, transferId, name, directory, size, entries, mediaType, state: 'waiting' },
      ...{ createdAt: now, updatedAt: now, done: { entries: 0, bytes: 0 }, begun: BEGUN_AHEAD, ...offeredName }
    }
  }
}

/** What the sender of an offer that is above a limit gets. */
const LIMIT_CODES: Readonly<Record<number, string>> = {
  [ANSWER.tooLarge]: 'FILE_TOO_LARGE',
  [ANSWER.noSpace]: 'FILE_NO_SPACE',
  [ANSWER.quota]: 'FILE_QUOTA'
}

/** After these nothing is kept: another attempt would end the same way. */
const FINAL = [
  'FILE_CANCELLED',
  'FILE_SOURCE_CHANGED',
  'FILE_SOURCE',
  'FILE_TOO_LARGE',
  'FILE_NAME',
  'FILE_DAMAGED',
  'FILE_PROTOCOL'
]

function offerOf({ name, directory, size, entries, mediaType }: WireOffer) {
  const type = directory ? 'inode/directory' : mediaType || 'application/octet-stream'
  return { name: safeName(name), directory, size, entries, mediaType: type, mediaClass: classOf(type) }
}

/** Says WAIT until the decision is there. */
async function whileWaiting<T>(frames: FrameStream, decision: Promise<T>, signal: AbortSignal): Promise<T> {
  const interrupted = Promise.withResolvers<never>()
  interrupted.promise.catch(() => {})
  const onAbort = (): void => interrupted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setInterval(() => {
    frames.write(encodeFrame(FRAME.wait, new Uint8Array()), signal).catch(interrupted.reject)
  }, SIGN_OF_LIFE)
  try {
    signal.throwIfAborted()
    return await Promise.race([decision, interrupted.promise])
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function busy(): TalosError {
  return new TalosError('FILE_BUSY', 'as many transfers are under way as can be')
}

/** The stream of a transfer. */
export function fileFrames(stream: ConstructorParameters<typeof FrameStream>[0]): FrameStream {
  return new FrameStream(stream, { maxFrameLength: MAX_FRAME_LENGTH })
}
