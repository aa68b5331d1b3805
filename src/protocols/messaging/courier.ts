import type { PeerId } from '@libp2p/interface'
import { isTalosError } from '../../errors.ts'
import type { FetchedBundle } from '../sessions/index.ts'
import {
  ACK_TIMEOUT,
  MAX_EXPIRY,
  MESSAGE_PROTOCOL,
  MIN_RATE,
  REACH_TIMEOUT,
  RETRY_FIRST,
  RETRY_LAST
} from './constants.ts'
import type { Context } from './context.ts'
import { Link } from './link.ts'
import type { OutboxEntries } from './outbox-entries.ts'
import type { Reason } from './refusals.ts'
import type { Deposits, Input, Outcome } from './work.ts'

const MAX_TIMEOUT = 2 ** 31 - 1

/** The channel, as its courier sees it. */
export interface Sender {
  /** Something waits to be sent, or acknowledged. */
  hasWork(): boolean
  link(): Link | undefined
  attach(link: Link): void
  /** Does a step. */
  poke(): void
  begin(bundle: FetchedBundle): void
  deposits(): Promise<Deposits>
  deposited(done: (input: Input) => void): void
  waiting(reason: Reason | undefined): void
  /** Nothing expires before this. */
  nextExpiry(): number
  /** The peer lets us begin no session. */
  refused(): void
}

/**
 * Finds the way for what waits: a link with the peer, a session, or else the peer's mailbox; and when there is none, tries
 * again after a while, or at once when woken.
 */
export class Courier {
  readonly #context: Context
  readonly #peerId: PeerId
  readonly #channel: Sender
  readonly #over = new AbortController()
  #attempts = 0
  #reaching = false
  #beginning = false
  #paused = false
  #waiting: Reason | undefined
  #retry: NodeJS.Timeout | undefined
  #silence: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined
  #lastAttempt = 0

  constructor(context: Context, peerId: PeerId, channel: Sender) {
    this.#context = context
    this.#peerId = peerId
    this.#channel = channel
  }

  /** What the messages wait for. */
  get waiting(): Reason | undefined {
    return this.#waiting
  }

  /** Messages may be sent over a link now. */
  get maySend(): boolean {
    return !this.#paused
  }

  /** Tries now. */
  wake(): void {
    this.#attempts = 0
    this.#try()
  }

  /** There is something new to be sent. */
  wakeSoon(): void {
    if (this.#channel.link() !== undefined || this.#reaching) return
    const wait = this.#lastAttempt + RETRY_FIRST - performance.now()
    if (this.#attempts === 0 || wait <= 0) this.#try()
    else this.#retryIn(wait)
  }

  linked(): void {
    this.#wait(undefined)
    this.#paused = false
  }

  unlinked(): void {
    clearTimeout(this.#silence)
    this.#silence = undefined
    if (this.#channel.link() !== undefined) this.#channel.poke()
    else this.#later()
  }

  /** A step is on disk: what it wanted done, and `link`, on which it sent. */
  stepped(outcome: Outcome, link: Link | undefined, entries: OutboxEntries): void {
    if (outcome.progress) {
      this.#attempts = 0
      if (!this.#paused) this.#wait(undefined)
    }
    if (outcome.waits !== undefined) this.#pause(outcome.waits)
    else if (outcome.batch.needsSession && link !== undefined) void this.#begin(link)
    this.#watch(link, entries, outcome)
    this.#watchExpiry()
    if (this.#channel.link() === undefined && this.#retry === undefined) this.#later()
  }

  /** A step could not be written. */
  failed(error: unknown): void {
    this.#context.log.error('messages with %p cannot be stored: %e', this.#peerId, error)
    this.#pause(reasonOf(error))
  }

  stop(): void {
    this.#over.abort()
    for (const timer of [this.#retry, this.#silence, this.#expiry]) clearTimeout(timer)
  }

  #try(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#paused = false
    if (this.#over.signal.aborted) return
    if (this.#channel.link() !== undefined) this.#channel.poke()
    else if (this.#channel.hasWork()) void this.#reach()
  }

  #pause(reason: Reason): void {
    this.#paused = true
    this.#attempts = Math.max(this.#attempts, 1)
    this.#wait(reason)
    this.#retryLater()
  }

  #wait(reason: Reason | undefined): void {
    const isNew = reason?.code !== this.#waiting?.code
    this.#waiting = reason
    if (isNew) this.#channel.waiting(reason)
  }

  #later(): void {
    if (!this.#reaching && this.#channel.hasWork()) this.#retryLater()
  }

  /** Tries again after a while that grows with each attempt. */
  #retryLater(): void {
    if (this.#retry !== undefined) return
    const wait = this.#attempts === 0 ? 0 : Math.min(RETRY_FIRST * 2 ** (this.#attempts - 1), RETRY_LAST)
    // not all at once when a server comes back
    this.#retryIn(wait * (0.75 + Math.random() / 2))
    this.#attempts++
  }

  #retryIn(wait: number): void {
    clearTimeout(this.#retry)
    if (this.#over.signal.aborted) return
    this.#retry = setTimeout(() => this.#try(), wait)
    this.#retry.unref()
  }

  async #reach(): Promise<void> {
    if (this.#reaching) return
    this.#reaching = true
    this.#lastAttempt = performance.now()
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(REACH_TIMEOUT)])
    try {
      const connection = await this.#context.connect(this.#peerId, signal)
      if (this.#channel.link() === undefined) {
        const stream = await connection.newStream(MESSAGE_PROTOCOL, { signal, runOnLimitedConnection: true })
        this.#channel.attach(new Link(connection, stream))
      }
    } catch (error) {
      if (this.#over.signal.aborted) return
      this.#context.log('%p cannot be reached: %e', this.#peerId, error)
      this.#wait(reasonOf(error))
      if (this.#channel.link() === undefined) await this.#toMailbox()
    } finally {
      this.#reaching = false
    }
    if (this.#channel.link() === undefined) this.#later()
  }

  /** Leaves what waits in the peer's mailbox, as far as it takes it. */
  async #toMailbox(): Promise<void> {
    const { mailbox } = this.#context
    if (mailbox === undefined) return
    try {
      for (;;) {
        const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(REACH_TIMEOUT)])
        const { envelopes, needsSession, acknowledgement, refusal } = await this.#channel.deposits()
        const now = this.#context.now()
        const leave = (envelope: Uint8Array, expiresAt: number) =>
          mailbox.deposit(this.#peerId, envelope, expiresAt, signal)
        if (refusal !== undefined) {
          await leave(refusal, now + MAX_EXPIRY)
          this.#channel.deposited(input => (input.refusalStored = true))
        }
        if (acknowledgement !== undefined) {
          await leave(acknowledgement.envelope, now + MAX_EXPIRY)
          this.#channel.deposited(input => input.done.push(acknowledgement.id))
        }
        for (const { sequence, expiresAt, envelope } of envelopes) {
          const { until } = await leave(envelope, expiresAt)
          this.#channel.deposited(input => input.stored.push({ sequence, until }))
        }
        if (needsSession) {
          const bundle = await mailbox.bundle(this.#peerId, signal)
          if (bundle === undefined) return
          this.#channel.begin(this.#context.sessions.verify(this.#peerId, bundle))
        } else if (envelopes.length === 0 && acknowledgement === undefined && refusal === undefined) return
        if (this.#paused) return
      }
    } catch (error) {
      this.#context.log('nothing can be left for %p: %e', this.#peerId, error)
      if (!this.#over.signal.aborted) this.#wait(reasonOf(error))
    }
  }

  /** Asks the peer for what a session begins with. */
  async #begin(link: Link): Promise<void> {
    if (this.#beginning) return
    this.#beginning = true
    try {
      this.#channel.begin(await this.#context.sessions.fetch(link.connection, this.#over.signal))
    } catch (error) {
      if (this.#over.signal.aborted) return
      if (isTalosError(error, 'SESSION_NOT_AUTHORISED')) this.#channel.refused()
      else this.#pause(reasonOf(error))
    } finally {
      this.#beginning = false
    }
  }

  /** A link over which nothing is acknowledged for long is taken for broken. */
  #watch(link: Link | undefined, entries: OutboxEntries, { progress }: Outcome): void {
    if (progress) {
      clearTimeout(this.#silence)
      this.#silence = undefined
    }
    if (link === undefined || this.#silence !== undefined) return
    const sent = entries.window().filter(entry => entry.sentOn === link.number)
    if (sent.length === 0) return
    const bytes = sent.reduce((sum, { size }) => sum + size, 0)
    const broken = new Error('nothing was acknowledged')
    this.#silence = setTimeout(() => link.abort(broken), ACK_TIMEOUT + (bytes / MIN_RATE) * 1000)
    this.#silence.unref()
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry)
    const next = this.#channel.nextExpiry()
    if (next === Number.POSITIVE_INFINITY || this.#over.signal.aborted) return
    const wait = Math.min(Math.max(next - this.#context.now(), 0), MAX_TIMEOUT)
    this.#expiry = setTimeout(() => this.#channel.poke(), wait)
    this.#expiry.unref()
  }
}

function reasonOf(error: unknown): Reason {
  if (isTalosError(error)) return { code: error.code, message: error.message }
  return { code: 'NETWORK_PEER_UNREACHABLE', message: 'the peer cannot be reached now' }
}
