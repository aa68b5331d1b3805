import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Connection, Logger, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { isTalosError, TalosError } from '../../errors.ts'
import { schedulerOf } from '../framing/index.ts'
import { acceptedEntry, completedEntry, offeredEntry, outcomeEntry } from './audit.ts'
import {
  ANSWER,
  DEFAULT_EXPIRY,
  FILE_PROTOCOL,
  MAX_ACTIVE,
  MAX_ACTIVE_PER_PEER,
  OFFER_TIMEOUT,
  RETRY_AFTER
} from './constants.ts'
import { sendContent } from './content.ts'
import { makeOffer, type OfferedTransfer, type Party } from './handshake.ts'
import { fileFrames } from './incoming.ts'
import type { FileAnswer } from './pb/file.ts'
import type { DigestsText, OutgoingRecord, TransferRecords } from './records.ts'
import type { Survey } from './source.ts'
import type { Transfers } from './transfers.ts'
import type { WorkerPool } from './worker-pool.ts'

export interface OutgoingInit {
  party: Party
  connect(peer: PeerId, signal: AbortSignal): Promise<Connection>
  records: TransferRecords
  transfers: Transfers
  pool: WorkerPool
  now: () => number
  log: Logger
}

/** Another attempt may do better. Everything else of FILE_* is final. */
const PASSING = ['FILE_BUSY', 'FILE_NO_SESSION', 'FILE_RESTART', 'FILE_SILENT']

/** Another attempt may do better at once, the first time. */
const AT_ONCE = ['FILE_NO_SESSION', 'FILE_RESTART']

/** The receiver keeps what it has: when somebody has made room there, it goes on. */
const RESUMABLE = ['FILE_DISK_FULL', 'FILE_FOLDER', 'FILE_NO_SPACE', 'FILE_QUOTA']

/** No attempt will do better before somebody has decided something. */
const FINAL_SESSION = ['SESSION_NOT_AUTHORISED', 'SESSION_IDENTITY_CHANGED']

interface Run {
  peer: string
  abort: AbortController
  ended: Promise<void>
  /** Ends the wait for the next attempt. */
  wake: () => void
}

/** The sending side: every transfer that waits has a loop that tries until it is over. */
export class Outgoing {
  readonly #init: OutgoingInit
  readonly #runs = new Map<string, Run>()
  readonly #slots = new Slots()

  constructor(init: OutgoingInit) {
    this.#init = init
  }

  start(): void {
    for (const record of this.#init.transfers.outgoing()) if (record.state === 'waiting') this.#begin(record)
  }

  async stop(): Promise<void> {
    const runs = [...this.#runs.values()]
    for (const { abort } of runs) abort.abort(new TalosError('NETWORK_STREAM_CLOSED', 'this node is stopping'))
    await Promise.all(runs.map(({ ended }) => ended))
  }

  /** A peer that has come can be tried at once. */
  onConnect(peer: PeerId): void {
    for (const run of this.#runs.values()) if (run.peer === peer.toString()) run.wake()
  }

  async send(peer: PeerId, path: string, signal?: AbortSignal): Promise<OutgoingRecord> {
    const { pool, transfers, records, now } = this.#init
    const full = resolve(path)
    const { name, directory, size, entries, mediaType, digest, skipped, skippedCount } = await pool.ask<Survey>(
      { type: 'survey', path: full },
      signal
    )
    const before = transfers
      .outgoing()
      .find(
        record =>
          record.peer === peer.toString() && record.path === full && record.digest === digest && isUnfinished(record)
      )
    if (before !== undefined) return this.#resume(before)
    const at = now()
    const record: OutgoingRecord = {
      ...{
        id: newId(at),
        direction: 'out',
        peer: peer.toString(),
        path: full,
        name,
        directory,
        size,
        entries,
        mediaType
      },
      ...{
        digest,
        skipped,
        skippedCount,
        state: 'waiting',
        createdAt: at,
        updatedAt: at,
        expiresAt: at + DEFAULT_EXPIRY
      },
      done: { entries: 0, bytes: 0 }
    }
    await records.put(record, offeredEntry(record, this.#self))
    transfers.add(record)
    this.#begin(record)
    return record
  }

  async cancel(record: OutgoingRecord): Promise<void> {
    const reason = new TalosError('FILE_CANCELLED', 'the sender has cancelled the transfer')
    const run = this.#runs.get(record.id)
    run?.abort.abort(reason)
    await run?.ended
    if (record.state === 'waiting') await this.#over(record, 'cancelled', reason)
    // it may be known there without being on its way, or the link may have broken before it was told
    void this.#tellCancelled(record).catch(error => this.#init.log('%s: nobody was told: %e', record.id, error))
  }

  async #resume(record: OutgoingRecord): Promise<OutgoingRecord> {
    const { records, now } = this.#init
    const at = now()
    const isOver = record.state !== 'waiting'
    await records.change(
      record,
      { state: 'waiting', updatedAt: at, expiresAt: at + DEFAULT_EXPIRY, resumable: false },
      isOver ? changed => outcomeEntry(changed, this.#self, 'resumed') : undefined
    )
    const run = this.#runs.get(record.id)
    if (run === undefined) this.#begin(record)
    else run.wake()
    return record
  }

  #begin(record: OutgoingRecord): void {
    const run: Run = { peer: record.peer, abort: new AbortController(), ended: Promise.resolve(), wake: () => {} }
    this.#runs.set(record.id, run)
    run.ended = this.#run(record, run)
      .catch(error => this.#init.log.error('the transfer %s: %e', record.id, error))
      .finally(() => this.#runs.delete(record.id))
  }

  async #run(record: OutgoingRecord, run: Run): Promise<void> {
    const { transfers, now } = this.#init
    const { signal } = run.abort
    let hurried = false
    for (let attempt = 0; !signal.aborted; ) {
      const before = record.done.bytes + record.done.entries
      try {
        if (record.expiresAt < now()) throw new TalosError('FILE_EXPIRED', 'the peer was not reached in time')
        const release = await this.#slots.take(record.peer, signal)
        try {
          await this.#attempt(record, signal)
        } finally {
          transfers.end(record.id)
          release()
        }
        record.digests ??= await this.#digests(record, signal)
        return await this.#over(record, 'done')
      } catch (cause) {
        if (signal.aborted) break
        const error = asTalosError(cause)
        if (isFinal(error)) return await this.#over(record, 'failed', error)
        this.#init.log('%s is tried again: %e', record.id, error)
        transfers.pause(record, error)
        if (record.done.bytes + record.done.entries > before) attempt = 0
        if (AT_ONCE.includes(error.code) && !hurried) hurried = true
        else await pause(RETRY_AFTER[Math.min(attempt++, RETRY_AFTER.length - 1)]!, run)
      }
    }
    const reason = signal.reason as TalosError
    if (reason.code === 'FILE_CANCELLED') await this.#over(record, 'cancelled', reason)
  }

  async #attempt(record: OutgoingRecord, signal: AbortSignal): Promise<void> {
    const { party, pool, transfers } = this.#init
    const { connection, frames } = await this.#open(record, signal)
    let content: Parameters<typeof sendContent>[0]
    const worker = pool.acquire()
    let isOver = false
    try {
      const { answer, keys } = await makeOffer(frames, connection, offerOf(record), party, signal)
      if (keys === undefined) {
        await frames.finish(AbortSignal.timeout(OFFER_TIMEOUT)).catch(() => {})
        if (answer.answer === ANSWER.done) return
        throw notAccepted(answer)
      }
      await this.#accepted(record)
      transfers.begin(record)
      const { path, directory, digest } = record
      content = {
        ...{ frames, worker, keys, signal },
        job: { path, directory, digest, entries: answer.entries, chunks: answer.chunks },
        onDigests: digests => {
          record.digests = digests
        },
        onProgress: counts => {
          // whoever draws it may rely on it
          if (counts.bytes > record.size || counts.entries > record.entries)
            throw new TalosError('FILE_PROTOCOL', 'the receiver has more than it was sent')
          record.done = counts
          transfers.progress(record, counts)
        }
      }
      await sendContent(content, schedulerOf(connection))
      isOver = true
    } catch (error) {
      frames.abort(error as Error)
      throw error
    } finally {
      await pool.release(worker, isOver)
    }
  }

  /** Records, the first time, that the receiver has accepted. */
  async #accepted(record: OutgoingRecord): Promise<void> {
    if (record.isAccepted === true) return
    await this.#init.records.change(record, { isAccepted: true }, changed => acceptedEntry(changed, this.#self))
  }

  /** Of a file that the receiver had before this process began to send it; nothing of one that has changed since. */
  async #digests({ path, directory, digest }: OutgoingRecord, signal: AbortSignal): Promise<DigestsText | undefined> {
    if (directory) return undefined
    try {
      return await this.#init.pool.ask<DigestsText>({ type: 'digests', path, digest }, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#init.log('%s was not read again: %e', path, error)
      return undefined
    }
  }

  get #self(): string {
    return this.#init.party.self.toString()
  }

  async #open({ peer }: OutgoingRecord, signal: AbortSignal) {
    const connection = await this.#init.connect(peerIdFromString(peer), signal)
    if (connection.remotePeer.toString() !== peer) {
      throw new TalosError('FILE_WRONG_PEER', `at that address is ${connection.remotePeer}, not ${peer}`, {
        hint: 'Its address has changed, or somebody sits in between. Nothing was sent.'
      })
    }
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(OFFER_TIMEOUT)])
    return {
      connection,
      frames: fileFrames(await connection.newStream(FILE_PROTOCOL, { signal: deadline, runOnLimitedConnection: true }))
    }
  }

  /** So that the receiver does not keep what has arrived, if it can be reached now. */
  async #tellCancelled(record: OutgoingRecord): Promise<void> {
    const signal = AbortSignal.timeout(OFFER_TIMEOUT)
    const { connection, frames } = await this.#open(record, signal)
    try {
      await makeOffer(frames, connection, { ...offerOf(record), cancelled: true }, this.#init.party, signal)
      await frames.finish(signal)
    } catch (error) {
      frames.abort(error as Error)
      throw error
    }
  }

  async #over(record: OutgoingRecord, state: 'done' | 'failed' | 'cancelled', error?: TalosError): Promise<void> {
    const { records, transfers, now } = this.#init
    const changes: Partial<OutgoingRecord> = { state, updatedAt: now(), reason: undefined }
    if (state === 'done') changes.done = { entries: record.entries, bytes: record.size }
    if (error !== undefined) {
      changes.reason = { code: error.code, message: error.message }
      if (RESUMABLE.includes(error.code)) changes.resumable = true
    }
    await records.change(record, changes, changed =>
      state === 'done' ? completedEntry(changed, this.#self, changed.digests) : outcomeEntry(changed, this.#self, state)
    )
    transfers.finished(record)
  }
}

/** Transfers that run at once, so many of one peer, and so many in all. */
class Slots {
  readonly #taken = new Map<string, number>()
  #all = 0
  #waiting: Array<() => void> = []

  async take(peer: string, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      signal.throwIfAborted()
      const ofPeer = this.#taken.get(peer) ?? 0
      if (this.#all < MAX_ACTIVE && ofPeer < MAX_ACTIVE_PER_PEER) {
        this.#all++
        this.#taken.set(peer, ofPeer + 1)
        return () => this.#free(peer)
      }
      await new Promise<void>(wake => {
        this.#waiting.push(wake)
        signal.addEventListener('abort', () => wake(), { once: true })
      })
    }
  }

  #free(peer: string): void {
    this.#all--
    const left = this.#taken.get(peer)! - 1
    if (left === 0) this.#taken.delete(peer)
    else this.#taken.set(peer, left)
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

async function pause(milliseconds: number, run: Run): Promise<void> {
  const { promise, resolve: wake } = Promise.withResolvers<void>()
  const timer = setTimeout(wake, milliseconds * (0.75 + Math.random() / 2)).unref()
  run.wake = wake
  run.abort.signal.addEventListener('abort', () => wake(), { once: true })
  await promise
  clearTimeout(timer)
  run.wake = () => {}
}

function isUnfinished({ state, resumable }: OutgoingRecord): boolean {
  return state === 'waiting' || (state === 'failed' && resumable === true)
}

function isFinal({ code }: TalosError): boolean {
  return (code.startsWith('FILE_') && !PASSING.includes(code)) || FINAL_SESSION.includes(code)
}

function offerOf({ id, name, directory, size, entries, mediaType }: OutgoingRecord): OfferedTransfer {
  return {
    transferId: Uint8Array.from(Buffer.from(id, 'hex')),
    name,
    directory,
    size,
    entries,
    mediaType,
    cancelled: false
  }
}

function notAccepted({ answer, reason }: FileAnswer): TalosError {
  switch (answer) {
    case ANSWER.declined:
      // somebody's words, for somebody's eyes: nothing in them may move a cursor
      return new TalosError(
        'FILE_DECLINED',
        `the receiver does not want it: ${reason.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').slice(0, 500)}`
      )
    case ANSWER.tooLarge:
      return new TalosError('FILE_TOO_LARGE', "it is larger than the receiver's limit for its kind")
    case ANSWER.noSpace:
      return new TalosError('FILE_NO_SPACE', "the receiver's disk has no room for it")
    case ANSWER.quota:
      return new TalosError('FILE_QUOTA', "the receiver's download folder has no room for it")
    case ANSWER.folder:
      return new TalosError('FILE_FOLDER', "the receiver's download folder cannot be used")
    case ANSWER.cancelled:
      return new TalosError('FILE_CANCELLED', 'the receiver has cancelled the transfer')
    default:
      return new TalosError('FILE_FAILED', 'the transfer has failed at the receiver')
  }
}

function asTalosError(error: unknown): TalosError {
  if (isTalosError(error)) return error
  if (error instanceof Error && error.name === 'UnsupportedProtocolError') {
    return new TalosError('FILE_UNSUPPORTED', 'the peer takes no files', { cause: error })
  }
  return new TalosError('NETWORK_STREAM_CLOSED', `the connection to the peer broke: ${(error as Error).message}`, {
    cause: error
  })
}

/** 16 bytes as hexadecimal digits: 6 of time and 10 of chance, so that the order of ids is that of time. */
function newId(now: number): string {
  return now.toString(16).padStart(12, '0') + randomBytes(10).toString('hex')
}
