import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@libp2p/interface'
import { isTalosError } from '../../errors.ts'
import { idOf, invalidAnswer } from './codec.ts'
import { POLL_INTERVAL } from './constants.ts'
import { asMailboxError, MailboxLink, refusalIn } from './link.ts'
import type { Request, Response } from './pb/mailbox.ts'
import type { MailboxAddress, MailboxClientInit, MailboxCounts, MailboxState } from './types.ts'

/** Waits between attempts, in milliseconds; the last one repeats, for ever. */
const BACKOFF = [500, 1_000, 2_000, 5_000, 10_000, 30_000]
/** A peer that is no mailbox is asked again after this time: it may be updated. Milliseconds. */
const UNSUPPORTED_WAIT = 10 * 60_000
/** What was not taken is offered again after this time, in milliseconds. */
const RETRY_INTERVAL = 30_000
/** The bundle there is replaced after this time, in milliseconds, long before it expires. */
const BUNDLE_INTERVAL = 12 * 60 * 60_000
/** How long stop() lets what was taken be removed at the mailbox, in milliseconds: else it comes again. */
const STOP_TIMEOUT = 2_000
/** Envelopes handed on at a time: they may share a write to the disk. */
const BATCH = 64

type Wants = Pick<MailboxClientInit, 'sessions' | 'connect' | 'onEnvelope'>

/** Collects what one of the own mailboxes holds, until it is stopped; connects again for ever. */
export class Collector {
  state: MailboxState
  readonly #init: Wants
  readonly #counts: MailboxCounts
  readonly #log: Logger
  readonly #onState: (state: MailboxState) => void
  readonly #over = new AbortController()
  readonly #running: Promise<void>
  #link: MailboxLink | undefined
  #failures = 0

  constructor(
    mailbox: MailboxAddress,
    init: Wants,
    counts: MailboxCounts,
    log: Logger,
    onState: (state: MailboxState) => void
  ) {
    this.state = { mailbox, isOpen: false, isOurs: false }
    this.#init = init
    this.#counts = counts
    this.#log = log
    this.#onState = onState
    this.#running = this.#run()
  }

  /** Ends after the page that is being dealt with. */
  async stop(): Promise<void> {
    this.#over.abort()
    const timer = setTimeout(() => void this.#link?.close(), STOP_TIMEOUT)
    await this.#running
    clearTimeout(timer)
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted) {
      let wait: number
      try {
        return await this.#collect(signal)
      } catch (cause) {
        if (signal.aborted) return
        const error = asMailboxError(cause)
        this.#log('collecting at %p ended - %e', this.state.mailbox.peerId, error)
        this.#change({ ...this.state, isOpen: false, error })
        const step = BACKOFF[Math.min(this.#failures++, BACKOFF.length - 1)]!
        wait = error.code === 'MAILBOX_UNSUPPORTED' ? UNSUPPORTED_WAIT : step * (0.75 + Math.random() / 2)
      }
      await delay(wait, undefined, { signal }).catch(() => {})
    }
  }

  /** Returns only by an error. */
  async #collect(signal: AbortSignal): Promise<never> {
    const { mailbox } = this.state
    const link = await MailboxLink.open(await this.#init.connect(mailbox, signal), signal)
    this.#link = link
    try {
      let renewAt = 0
      for (;;) {
        if (Date.now() >= renewAt) {
          await this.#subscribe(link)
          renewAt = Date.now() + BUNDLE_INTERVAL
        }
        const isAllTaken = await this.#drain(link, signal)
        await link.news(isAllTaken ? POLL_INTERVAL : RETRY_INTERVAL, signal)
      }
    } finally {
      this.#link = undefined
      await link.close()
    }
  }

  async #subscribe(link: MailboxLink): Promise<void> {
    const bundle = Uint8Array.from(await this.#init.sessions.publicBundle())
    await ask(link, { subscribe: { bundle } })
    this.#failures = 0
    this.#change({ mailbox: this.state.mailbox, isOpen: true, isOurs: true })
  }

  /** Goes through all that is there, page by page: the next is asked for when this one is dealt with. */
  async #drain(link: MailboxLink, signal: AbortSignal): Promise<boolean> {
    let isAllTaken = true
    for (let after = 0n, more = true; more; ) {
      signal.throwIfAborted()
      const { page } = await ask(link, { fetch: { after } })
      if (page === undefined || (page.more && page.next <= after))
        throw invalidAnswer('no page, or one that turns back')
      const done = await this.#handOn(page.boxes)
      if (done.length < page.boxes.length) isAllTaken = false
      if (done.length > 0) await ask(link, { remove: { ids: done } })
      after = page.next
      more = page.more
    }
    return isAllTaken
  }

  /** Resolves with the ids of what the mailbox may forget. */
  async #handOn(boxes: Uint8Array[]): Promise<Array<Uint8Array<ArrayBuffer>>> {
    if (boxes.length === 0) return []
    const opened = await this.#init.sessions.openBoxes(boxes)
    const done: Array<Uint8Array<ArrayBuffer>> = []
    for (let from = 0; from < boxes.length; from += BATCH) {
      const batch = opened.slice(from, from + BATCH)
      const taken = await Promise.all(batch.map(one => this.#take(one)))
      for (const [at, isTaken] of taken.entries()) if (isTaken) done.push(Uint8Array.from(idOf(boxes[from + at]!)))
    }
    return done
  }

  async #take(opened: Uint8Array | Error): Promise<boolean> {
    if (isTalosError(opened)) {
      this.#counts.poisoned++
      this.#log('a box at %p will never open - %e', this.state.mailbox.peerId, opened)
      return true
    }
    try {
      const isTaken = await this.#init.onEnvelope(opened as Uint8Array)
      if (isTaken) this.#counts.received++
      return isTaken
    } catch (error) {
      this.#log.error('an envelope was not taken - %e', error)
      return false
    }
  }

  #change(state: MailboxState): void {
    this.state = state
    this.#onState(state)
  }
}

/** Throws MAILBOX_*. */
async function ask(link: MailboxLink, request: Request): Promise<Response> {
  const response = await link.ask(request)
  const refusal = refusalIn(response)
  if (refusal === undefined) return response
  throw refusal
}
