/** How often something happened, and when first and last. Milliseconds since 1970. */
export interface Times {
  count: number
  first: number
  last: number
}

export interface CountedInit<T> {
  /** So long what happens again is counted before it is told. Milliseconds. */
  window: number
  /** So many sorts are told apart within that time. */
  maxSorts: number
  /** What it has in common with others of its sort. */
  sortOf(item: T): string
  /** What is told of those beyond, together. */
  othersOf(item: T): T
  /** Takes out of `kept` what another one of its sort does not have, too. */
  keepCommon(kept: T, other: T): void
  tell(item: T, times: Times): void
  /** Milliseconds since 1970. @default Date.now */
  now?: () => number
}

interface Sort<T> extends Times {
  item: T
}

/**
 * What strangers bring about, on its way to where each is kept: the first of its sort is told at once, those that follow within the window together, with
 * their number. Whatever they do, and however many they are, little is told.
 */
export class Counted<T extends object> {
  readonly #init: CountedInit<T>
  readonly #now: () => number
  readonly #sorts = new Map<string, Sort<T>>()
  readonly #others = new Map<string, Sort<T>>()
  #timer: NodeJS.Timeout | undefined

  constructor(init: CountedInit<T>) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  add(item: T): void {
    const { window, maxSorts, sortOf, othersOf, tell } = this.#init
    const time = this.#now()
    const sort = sortOf(item)
    this.#timer ??= setInterval(() => this.#tellCounted(), window).unref()
    const known = this.#sorts.get(sort)
    if (known !== undefined) this.#count(known, item, time)
    else if (this.#sorts.size < maxSorts) {
      this.#sorts.set(sort, { item: { ...item }, count: 0, first: time, last: time })
      tell(item, { count: 1, first: time, last: time })
    } else {
      const others = othersOf(item)
      const kept = this.#others.get(sortOf(others)) ?? { item: others, count: 0, first: time, last: time }
      this.#others.set(sortOf(others), kept)
      this.#count(kept, others, time)
    }
  }

  /** Tells what was counted. */
  close(): void {
    this.#tellCounted()
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#sorts.clear()
  }

  #count(sort: Sort<T>, item: T, time: number): void {
    if (sort.count++ === 0) sort.first = time
    sort.last = time
    this.#init.keepCommon(sort.item, item)
  }

  #tellCounted(): void {
    for (const [key, sort] of this.#sorts) {
      // what went on for a whole window is told apart in the next one, too
      if (sort.count === 0) this.#sorts.delete(key)
      else this.#tellOf(sort)
    }
    for (const sort of this.#others.values()) this.#tellOf(sort)
    this.#others.clear()
    if (this.#sorts.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tellOf(sort: Sort<T>): void {
    const { item, count, first, last } = sort
    sort.count = 0
    this.#init.tell({ ...item }, { count, first, last })
  }
}
