import type { PeerId } from '@libp2p/interface'
import { isTalosError, type TalosError } from '../../errors.ts'
import type { FetchedBundle } from '../sessions/index.ts'
import {
  addDue,
  dueOf,
  hasDue,
  type RecentAcknowledgements,
  sealAcknowledgement,
  unsealAcknowledgement
} from './acknowledgement.ts'
import { ACK_AFTER, FRAME, MAX_CARRIED, MAX_DELIVERED, MAX_IDS, REFUSAL, TYPE } from './constants.ts'
import type { Context } from './context.ts'
import { type Envelope, EnvelopeError, plain, signEnvelope } from './envelope.ts'
import { type Inbox, refusalOf } from './inbox.ts'
import type { OutgoingMessage } from './index.ts'
import type { Link } from './link.ts'
import type { Batch, Cargo, Draft, Outbox, StoredUntil } from './outbox.ts'
import { AckBody, type Delivered, Refusal } from './pb/message.ts'
import type { DueEpoch, PeerRecord } from './pb/records.ts'
import { addDelivered } from './records.ts'
import { FAILS, type Reason, Refusals, WAITS } from './refusals.ts'
import type { Step } from './step.ts'
import { uuidText } from './uuid.ts'

/** A TEXT, SKIP or ACK whose form, signature, recipient and time are in order. */
export interface Arrival {
  envelope: Envelope
  /** Undefined when it came another way. */
  link: Link | undefined
  /** Told whether it may be forgotten, when it came another way. */
  settle?: (forget: boolean) => void
}

/** What has come together for the next step of a channel. */
export interface Input {
  sends: Array<{
    draft: Draft
    signal: AbortSignal | undefined
    resolve: (message: OutgoingMessage) => void
    reject: (error: unknown) => void
  }>
  takes: Array<{ key: string; resolve: () => void; reject: (error: unknown) => void }>
  arrivals: Arrival[]
  refusals: Refusal[]
  /** Ids of acknowledgements that the peer, or a mailbox, has. */
  done: Uint8Array[]
  /** The session was given up, since the peer does not have it any more. */
  healed: boolean
  /** What a mailbox holds. */
  stored: StoredUntil[]
  /** The word about what could not be read is in a mailbox. */
  refusalStored: boolean
  bundle: FetchedBundle | undefined
  /** Asked for what is to be left in a mailbox. */
  deposit: PromiseWithResolvers<Deposits> | undefined
  /** Resolved when the step has ended, on disk or not. */
  ended: PromiseWithResolvers<void>
}

export function emptyInput(): Input {
  return {
    sends: [],
    takes: [],
    arrivals: [],
    refusals: [],
    done: [],
    healed: false,
    stored: [],
    refusalStored: false,
    bundle: undefined,
    deposit: undefined,
    ended: Promise.withResolvers()
  }
}

/** What is to be left in a mailbox. */
export interface Deposits extends Batch {
  acknowledgement: { id: Uint8Array; envelope: Uint8Array } | undefined
  refusal: Uint8Array | undefined
}

/** What there is to do for links and sessions when a step is on disk. */
export interface Outcome {
  batch: Batch
  /** Acknowledgements to be sent. */
  acknowledgements: Uint8Array[]
  /** The one that waits for its DONE is among them. */
  sealedSent: boolean
  /** What came over a link and is not acknowledged yet. */
  unacknowledged: DueEpoch[]
  /** An acknowledgement waits for a message to travel with. */
  acknowledgementWaits: boolean
  refusals: Refusals
  /** The peer has acknowledged something that was outstanding. */
  progress: boolean
  /** What our messages wait for. */
  waits: Reason | undefined
  deposits: Deposits | undefined
}

/** Those who take part in the steps of one channel. */
export interface Parts {
  readonly context: Context
  readonly peerId: PeerId
  /** The peer's public key, 32 bytes. */
  readonly recipient: Uint8Array
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly recent: RecentAcknowledgements
}

/** Where a step may send: over `link`, messages only if `maySend`. */
export interface Way {
  link: Link | undefined
  maySend: boolean
  /** The number of the link on which the sealed acknowledgement was sent last. */
  acknowledgedOn: number
  /** What came over a link before, and is not acknowledged yet. */
  unacknowledged: readonly DueEpoch[]
  /** An acknowledgement may wait for a message to travel with. */
  mayWait: boolean
}

/** All that is done for one peer in one transaction: what has come, what was asked for, and what is to go out. */
export class Work {
  readonly #parts: Parts
  readonly #step: Step
  readonly #record: PeerRecord
  /** What came over a link: its sender sends it again if the acknowledgement gets lost. */
  readonly #direct: DueEpoch[]
  readonly #outcome: Outcome = {
    batch: { envelopes: [], needsSession: false, hasMore: false },
    acknowledgements: [],
    sealedSent: false,
    unacknowledged: [],
    acknowledgementWaits: false,
    refusals: new Refusals(),
    progress: false,
    waits: undefined,
    deposits: undefined
  }

  readonly #way: Way
  #known: Promise<boolean> | undefined

  constructor(parts: Parts, step: Step, record: PeerRecord, way: Way) {
    this.#parts = parts
    this.#step = step
    this.#record = record
    this.#way = way
    this.#direct = way.unacknowledged.map(({ epoch, ranges }) => ({ epoch, ranges: [...ranges] }))
  }

  async run(input: Input): Promise<Outcome> {
    const { inbox, outbox } = this.#parts
    const step = this.#step
    const record = this.#record
    if (input.bundle !== undefined) await this.#begin(input.bundle)
    for (const arrival of input.arrivals) await this.#receive(arrival)
    for (const refusal of input.refusals) await this.#beRefused(refusal)
    // what else was sealed in that session would be refused one by one
    if (input.healed) outbox.unseal(step)
    for (const id of input.done) {
      if (record.sealed !== undefined && Buffer.compare(record.sealed.id, id) === 0) delete record.sealed
    }
    if (input.refusalStored) dueOf(record).unreadable = []
    await outbox.stored(step, input.stored)
    for (const { key, resolve } of input.takes) {
      if (await inbox.take(step, record, key)) step.afterwards(() => this.#parts.context.onRoom())
      step.afterwards(resolve)
    }
    for (const send of input.sends) this.#add(send)
    await outbox.expire(step, record)
    await inbox.releaseOld(step, record)
    if (this.#way.link === undefined) this.#keepDirect()
    else await this.#send(this.#way.link)
    if (input.deposit !== undefined) this.#outcome.deposits = await this.#deposits()
    return this.#outcome
  }

  #add({ draft, signal, resolve, reject }: Input['sends'][number]): void {
    try {
      signal?.throwIfAborted()
      const message = this.#parts.outbox.add(this.#step, this.#record, draft)
      this.#step.afterwards(() => resolve(message))
    } catch (error) {
      reject(error)
    }
  }

  async #begin(bundle: FetchedBundle): Promise<void> {
    try {
      await this.#step.session.begin(bundle)
    } catch (error) {
      if (!isTalosError(error) || !error.code.startsWith('SESSION_')) throw error
      this.#outcome.waits = { code: error.code, message: error.message }
    }
  }

  async #receive({ envelope, link, settle }: Arrival): Promise<void> {
    const { inbox, context, peerId } = this.#parts
    let forget = true
    try {
      if (envelope.type === TYPE.text || envelope.type === TYPE.skip) {
        if (context.acceptFrom === 'known' && !(await this.#isKnown())) {
          throw new EnvelopeError(REFUSAL.notAccepted, 'its sender is not accepted', envelope.id)
        }
        await this.#beDelivered(await inbox.accept(this.#step, this.#record, envelope, () => this.#isKnown()))
        const delivered = link === undefined ? dueOf(this.#record).delivered : this.#direct
        addDelivered(delivered, envelope.epoch, envelope.sequence)
      } else {
        await this.#beAcknowledged(envelope)
        const done = { type: FRAME.done, ids: [plain(envelope.id)] }
        if (envelope.confirm && link !== undefined) this.#step.afterwards(() => link.send(done))
      }
      this.#record.heardTo = Math.max(this.#record.heardTo, envelope.timestamp)
    } catch (error) {
      const reason = refusalOf(error)
      if (reason === undefined) throw error
      context.log('an envelope of %p is refused: %e', peerId, error)
      forget = reason !== REFUSAL.full && reason !== REFUSAL.keyNotAccepted
      this.#refuse(envelope, reason, error as TalosError, link)
    }
    if (settle !== undefined) this.#step.afterwards(() => settle(forget))
  }

  /** Whom we have written to, or the user knows. */
  #isKnown(): Promise<boolean> {
    const { context, peerId } = this.#parts
    this.#known ??= (async () => this.#record.epoch.length > 0 || context.isKnown(peerId))()
    return this.#known
  }

  #refuse(envelope: Envelope, reason: number, error: TalosError, link: Link | undefined): void {
    const { context, peerId } = this.#parts
    const ids = [plain(envelope.id.slice())]
    const isUnread = reason === REFUSAL.unreadable
    if (isUnread) {
      context.counts.unreadableHere++
      context.log('could not read an envelope of type %d of %p: %s', envelope.type, peerId, error.code)
    }
    const unreadable = isUnread ? context.sessions.explain(peerId, envelope.body, error) : undefined
    const notice = plain(unreadable?.notice ?? new Uint8Array())
    const withoutOneTime = unreadable?.withoutOneTime ?? false
    if (link !== undefined) this.#outcome.refusals.add(link, { reason, ids, notice, withoutOneTime })
    else if (isUnread) {
      const due = dueOf(this.#record)
      Object.assign(due, { unreadable: [...due.unreadable, ...ids].slice(-MAX_IDS), notice, withoutOneTime })
    }
  }

  async #beAcknowledged(envelope: Envelope): Promise<void> {
    const { outbox } = this.#parts
    let plaintext: Uint8Array
    try {
      plaintext = (await this.#step.session.open(envelope.body)).plaintext
    } catch (error) {
      if (this.#wasHeard(envelope, error)) return
      throw error
    }
    let body: AckBody
    try {
      body = AckBody.decode(plaintext, { limits: { ...MAX_DELIVERED, read: MAX_IDS } })
    } catch (cause) {
      throw new EnvelopeError(REFUSAL.malformed, 'an acknowledgement cannot be decoded', envelope.id, cause)
    }
    await this.#beDelivered(body.delivered)
    await outbox.read(this.#step, this.#record, body.read)
  }

  /**
   * An acknowledgement that was opened before: what it says is on disk. A second mailbox may bring it hours later, when the
   * ratchet has forgotten its chain and cannot tell it from a forged one. But it has the keys of all that is missing, so what
   * the peer sealed before something that we have taken, and has no key any more, was opened.
   */
  #wasHeard({ timestamp }: Envelope, error: unknown): boolean {
    if (isTalosError(error, 'SESSION_DUPLICATE')) return true
    const isOfUnknownChain = isTalosError(error, 'SESSION_FORGED') || isTalosError(error, 'SESSION_SKIP_LIMIT')
    return isOfUnknownChain && timestamp < this.#record.heardTo
  }

  async #beDelivered(delivered: readonly Delivered[]): Promise<void> {
    if (await this.#parts.outbox.delivered(this.#step, this.#record, delivered)) this.#outcome.progress = true
  }

  async #beRefused({ reason, ids }: Refusal): Promise<void> {
    const { context, outbox, peerId } = this.#parts
    const record = this.#record
    const refused = new Set(ids.map(uuidText))
    if (reason === REFUSAL.unreadable) {
      context.counts.unreadableThere += refused.size
      context.log('%d envelopes could not be read by %p', refused.size, peerId)
    }
    if (record.sealed !== undefined && refused.has(uuidText(record.sealed.id))) unsealAcknowledgement(record)
    for (const id of refused) addDue(record, this.#parts.recent.take(id))
    if (reason === REFUSAL.unreadable || reason === REFUSAL.clock) outbox.unseal(this.#step, refused)
    else if (WAITS[reason] !== undefined) outbox.entries.resend(refused)
    else await outbox.fail(this.#step, record, refused, FAILS[reason] ?? FAILS[REFUSAL.malformed]!)
    this.#outcome.waits ??= WAITS[reason]
  }

  async #send(link: Link): Promise<void> {
    const { outbox } = this.#parts
    const record = this.#record
    const outcome = this.#outcome
    const { maySend, acknowledgedOn } = this.#way
    if (record.due !== undefined && record.due.unreadable.length > 0) {
      const { unreadable, notice, withoutOneTime } = record.due
      outcome.refusals.add(link, { reason: REFUSAL.unreadable, ids: unreadable, notice, withoutOneTime })
      record.due.unreadable = []
    }
    if (record.sealed !== undefined && acknowledgedOn !== link.number && maySend) {
      outcome.acknowledgements.push(record.sealed.envelope.slice())
      outcome.sealedSent = true
    }
    const maySendMessages = maySend && outcome.waits === undefined
    const cargo = this.#cargo()
    const isWaiting = maySendMessages && outbox.hasUnsent(link.number)
    if (!isWaiting || cargo === undefined) await this.#acknowledge(isWaiting)
    if (!maySendMessages || outcome.batch.needsSession) return
    outcome.batch = await outbox.send(this.#step, record, link.number, isWaiting ? cargo : undefined)
    if (!isWaiting || cargo === undefined) return
    // what was sealed before takes nothing more
    if (cargo.by === undefined) await this.#acknowledge(true)
    else this.#parts.recent.add(cargo.by, cargo.delivered)
  }

  /** An acknowledgement that an answer can take along: it costs both sides a signature and a step of the ratchet less. */
  #cargo(): Cargo | undefined {
    const delivered = this.#direct
    const { epochs, ranges } = MAX_CARRIED
    const isSmall = delivered.length <= epochs && delivered.every(one => one.ranges.length <= ranges)
    const isAlone = delivered.length > 0 && !(hasDue(this.#record) && this.#record.sealed === undefined)
    return isSmall && isAlone ? { delivered, by: undefined } : undefined
  }

  async #acknowledge(withMessages: boolean): Promise<void> {
    const { context, recipient } = this.#parts
    const record = this.#record
    const outcome = this.#outcome
    const direct = this.#direct
    const isDue = hasDue(record) && record.sealed === undefined
    if (direct.length === 0 && !isDue) return
    if (this.#way.mayWait && !withMessages && countOf(direct) < ACK_AFTER) {
      outcome.unacknowledged = direct
      outcome.acknowledgementWaits = true
      return
    }
    const sealed = await sealAcknowledgement(context, this.#step, record, recipient, direct)
    if (sealed === undefined) {
      outcome.batch.needsSession = true
      this.#keepDirect()
      return
    }
    this.#parts.recent.add(uuidText(sealed.id), direct)
    outcome.acknowledgements.push(sealed.envelope)
    if (isDue) outcome.sealedSent = true
  }

  /** There is no link any more, or no session, to acknowledge over. */
  #keepDirect(): void {
    addDue(this.#record, this.#direct)
  }

  async #deposits(): Promise<Deposits> {
    const { context, outbox, recipient } = this.#parts
    const record = this.#record
    let needsSession = false
    if (hasDue(record) && record.sealed === undefined) {
      needsSession = (await sealAcknowledgement(context, this.#step, record, recipient, [])) === undefined
    }
    const batch = needsSession
      ? { envelopes: [], needsSession, hasMore: true }
      : await outbox.deposit(this.#step, record)
    const { sealed, due } = record
    const body = due === undefined || due.unreadable.length === 0 ? undefined : Refusal.encode(refusalFrom(due))
    const id = context.uuids.next()
    const fields = { id, type: TYPE.refusal, recipient, timestamp: this.#step.now }
    return {
      ...batch,
      acknowledgement: sealed === undefined ? undefined : { id: sealed.id.slice(), envelope: sealed.envelope.slice() },
      refusal: body === undefined ? undefined : signEnvelope(context.identity, { ...fields, body })
    }
  }
}

function countOf(delivered: readonly DueEpoch[]): number {
  let count = 0
  for (const { ranges } of delivered) {
    for (let i = 0; i + 1 < ranges.length; i += 2) count += ranges[i + 1]! - ranges[i]! + 1
  }
  return count
}

function refusalFrom(due: NonNullable<PeerRecord['due']>): Refusal {
  const { unreadable, notice, withoutOneTime } = due
  return { reason: REFUSAL.unreadable, ids: unreadable, notice, withoutOneTime }
}
