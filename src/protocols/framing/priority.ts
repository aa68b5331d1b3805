import type { Connection } from '@libp2p/interface'

/** What a write is for, the most urgent first. */
export const PRIORITIES = ['control', 'interactive', 'bulk'] as const
export type Priority = (typeof PRIORITIES)[number]

/**
 * Writes that a class may have under way on one connection, that is, waiting for room. One class never takes all of them, so that
 * a more urgent one finds a place without waiting for one to become free.
 */
const UNDER_WAY: Record<Priority, number> = { control: 4, interactive: 3, bulk: 2 }

/** Turns in a row that others are given before a class that waits gets one, too: urgent traffic without end starves nobody. */
export const PATIENCE = 8

/** A write under way for longer is stuck on its own stream, and no longer keeps others from theirs. Milliseconds. */
const STUCK_AFTER = 500

interface Waiting {
  start(): void
  passedOver: number
}

/**
 * Shares one connection among the streams on it. Everything that writes much goes through run(), a frame of at most a few hundred
 * kilobytes at a time: waiting writes go out by priority, those of one priority in the order in which they came, so that streams
 * that each wait for their turn take turns.
 */
export class LinkScheduler {
  readonly #waiting: Record<Priority, Waiting[]> = { control: [], interactive: [], bulk: [] }
  /** Writes under way, in all. */
  #busy = 0

  /** Does `write` when it is its turn. Rejects as it does, or with the reason of the signal before that; then it was not done. */
  async run<T>(priority: Priority, write: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#busy >= UNDER_WAY[priority] || this.#anyoneWaits()) await this.#turn(priority, signal)
    else this.#busy++
    const free = this.#once()
    const stuck = setTimeout(free, STUCK_AFTER).unref()
    try {
      return await write()
    } finally {
      clearTimeout(stuck)
      free()
    }
  }

  async #turn(priority: Priority, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = { start: resolve, passedOver: 0 }
    const queue = this.#waiting[priority]
    const onAbort = (): void => {
      const index = queue.indexOf(waiting)
      // its turn has come already: run() goes on, and the write sees the signal itself
      if (index === -1) return
      queue.splice(index, 1)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    queue.push(waiting)
    this.#next()
    try {
      await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #next(): void {
    for (let queue = this.#choose(); queue !== undefined; queue = this.#choose()) {
      this.#busy++
      queue.shift()!.start()
      for (const priority of PRIORITIES) {
        const first = this.#waiting[priority][0]
        if (first !== undefined && this.#waiting[priority] !== queue) first.passedOver++
      }
    }
  }

  #choose(): Waiting[] | undefined {
    const heads = PRIORITIES.filter(priority => this.#waiting[priority].length > 0)
    const impatient = heads.find(priority => this.#waiting[priority][0]!.passedOver >= PATIENCE)
    // it may take any place: the ones of its own class can be taken by the more urgent for ever
    if (impatient !== undefined && this.#busy < UNDER_WAY.control) return this.#waiting[impatient]
    const chosen = heads.find(priority => this.#busy < UNDER_WAY[priority])
    return chosen === undefined ? undefined : this.#waiting[chosen]
  }

  #anyoneWaits(): boolean {
    return PRIORITIES.some(priority => this.#waiting[priority].length > 0)
  }

  /** Frees the place of one write, however often it is called. */
  #once(): () => void {
    let done = false
    return () => {
      if (done) return
      done = true
      this.#busy--
      this.#next()
    }
  }
}

const schedulers = new WeakMap<Connection, LinkScheduler>()

/** The one scheduler of a connection. */
export function schedulerOf(connection: Connection): LinkScheduler {
  let scheduler = schedulers.get(connection)
  if (scheduler === undefined) {
    scheduler = new LinkScheduler()
    schedulers.set(connection, scheduler)
  }
  return scheduler
}
