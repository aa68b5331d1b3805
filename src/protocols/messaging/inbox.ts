import { isTalosError } from '../../errors.ts'
import { dueOf } from './acknowledgement.ts'
import { messageEntry } from './audit.ts'
import {
  EPOCH_LIFETIME,
  MAX_CONTENT,
  MAX_CONTENT_TYPE,
  MAX_DELIVERED,
  MAX_EPOCHS,
  MESSAGE_COST,
  REFUSAL,
  TYPE,
  WINDOW
} from './constants.ts'
import type { Context } from './context.ts'
import { type Envelope, EnvelopeError, plain } from './envelope.ts'
import { hasInboxRoom, isInboxOpen } from './limits.ts'
import { type Delivered, TextBody } from './pb/message.ts'
import { type EpochRecord, type PeerRecord, StoredMessage } from './pb/records.ts'
import { encodeText, heldKey, idKey, inboxKey, incomingMessage, messageKey, putState, readMessage } from './records.ts'
import type { Step } from './step.ts'
import { uuidBytes, uuidText } from './uuid.ts'

interface Opened {
  message: StoredMessage | undefined
  /** What it acknowledges besides. */
  delivered: readonly Delivered[]
}

const SKIPPED: Opened = { message: undefined, delivered: [] }

/**
 * What one peer sends us: each message once, in the order of sending. What arrives ahead of others is held back on disk; what
 * was seen is known by its epoch and sequence, so there is no list of ids that could run out.
 */
export class Inbox {
  readonly #context: Context
  readonly #peer: string

  constructor(context: Context, peer: string) {
    this.#context = context
    this.#peer = peer
  }

  /**
   * Takes a TEXT or SKIP whose signature was checked. When it returns, it is on disk with the step, or was before: it is to be
   * acknowledged. `isKnown` is asked when there is room for known peers alone. Resolves with what it acknowledges itself. Throws EnvelopeError (refused; nothing changed) or the SESSION_* for
   * which it could not be read.
   */
  async accept(
    step: Step,
    record: PeerRecord,
    envelope: Envelope,
    isKnown: () => Promise<boolean>
  ): Promise<readonly Delivered[]> {
    const { sequence, floor } = envelope
    const known = record.epochs.find(one => Buffer.compare(one.epoch, envelope.epoch) === 0)
    if (known !== undefined && isDuplicate(known, sequence)) return []
    if (known === undefined) this.#checkEpochs(step, record, envelope)
    const next = Math.max(known?.next ?? 0, floor)
    if (sequence >= next + WINDOW) throw refused(REFUSAL.malformed, 'it is too far ahead of others', envelope)

    const { message, delivered } =
      envelope.type === TYPE.text ? await this.#open(step, record, envelope, isKnown) : SKIPPED
    const epoch = known ?? newEpoch(envelope)
    if (known === undefined) await this.#begin(step, record, epoch)
    epoch.lastAt = step.now
    await this.#advance(step, epoch, floor)
    const isLatest = record.epochs.at(-1) === epoch
    const gap = epoch.gaps.indexOf(sequence)
    if (gap >= 0) epoch.gaps.splice(gap, 1)
    else if (sequence > epoch.next && isLatest) {
      insertSorted(epoch.held, sequence)
      const key = heldKey(this.#peer, epoch.epoch, sequence)
      // a SKIP is held as an empty record
      step.transaction.put(key, message === undefined ? new Uint8Array() : StoredMessage.encode(message))
      // its id is taken from now on; where the message is found by it is written when it is handed over
      if (message !== undefined) step.transaction.put(idKey(message.id), encodeText(key))
      return delivered
    } else {
      // in an epoch that has ended nothing waits: what is missing comes when it comes, or never
      for (let missing = epoch.next; missing < sequence; missing++) epoch.gaps.push(missing)
      epoch.next = sequence + 1
    }
    if (message !== undefined) this.#hand(step, message)
    await this.#advance(step, epoch, epoch.next)
    return delivered
  }

  /** The application has taken a message: true when it had not before. */
  async take(step: Step, record: PeerRecord, key: string): Promise<boolean> {
    if ((await step.transaction.get(inboxKey(key))) === undefined) return false
    const message = (await readMessage(step.transaction, key))!
    step.transaction.delete(inboxKey(key))
    putState(step.transaction, key, 'read', step.now)
    this.#count(record, -1, -(message.content.length + MESSAGE_COST))
    dueOf(record).read.push(plain(uuidBytes(message.id)))
    return true
  }

  /** What is held back behind messages that can no longer come is handed over: when the sender is gone for good. */
  async releaseOld(step: Step, record: PeerRecord): Promise<void> {
    for (const epoch of record.epochs) {
      if (epoch.held.length > 0 && step.now - epoch.lastAt > EPOCH_LIFETIME) await this.#release(step, epoch)
    }
  }

  async #open(step: Step, record: PeerRecord, envelope: Envelope, isKnown: () => Promise<boolean>): Promise<Opened> {
    const cost = envelope.body.length + MESSAGE_COST
    const { limits, total } = this.#context
    if (!hasInboxRoom(limits, record, total, cost)) throw refused(REFUSAL.full, 'there is no room for it', envelope)
    if (!isInboxOpen(limits, total, cost) && !(await isKnown())) {
      throw refused(REFUSAL.full, 'the room that there is, is for peers that are known', envelope)
    }
    const { plaintext } = await step.session.open(envelope.body)
    const body = decodeBody(plaintext, envelope)
    const id = uuidText(envelope.id)
    const { transaction } = step
    if ((await transaction.get(idKey(id))) !== undefined || (await transaction.get(messageKey(id))) !== undefined) {
      throw refused(REFUSAL.malformed, 'its id is that of another message', envelope)
    }
    this.#count(record, 1, body.content.length + MESSAGE_COST)
    const { contentType, content, sentAt: otherTime, delivered } = body
    const message = { incoming: true, peer: this.#peer, id, contentType, content, time: step.now, otherTime }
    return { message, delivered }
  }

  #checkEpochs(step: Step, record: PeerRecord, envelope: Envelope): void {
    const latest = record.epochs.at(-1)
    record.epochs = record.epochs.filter(one => one === latest || step.now - one.lastAt <= EPOCH_LIFETIME)
    if (record.epochs.length < MAX_EPOCHS) return
    throw refused(REFUSAL.full, 'its sender has begun to count anew too often', envelope)
  }

  /** A sender that counts anew has lost its disk: what it had not sent before does not come any more. */
  async #begin(step: Step, record: PeerRecord, epoch: EpochRecord): Promise<void> {
    record.epochs.push(epoch)
    record.epochs.sort((a, b) => Buffer.compare(a.epoch, b.epoch))
    for (const older of record.epochs.slice(0, -1)) await this.#release(step, older)
  }

  /** Hands over everything that is held back, and remembers what is missing. */
  async #release(step: Step, epoch: EpochRecord): Promise<void> {
    while (epoch.held.length > 0) {
      const first = epoch.held[0]!
      for (let missing = epoch.next; missing < first; missing++) epoch.gaps.push(missing)
      epoch.next = first
      await this.#advance(step, epoch, first)
    }
  }

  /** Everything below `floor` has come or never will: hands over what was held back up to there, and what follows on it. */
  async #advance(step: Step, epoch: EpochRecord, floor: number): Promise<void> {
    while (epoch.held.length > 0 && (epoch.held[0]! < floor || epoch.held[0]! <= epoch.next)) {
      const sequence = epoch.held.shift()!
      const key = heldKey(this.#peer, epoch.epoch, sequence)
      const bytes = (await step.transaction.get(key))!
      step.transaction.delete(key)
      if (bytes.length > 0) this.#hand(step, StoredMessage.decode(bytes))
      epoch.next = sequence + 1
    }
    epoch.next = Math.max(epoch.next, floor)
    if (epoch.held[0] === epoch.next) await this.#advance(step, epoch, epoch.next)
  }

  /** Puts a message into the inbox and the history. */
  #hand(step: Step, message: StoredMessage): void {
    const key = uuidText(this.#context.uuids.next())
    step.transaction.put(messageKey(key), StoredMessage.encode(message))
    step.transaction.put(idKey(message.id), encodeText(key))
    step.transaction.put(inboxKey(key), encodeText(this.#peer))
    step.record(messageEntry(this.#context.crypto, message))
    step.afterwards(() => this.#context.onMessage(incomingMessage(message, false)))
  }

  #count(record: PeerRecord, count: number, bytes: number): void {
    for (const usage of [record, this.#context.total]) {
      usage.inCount += count
      usage.inBytes += bytes
    }
  }
}

function isDuplicate({ next, gaps, held }: EpochRecord, sequence: number): boolean {
  return sequence < next ? !gaps.includes(sequence) : held.includes(sequence)
}

function newEpoch({ epoch, floor }: Envelope): EpochRecord {
  return { epoch: plain(epoch.slice()), next: floor, held: [], gaps: [], lastAt: 0 }
}

function insertSorted(numbers: number[], number: number): void {
  let at = numbers.length
  while (at > 0 && numbers[at - 1]! > number) at--
  numbers.splice(at, 0, number)
}

/** It is genuine, so sending it again would not help. */
function decodeBody(plaintext: Uint8Array, envelope: Envelope): TextBody {
  let body: TextBody
  try {
    body = TextBody.decode(plaintext, { limits: MAX_DELIVERED })
  } catch (cause) {
    throw refused(REFUSAL.malformed, 'its content cannot be decoded', envelope, cause)
  }
  const { content, contentType, sentAt } = body
  if (
    content.length > MAX_CONTENT ||
    Buffer.byteLength(contentType) > MAX_CONTENT_TYPE ||
    !Number.isSafeInteger(sentAt)
  ) {
    throw refused(REFUSAL.malformed, 'its content is too long', envelope)
  }
  return body
}

function refused(refusal: number, why: string, { id }: Envelope, cause?: unknown): EnvelopeError {
  return new EnvelopeError(refusal, `a message is refused: ${why}`, id, cause)
}

/** What the sender is told of an envelope that could not be taken; undefined when it is not its fault. */
export function refusalOf(error: unknown): number | undefined {
  if (error instanceof EnvelopeError) return error.refusal
  if (isTalosError(error, 'SESSION_IDENTITY_CHANGED')) return REFUSAL.keyNotAccepted
  if (isTalosError(error, 'SESSION_THROTTLED')) return REFUSAL.full
  if (isTalosError(error) && error.code.startsWith('SESSION_')) return REFUSAL.unreadable
  return undefined
}
