import type { PeerId } from '@libp2p/interface'
import { TalosError } from '../../errors.ts'
import { Courier } from './courier.ts'
import type { MailboxClientInit } from './types.ts'

/** A courier is dismissed when it had nothing to do for so long, and when it is so old, in milliseconds. */
const IDLE_TIME = 5_000
const LIFETIME = 45_000
/** How long it may take to find out where a peer's mailboxes are, in milliseconds. */
const LOOK_UP_TIMEOUT = 20_000
/** Couriers at one time, of those that rest; above this the one that was hired first goes. */
const MAX_COURIERS = 32

interface Employed {
  courier: Promise<Courier>
  uses: number
  retireAt: number
  timer: NodeJS.Timeout | undefined
}

/**
 * The couriers that are employed: one for each recipient, never one for two, so that a mailbox cannot see that what comes for
 * them is of one sender. Each lives for a random short while, so that a burst of messages needs one and two bursts share none.
 */
export class Couriers {
  readonly #init: Pick<MailboxClientInit, 'depositor' | 'lookUp'>
  readonly #employed = new Map<string, Employed>()
  readonly #closing = new Set<Promise<void>>()
  #isOver = false

  constructor(init: Pick<MailboxClientInit, 'depositor' | 'lookUp'>) {
    this.#init = init
  }

  /** Throws MAILBOX_NONE, what lookUp() throws, and what `work` throws. */
  async with<T>(peer: PeerId, work: (courier: Courier) => Promise<T>): Promise<T> {
    if (this.#isOver) throw new TalosError('MAILBOX_UNREACHABLE', 'the node is stopping')
    const employed = this.#employ(peer)
    employed.uses++
    clearTimeout(employed.timer)
    try {
      return await work(await employed.courier)
    } finally {
      employed.uses--
      this.#rest(peer, employed)
    }
  }

  async close(): Promise<void> {
    this.#isOver = true
    for (const [key, employed] of this.#employed) this.#dismiss(key, employed)
    await Promise.allSettled(this.#closing)
  }

  #employ(peer: PeerId): Employed {
    const key = peer.toString()
    const known = this.#employed.get(key)
    if (known !== undefined && performance.now() < known.retireAt) return known
    if (this.#employed.size >= MAX_COURIERS) this.#dismissIdle()
    const courier = this.#hire(peer)
    const employed = { courier, uses: 0, retireAt: performance.now() + random(LIFETIME), timer: undefined }
    this.#employed.set(key, employed)
    courier.catch(() => {
      if (this.#employed.get(key) === employed) this.#employed.delete(key)
    })
    return employed
  }

  async #hire(peer: PeerId): Promise<Courier> {
    // not the signal of whoever came first: others wait for it too
    const mailboxes = await this.#init.lookUp(peer, AbortSignal.timeout(LOOK_UP_TIMEOUT))
    if (mailboxes.length === 0) {
      throw new TalosError('MAILBOX_NONE', `${peer} names no mailbox`, {
        hint: 'It can be reached while it is online. It names a mailbox when it is registered with a server that offers one.'
      })
    }
    return new Courier(mailboxes, await this.#init.depositor())
  }

  #rest(peer: PeerId, employed: Employed): void {
    if (employed.uses > 0) return
    const key = peer.toString()
    // one that was replaced while it worked goes at once
    const rest = this.#employed.get(key) === employed ? random(IDLE_TIME) : 0
    employed.timer = setTimeout(() => this.#dismiss(key, employed), rest)
    employed.timer.unref()
  }

  #dismissIdle(): void {
    const idle = [...this.#employed].find(([, { uses }]) => uses === 0)
    if (idle !== undefined) this.#dismiss(...idle)
  }

  #dismiss(key: string, employed: Employed): void {
    clearTimeout(employed.timer)
    if (this.#employed.get(key) === employed) this.#employed.delete(key)
    const closing: Promise<void> = employed.courier
      .then(courier => courier.close())
      .catch(() => {})
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

/** Between a half and one and a half times as long. */
function random(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random())
}
