import { messageEntry, outcomeEntry } from './audit.ts'
import {
  EPOCH_LENGTH,
  MAX_EXPIRY,
  MAX_IDS,
  MESSAGE_COST,
  STEP_BYTES,
  STEP_MESSAGES,
  TYPE,
  WINDOW_BYTES
} from './constants.ts'
import type { Context } from './context.ts'
import { plain, signEnvelope } from './envelope.ts'
import type { OutgoingMessage } from './index.ts'
import { checkOutbox } from './limits.ts'
import { OutboxEntries, type OutEntry } from './outbox-entries.ts'
import { type Delivered, TextBody } from './pb/message.ts'
import { type DueEpoch, OutRecord, type PeerRecord, StoredMessage } from './pb/records.ts'
import { messageKey, outgoingMessage, outKey, putState, readEntry, readMessage } from './records.ts'
import type { Step } from './step.ts'
import { uuidBytes, uuidText } from './uuid.ts'

export interface Draft {
  content: Uint8Array
  contentType: string
  /** Milliseconds. */
  expiresIn: number
}

/** An envelope on its way out. */
export interface Outgoing {
  sequence: number
  expiresAt: number
  envelope: Uint8Array
}

/** An acknowledgement that travels with a message. */
export interface Cargo {
  readonly delivered: DueEpoch[]
  /** The id of the message that has taken it. */
  by: string | undefined
}

export interface Batch {
  envelopes: Outgoing[]
  /** It ended for want of a session. */
  needsSession: boolean
  /** There is more than belongs into one step. */
  hasMore: boolean
}

/** A mailbox holds the message of that sequence until then. */
export interface StoredUntil {
  sequence: number
  until: number
}

type Reason = { code: string; message: string }

const EXPIRED: Reason = { code: 'MESSAGE_EXPIRED', message: 'it could not be delivered before it expired' }

/**
 * What waits for one peer, in order. Of it a window is sealed: the oldest outstanding and those after it, so few that the
 * receiver's ratchet can skip any part of them. An envelope is sealed once and sent again as it is; only when the receiver
 * cannot read it is the content sealed anew.
 */
export class Outbox {
  readonly entries: OutboxEntries
  readonly #context: Context
  readonly #peer: string
  readonly #recipient: Uint8Array
  /** Messages on their way, as far as there is room: to seal them, and to tell of them, reads nothing. */
  readonly #recent = new Map<string, StoredMessage>()
  #recentBytes = 0

  constructor(context: Context, peer: string, recipient: Uint8Array) {
    this.#context = context
    this.#peer = peer
    this.#recipient = recipient
    this.entries = new OutboxEntries(context.store, peer)
  }

  /** Puts a message at the end. Throws MESSAGE_OUTBOX_FULL. */
  add(step: Step, record: PeerRecord, draft: Draft): OutgoingMessage {
    const { limits, total, uuids } = this.#context
    const size = draft.content.length + MESSAGE_COST
    checkOutbox(limits, record, total, size)
    if (record.epoch.length !== EPOCH_LENGTH) {
      record.epoch = plain(uuids.next())
      record.next = 1
    }
    const id = uuidText(uuids.next())
    const stored: StoredMessage = {
      incoming: false,
      peer: this.#peer,
      id,
      contentType: draft.contentType,
      content: plain(draft.content),
      time: step.now,
      otherTime: step.now + draft.expiresIn
    }
    step.transaction.put(messageKey(id), StoredMessage.encode(stored))
    step.record(messageEntry(this.#context.crypto, stored))
    const sequence = record.next++
    const entry = {
      sequence,
      id,
      size,
      expiresAt: stored.otherTime,
      sealed: false,
      storedUntil: 0,
      skip: false,
      sentOn: 0
    }
    this.entries.add(entry)
    this.#count(record, 1, size)
    this.#write(step, entry)
    if (this.#recentBytes + size <= WINDOW_BYTES) {
      this.#recent.set(id, stored)
      this.#recentBytes += size
    }
    const message = outgoingMessage(stored, undefined)
    if (this.#context.isWatched(id)) step.afterwards(() => this.#context.onState(message))
    return message
  }

  /** The step is on disk, or was undone: then memory is as before. */
  settle(onDisk: boolean): void {
    if (onDisk) this.entries.keep()
    else {
      this.entries.undo()
      this.#recent.clear()
      this.#recentBytes = 0
    }
  }

  /**
   * What is to be sent over link `link`, the oldest first: what is sealed already, and what is sealed now, the first of which
   * takes the `cargo`; as much as belongs into one step.
   */
  async send(step: Step, record: PeerRecord, link: number, cargo?: Cargo): Promise<Batch> {
    const batch = await this.#collect(step, record, entry => entry.sentOn !== link, cargo)
    for (const { sequence } of batch.envelopes) this.entries.change(this.entries.get(sequence)!, { sentOn: link })
    return batch
  }

  /** There is something to be sent over link `link`. */
  hasUnsent(link: number): boolean {
    return this.entries.window().some(entry => entry.sentOn !== link)
  }

  /** The same for a mailbox: what is not stored there. */
  deposit(step: Step, record: PeerRecord): Promise<Batch> {
    return this.#collect(step, record, entry => entry.storedUntil === 0)
  }

  /** A mailbox holds these. */
  async stored(step: Step, deposits: readonly StoredUntil[]): Promise<void> {
    for (const { sequence, until } of deposits) {
      const entry = this.entries.get(sequence)
      if (entry === undefined || entry.storedUntil > 0 || !entry.sealed) continue
      this.entries.change(entry, { storedUntil: until })
      this.#write(step, entry, await this.#envelope(step, entry))
      if (!entry.skip) await this.#advance(step, entry.id, 'stored')
    }
  }

  /** The peer has these on its disk. True when any was outstanding. */
  async delivered(step: Step, record: PeerRecord, acknowledged: readonly Delivered[]): Promise<boolean> {
    const ids: Uint8Array[] = []
    let any = false
    for (const { epoch, ranges } of acknowledged) {
      if (Buffer.compare(epoch, record.epoch) !== 0) continue
      for (const entry of this.entries.window()) {
        if (!isWithin(ranges, entry.sequence)) continue
        any = true
        this.#remove(step, record, entry)
        if (entry.skip) continue
        await this.#advance(step, entry.id, 'delivered')
        ids.push(uuidBytes(entry.id))
      }
    }
    if (ids.length > 0) step.record(outcomeEntry('delivered', this.#peer, ids))
    return any
  }

  /** The peer's application has taken these. */
  async read(step: Step, record: PeerRecord, ids: readonly Uint8Array[]): Promise<void> {
    for (const bytes of ids.slice(0, MAX_IDS)) {
      const id = uuidText(bytes)
      const message = await readEntry(step.transaction, id)
      if (message?.direction !== 'out' || message.peer !== this.#peer || message.state === 'read') continue
      const entry = this.entries.window().find(one => one.id === id)
      if (entry !== undefined) this.#remove(step, record, entry)
      await this.#advance(step, id, 'read')
    }
  }

  /** The peer could not read these envelopes (or any), or not accept their time: they are sealed anew. */
  unseal(step: Step, ids?: ReadonlySet<string>): void {
    for (const entry of this.entries.window()) {
      if (!entry.sealed || ids?.has(entry.id) === false) continue
      this.entries.change(entry, { sealed: false, storedUntil: 0, sentOn: 0 })
      this.#write(step, entry)
    }
  }

  /** Gives up these. */
  async fail(step: Step, record: PeerRecord, ids: ReadonlySet<string>, reason: Reason): Promise<void> {
    for (const entry of this.entries.window()) if (ids.has(entry.id)) await this.#giveUp(step, record, entry, reason)
  }

  /** Gives up what has expired; what no mailbox holds any more is here alone again. */
  async expire(step: Step, record: PeerRecord): Promise<void> {
    for (const entry of this.entries.expired(step.now)) {
      if (entry.expiresAt <= step.now) {
        await this.#giveUp(step, record, entry, EXPIRED)
        continue
      }
      this.entries.change(entry, { storedUntil: 0 })
      this.#write(step, entry, await this.#envelope(step, entry))
      if (!entry.skip) await this.#advance(step, entry.id, 'queued')
    }
  }

  async #giveUp(step: Step, record: PeerRecord, entry: OutEntry, reason: Reason): Promise<void> {
    // the receiver may hold back later ones until it knows that this one never comes
    const isAwaited = !entry.skip && record.sealedTo > entry.sequence
    if (!entry.skip) {
      await this.#advance(step, entry.id, 'failed', reason)
      step.record(outcomeEntry('failed', this.#peer, [uuidBytes(entry.id)], reason.code))
    }
    if (!isAwaited) return this.#remove(step, record, entry)
    this.entries.change(entry, {
      skip: true,
      sealed: false,
      storedUntil: 0,
      sentOn: 0,
      expiresAt: step.now + MAX_EXPIRY
    })
    this.#write(step, entry)
  }

  async #collect(step: Step, record: PeerRecord, wanted: (entry: OutEntry) => boolean, cargo?: Cargo): Promise<Batch> {
    const envelopes: Outgoing[] = []
    let length = 0
    for (const entry of this.entries.window()) {
      if (!wanted(entry)) continue
      if (envelopes.length >= STEP_MESSAGES || length >= STEP_BYTES) {
        return { envelopes, needsSession: false, hasMore: true }
      }
      const envelope = entry.sealed ? await this.#envelope(step, entry) : await this.#seal(step, record, entry, cargo)
      if (envelope === undefined) return { envelopes, needsSession: true, hasMore: true }
      length += envelope.length
      envelopes.push({ sequence: entry.sequence, expiresAt: entry.expiresAt, envelope })
    }
    return { envelopes, needsSession: false, hasMore: false }
  }

  /** Undefined when there is no session. */
  async #seal(step: Step, record: PeerRecord, entry: OutEntry, cargo?: Cargo): Promise<Uint8Array | undefined> {
    const body = entry.skip ? new Uint8Array() : await this.#sealedBody(step, entry, cargo)
    if (body === undefined) return undefined
    const envelope = signEnvelope(this.#context.identity, {
      id: uuidBytes(entry.id),
      type: entry.skip ? TYPE.skip : TYPE.text,
      recipient: this.#recipient,
      timestamp: step.now,
      epoch: record.epoch,
      sequence: entry.sequence,
      floor: this.entries.first()!.sequence,
      body
    })
    record.sealedTo = Math.max(record.sealedTo, entry.sequence)
    this.entries.change(entry, { sealed: true })
    this.#write(step, entry, envelope)
    return envelope
  }

  async #sealedBody(step: Step, entry: OutEntry, cargo?: Cargo): Promise<Uint8Array | undefined> {
    const message = this.#recent.get(entry.id) ?? (await readMessage(step.transaction, entry.id))!
    const { contentType, content, time: sentAt } = message
    const carries = cargo !== undefined && cargo.by === undefined
    const delivered = carries ? cargo.delivered : []
    const body = await step.session.seal(TextBody.encode({ contentType, content, sentAt, delivered }))
    if (carries && body !== undefined) cargo.by = entry.id
    return body
  }

  async #envelope(step: Step, entry: OutEntry): Promise<Uint8Array> {
    return OutRecord.decode((await step.transaction.get(outKey(this.#peer, entry.sequence)))!).envelope
  }

  #write(step: Step, { sequence, id, size, expiresAt, storedUntil, skip }: OutEntry, envelope?: Uint8Array): void {
    const fields = { id, size, expiresAt, storedUntil, skip, envelope: plain(envelope ?? new Uint8Array()) }
    step.transaction.put(outKey(this.#peer, sequence), OutRecord.encode(fields))
  }

  #remove(step: Step, record: PeerRecord, entry: OutEntry): void {
    this.entries.remove(entry)
    step.transaction.delete(outKey(this.#peer, entry.sequence))
    this.#count(record, -1, -entry.size)
  }

  #count(record: PeerRecord, count: number, bytes: number): void {
    for (const usage of [record, this.#context.total]) {
      usage.outCount += count
      usage.outBytes += bytes
    }
  }

  async #advance(step: Step, id: string, state: OutgoingMessage['state'], reason?: Reason): Promise<void> {
    const fields = putState(step.transaction, id, state, step.now, reason)
    const recent = this.#recent.get(id)
    if (recent !== undefined && state !== 'stored' && state !== 'queued') {
      this.#recent.delete(id)
      this.#recentBytes -= recent.content.length + MESSAGE_COST
    }
    if (!this.#context.isWatched(id)) return
    const message = recent ?? (await readMessage(step.transaction, id))
    if (message !== undefined) step.afterwards(() => this.#context.onState(outgoingMessage(message, fields)))
  }
}

/** `ranges`: first, last, first, last, … */
function isWithin(ranges: readonly number[], sequence: number): boolean {
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    if (sequence >= ranges[i]! && sequence <= ranges[i + 1]!) return true
  }
  return false
}
