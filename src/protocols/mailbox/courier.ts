import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError, TalosError } from '../../errors.ts'
import { STATUS } from './constants.ts'
import { asMailboxError, MailboxLink, refusalIn } from './link.ts'
import type { Request, Response } from './pb/mailbox.ts'
import type { Depositor, MailboxAddress } from './types.ts'

/** A mailbox takes this long to connect to at most, in milliseconds. */
const CONNECT_TIMEOUT = 8_000
/** One that could not be reached is left alone for this time, in milliseconds, while another one can be. */
const DOWN_TIME = 30_000
/** How long the others have when the first mailbox has a box, in milliseconds. */
const OTHERS_GRACE = 2_000
/** A mailbox that asks for a shorter wait gets it, so many times. Milliseconds. */
const MAX_WAIT = 5_000
const MAX_WAITS = 5

/** What one mailbox said, or why it could not be asked. */
export type Said = { mailbox: MailboxAddress } & ({ response: Response } | { error: TalosError })

/** One throw-away identity at the mailboxes of one recipient. */
export class Courier {
  readonly mailboxes: readonly MailboxAddress[]
  readonly #depositor: Depositor
  readonly #links = new Map<MailboxAddress, Promise<MailboxLink>>()
  readonly #down = new Map<MailboxAddress, { until: number; error: TalosError }>()
  readonly #over = new AbortController()

  constructor(mailboxes: readonly MailboxAddress[], depositor: Depositor) {
    this.mailboxes = mailboxes
    this.#depositor = depositor
  }

  async close(): Promise<void> {
    this.#over.abort(new TalosError('MAILBOX_UNREACHABLE', 'the node is stopping'))
    await Promise.allSettled([...this.#links.values()].map(async link => (await link).close()))
    await this.#depositor.close()
  }

  /**
   * Asks all mailboxes at once; each failure stays with its mailbox. When one has answered with ok, the others have a moment
   * more, so that one that is down costs little.
   */
  async askAll(request: Request): Promise<Said[]> {
    const said: Said[] = []
    const grace = Promise.withResolvers<void>()
    let timer: NodeJS.Timeout | undefined
    const work = this.mailboxes.map(async mailbox => {
      try {
        const response = await this.#ask(mailbox, request)
        said.push({ mailbox, response })
        if (response.status === STATUS.ok) timer ??= setTimeout(grace.resolve, OTHERS_GRACE)
      } catch (error) {
        said.push({ mailbox, error: asMailboxError(error) })
      }
    })
    await Promise.race([Promise.all(work), grace.promise])
    clearTimeout(timer)
    return [...said]
  }

  async #ask(mailbox: MailboxAddress, request: Request): Promise<Response> {
    for (let waits = 0; ; waits++) {
      const response = await this.#exchange(mailbox, request)
      if (response.status !== STATUS.rateLimited || waits === MAX_WAITS || response.retryAfter > MAX_WAIT)
        return response
      await delay(response.retryAfter, undefined, { signal: this.#over.signal })
    }
  }

  async #exchange(mailbox: MailboxAddress, request: Request): Promise<Response> {
    const known = this.#links.get(mailbox)
    try {
      return await (await this.#link(mailbox)).ask(request)
    } catch (error) {
      // a link that was open for a while may have been closed at the other end; asking twice changes nothing there
      const isStale = known !== undefined && isTalosError(error, 'MAILBOX_UNREACHABLE')
      if (!isStale || this.#over.signal.aborted) throw error
      return await (await this.#link(mailbox)).ask(request)
    }
  }

  async #link(mailbox: MailboxAddress): Promise<MailboxLink> {
    for (let known = this.#links.get(mailbox); known !== undefined; known = this.#links.get(mailbox)) {
      const link = await known.catch(() => undefined)
      if (link?.isOpen === true) return link
      // unless another one has begun anew meanwhile
      if (this.#links.get(mailbox) === known) this.#links.delete(mailbox)
    }
    const down = this.#down.get(mailbox)
    if (down !== undefined && performance.now() < down.until) throw down.error
    const opening = this.#open(mailbox)
    this.#links.set(mailbox, opening)
    try {
      return await opening
    } catch (cause) {
      const error = asMailboxError(cause)
      this.#down.set(mailbox, { until: performance.now() + DOWN_TIME, error })
      throw error
    }
  }

  async #open(mailbox: MailboxAddress): Promise<MailboxLink> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(CONNECT_TIMEOUT)])
    return MailboxLink.open(await this.#depositor.connect(mailbox, signal), signal)
  }
}

/** Which refusal says most, when no mailbox did what was asked: what the sender can do something about comes first. */
const TELLING = [
  'MAILBOX_FULL',
  'MAILBOX_RATE_LIMITED',
  'MAILBOX_TOO_LARGE',
  'MAILBOX_EXPIRED',
  'MAILBOX_FAILED',
  'MAILBOX_ANSWER_INVALID',
  'MAILBOX_REFUSED',
  'MAILBOX_UNREACHABLE',
  'MAILBOX_UNKNOWN_RECIPIENT',
  'MAILBOX_UNSUPPORTED'
]

/** The one error for what all mailboxes said. */
export function failureOf(said: readonly Said[]): TalosError {
  const errors = said.map(one => {
    const error = 'error' in one ? one.error : refusalIn(one.response)!
    return { mailbox: one.mailbox, error }
  })
  errors.sort((a, b) => TELLING.indexOf(a.error.code) - TELLING.indexOf(b.error.code))
  const [first] = errors
  if (first === undefined) return new TalosError('MAILBOX_UNREACHABLE', 'no mailbox answered')
  const { code, hint } = first.error
  const message = errors.map(({ mailbox, error }) => `${mailbox.peerId}: ${error.message}`).join('; ')
  return new TalosError(code, message, { cause: first.error, ...(hint === undefined ? {} : { hint }) })
}
