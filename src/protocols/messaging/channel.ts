import type { PeerId } from '@libp2p/interface'
import type { Entry } from '../../chain/index.ts'
import { TalosError } from '../../errors.ts'
import { AckDelay } from './ack-delay.ts'
import { hasDue, RecentAcknowledgements } from './acknowledgement.ts'
import { FRAME, MAX_BAD_ENVELOPES, MAX_SENDS, REFUSAL, STEP_MESSAGES, TYPE } from './constants.ts'
import type { Context } from './context.ts'
import { Courier } from './courier.ts'
import { EnvelopeError, openEnvelope, plain } from './envelope.ts'
import { Inbox } from './inbox.ts'
import type { OutgoingMessage } from './index.ts'
import type { Link } from './link.ts'
import { type Draft, Outbox } from './outbox.ts'
import { type MessageFrame, Refusal } from './pb/message.ts'
import { PeerRecord } from './pb/records.ts'
import { peerKey, readEntry } from './records.ts'
import { decodeRefusal, type Reason } from './refusals.ts'
import { uuidBytes } from './uuid.ts'
import { type Deposits, emptyInput, type Input, type Outcome, type Parts, Work } from './work.ts'

/**
 * All that is between us and one peer. Whatever comes (messages to be sent, envelopes, acknowledgements, timers) waits until
 * the step before is on disk, and is then done in one transaction: that is what makes many messages cheap, and it keeps
 * everything about a peer in one order.
 */
export class Channel {
  readonly peerId: PeerId
  readonly #context: Context
  readonly #name: string
  readonly #recipient: Uint8Array
  readonly #parts: Parts
  readonly #outbox: Outbox
  readonly #courier: Courier
  #isLoaded = false
  /** As of the last step that is on disk. */
  #saved: Uint8Array
  #record: PeerRecord
  #input = emptyInput()
  #due = false
  #running: Promise<void> | undefined
  readonly #links: Link[] = []
  #acknowledgedOn = 0
  readonly #delay = new AckDelay(() => this.#poke())
  /** The peer waits until there is room. */
  #toldFull = false
  #stopped = false

  constructor(context: Context, peerId: PeerId, publicKey: Uint8Array, saved: Uint8Array) {
    this.#context = context
    this.peerId = peerId
    this.#name = peerId.toString()
    this.#recipient = publicKey
    this.#saved = saved
    this.#record = PeerRecord.decode(saved)
    this.#outbox = new Outbox(context, this.#name, publicKey)
    this.#parts = {
      context,
      peerId,
      recipient: publicKey,
      inbox: new Inbox(context, this.#name),
      outbox: this.#outbox,
      recent: new RecentAcknowledgements()
    }
    this.#courier = new Courier(context, peerId, {
      hasWork: () => this.#hasOutgoing(),
      link: () => this.#link(),
      attach: link => this.attach(link),
      poke: () => this.#poke(),
      begin: bundle => this.#add(input => (input.bundle = bundle)),
      deposits: () => this.#deposits(),
      deposited: done => this.#add(input => done(input)),
      waiting: reason => void this.#tellWaiting(reason),
      nextExpiry: () => this.#outbox.entries.nextExpiry,
      refused: () => this.#add(input => input.refusals.push(this.#refusedAll()))
    })
  }

  /** What the messages that are queued wait for, besides their turn. */
  get waiting(): Reason | undefined {
    return this.#courier.waiting
  }

  /** There is nothing that it would do by itself, and no link: it may be forgotten. */
  get isIdle(): boolean {
    return this.#links.length === 0 && this.#running === undefined && !this.#due && !this.#hasOutgoing()
  }

  /** The record of the peer as it is on disk; empty when there is none. */
  get saved(): Uint8Array {
    return this.#saved
  }

  send(draft: Draft, signal: AbortSignal | undefined): Promise<OutgoingMessage> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(stopping())
      this.#add(input => input.sends.push({ draft, signal, resolve, reject }))
      this.#courier.wakeSoon()
    })
  }

  take(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(stopping())
      this.#add(input => input.takes.push({ key, resolve, reject }))
    })
  }

  /** An envelope from another way; its signature was checked. */
  receive(arrival: Input['arrivals'][number]): void {
    if (this.#stopped) {
      arrival.settle?.(false)
      return
    }
    if (arrival.envelope.type !== TYPE.refusal) {
      this.#add(input => input.arrivals.push(arrival))
      return
    }
    try {
      const refusal = decodeRefusal(arrival.envelope.body)
      this.#add(input => input.refusals.push(refusal))
    } catch {
      // forget it
    }
    arrival.settle?.(true)
  }

  /** There is room again: a peer that waits for it is told. */
  tellRoom(): void {
    if (!this.#toldFull) return
    this.#toldFull = false
    this.#link()?.send({ type: FRAME.room })
  }

  /** The way to the peer, or its owner's consent, may be there again. */
  wake(): void {
    this.#courier.wake()
  }

  /** Messages go over the newest link; older ones are read to their end. */
  attach(link: Link): void {
    if (this.#stopped) {
      link.abort(stopping())
      return
    }
    this.#links.push(link)
    this.#courier.linked()
    void this.#read(link)
    this.#poke()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#courier.stop()
    this.#delay.stop()
    for (const link of this.#links.splice(0)) link.abort(stopping())
    await this.#running
    this.#input.ended.resolve()
    this.#fail(this.#input, stopping())
  }

  #add(change: (input: Input) => unknown): void {
    change(this.#input)
    this.#poke()
  }

  #poke(): void {
    this.#due = true
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    try {
      // what is asked for in the same turn of the event loop goes into the same step
      await Promise.resolve()
      while (this.#due && !this.#stopped) {
        this.#due = false
        await this.#step()
      }
    } finally {
      this.#running = undefined
    }
  }

  async #step(): Promise<void> {
    const input = this.#input
    this.#input = emptyInput()
    const rest = input.sends.splice(MAX_SENDS)
    if (rest.length > 0) this.#add(next => next.sends.push(...rest))
    const link = this.#link()
    const way = {
      link: link?.isFull === true ? undefined : link,
      maySend: this.#courier.maySend,
      acknowledgedOn: this.#acknowledgedOn,
      ...this.#delay.take(input.sends.length > 0)
    }
    const after: Array<() => void> = []
    let outcome: Outcome
    try {
      if (!this.#isLoaded) await this.#outbox.entries.load()
      this.#isLoaded = true
      input.healed = await this.#heal(input.refusals)
      outcome = await this.#context.store.transact(transaction =>
        this.#context.sessions.within(transaction, this.peerId, async session => {
          const entries: Entry[] = []
          const step = {
            transaction,
            session,
            now: this.#context.now(),
            record: (entry: Entry) => entries.push(entry),
            afterwards: (action: () => void) => after.push(action)
          }
          const done = await new Work(this.#parts, step, this.#record, way).run(input)
          if (entries.length > 0) await this.#context.record(transaction, entries)
          const record = PeerRecord.encode(this.#record)
          if (Buffer.compare(record, this.#saved) !== 0) transaction.put(peerKey(this.#name), record.slice())
          after.push(() => (this.#saved = record))
          return done
        })
      )
      this.#outbox.settle(true)
    } catch (error) {
      this.#undo()
      this.#fail(input, error)
      this.#courier.failed(error)
      return
    } finally {
      input.ended.resolve()
    }
    for (const action of after) action()
    input.deposit?.resolve(outcome.deposits!)
    this.#dispatch(outcome, way.link, input.arrivals.length > 0)
    if (link?.isFull === true) void link.drained().then(() => this.#poke())
  }

  /** Memory is again what is on disk. */
  #undo(): void {
    const { total } = this.#context
    const before = PeerRecord.decode(this.#saved)
    for (const key of ['outCount', 'outBytes', 'inCount', 'inBytes'] as const)
      total[key] -= this.#record[key] - before[key]
    this.#record = before
    this.#outbox.settle(false)
    // what the peer had acknowledged with this step it acknowledges again when it is asked again
    this.#outbox.entries.resend()
  }

  #refusedAll(): Refusal {
    const ids = this.#outbox.entries.window().map(({ id }) => plain(uuidBytes(id)))
    return { reason: REFUSAL.notAccepted, ids, notice: plain(new Uint8Array()), withoutOneTime: false }
  }

  #fail(input: Input, error: unknown): void {
    for (const { reject } of [...input.sends, ...input.takes]) reject(error)
    for (const { settle } of input.arrivals) settle?.(false)
    input.deposit?.reject(error)
    const ids = new Map<Link, Uint8Array[]>()
    for (const { link, envelope } of input.arrivals) {
      if (link !== undefined) ids.set(link, [...(ids.get(link) ?? []), envelope.id])
    }
    // not on disk: its sender keeps it, and comes again
    for (const [link, refused] of ids) this.#refuse(link, REFUSAL.full, refused)
  }

  #dispatch(outcome: Outcome, link: Link | undefined, hasArrived: boolean): void {
    for (const { link: to, refusal } of outcome.refusals) {
      if (refusal.reason === REFUSAL.full) this.#toldFull = true
      to.send({ type: FRAME.refuse, refusal: Refusal.encode(refusal) })
    }
    if (link !== undefined) {
      const { envelopes } = outcome.batch
      if (outcome.sealedSent) this.#acknowledgedOn = link.number
      link.sendEnvelopes([...outcome.acknowledgements, ...envelopes.map(({ envelope }) => envelope)])
      if (envelopes.length > 0 && outcome.batch.hasMore) this.#due = true
    }
    this.#delay.settle(outcome, hasArrived)
    if (outcome.waits !== undefined) this.#acknowledgedOn = 0
    this.#courier.stepped(outcome, link, this.#outbox.entries)
  }

  #deposits(): Promise<Deposits> {
    const asked = Promise.withResolvers<Deposits>()
    this.#add(input => (input.deposit = asked))
    return asked.promise
  }

  /** Gives up the session that the peer does not have any more. True when there was one. */
  async #heal(refusals: readonly Refusal[]): Promise<boolean> {
    let healed = false
    for (const { reason, notice, withoutOneTime } of refusals) {
      if (reason !== REFUSAL.unreadable) continue
      const unreadable = { notice: notice.length === 0 ? undefined : notice, withoutOneTime }
      if (await this.#context.sessions.heal(this.peerId, unreadable)) healed = true
    }
    return healed
  }

  #hasOutgoing(): boolean {
    const { due, sealed, outCount } = this.#record
    return outCount > 0 || sealed !== undefined || hasDue(this.#record) || (due?.unreadable.length ?? 0) > 0
  }

  #link(): Link | undefined {
    return this.#links.findLast(link => link.isOpen)
  }

  async #read(link: Link): Promise<void> {
    let bad = 0
    try {
      for (let frames = await link.receive(); frames !== undefined; frames = await link.receive()) {
        for (const frame of frames) bad += await this.#onFrame(link, frame)
        if (bad > MAX_BAD_ENVELOPES)
          throw new TalosError('MESSAGE_PROTOCOL', 'the peer sends too much that is no message')
        await link.drained()
      }
      link.abort(new TalosError('NETWORK_STREAM_CLOSED', 'the peer closed the message stream'))
    } catch (error) {
      this.#context.log('the message stream with %p ended: %e', this.peerId, error)
      link.abort(error as Error)
    }
    const at = this.#links.indexOf(link)
    if (at >= 0) this.#links.splice(at, 1)
    this.#courier.unlinked()
    await this.#running
    if (this.isIdle) this.#context.onIdle(this.#name)
  }

  /** Resolves when what the frame says is on disk, with the number of envelopes in it that no honest sender makes. */
  async #onFrame(link: Link, frame: MessageFrame): Promise<number> {
    switch (frame.type) {
      case FRAME.envelopes:
        return this.#onEnvelopes(link, frame.envelopes)
      case FRAME.refuse: {
        const refusal = decodeRefusal(frame.refusal)
        this.#add(input => input.refusals.push(refusal))
        return 0
      }
      case FRAME.done:
        this.#add(input => input.done.push(...frame.ids))
        return 0
      case FRAME.room:
        this.#courier.wake()
        return 0
      default:
        this.#refuse(link, REFUSAL.unsupported, [])
        return 1
    }
  }

  async #onEnvelopes(link: Link, envelopes: readonly Uint8Array[]): Promise<number> {
    let bad = 0
    const { crypto, identity } = this.#context
    let before: Promise<void> | undefined
    for (let from = 0; from < envelopes.length; from += STEP_MESSAGES) {
      const { ended } = this.#input
      for (const bytes of envelopes.slice(from, from + STEP_MESSAGES)) {
        try {
          const envelope = openEnvelope(crypto, bytes, identity.publicKey, this.#context.now())
          if (Buffer.compare(envelope.sender, this.#recipient) !== 0) {
            throw new EnvelopeError(REFUSAL.malformed, 'a message came over the stream of another peer', envelope.id)
          }
          this.receive({ envelope, link })
        } catch (error) {
          if (!(error instanceof EnvelopeError)) throw error
          if (error.refusal !== REFUSAL.clock) {
            bad++
            this.#context.counts.forged++
          }
          this.#context.log('an envelope from %p is refused: %e', this.peerId, error)
          this.#refuse(link, error.refusal, error.id === undefined ? [] : [error.id])
        }
      }
      // signatures are checked while the step before is being written
      await before
      before = ended.promise
      if (this.#input.ended === ended) this.#poke()
    }
    await before
    return bad
  }

  #refuse(link: Link, reason: number, ids: readonly Uint8Array[]): void {
    link.send({ type: FRAME.refuse, refusal: Refusal.encode({ reason, ids: ids.map(id => plain(id.slice())) }) })
  }

  /** Tells those who want to know what their messages wait for. */
  async #tellWaiting(reason: Reason | undefined): Promise<void> {
    const { store, isWatched, onState } = this.#context
    const ids = [...this.#outbox.entries.window()]
      .filter(entry => !entry.skip && isWatched(entry.id))
      .map(({ id }) => id)
    if (reason === undefined || ids.length === 0) return
    for (const id of ids) {
      const message = await store.transact(transaction => readEntry(transaction, id))
      if (message?.direction !== 'out' || (message.state !== 'queued' && message.state !== 'stored')) continue
      const { direction: _, ...outgoing } = message
      onState({ ...outgoing, reason })
    }
  }
}

export function stopping(): TalosError {
  return new TalosError('MESSAGE_STOPPED', 'the node is stopping', {
    hint: 'What is on disk goes on with the next start.'
  })
}
