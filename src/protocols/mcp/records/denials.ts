import type { DenialRecord } from './call-record.ts'

/** What is refused again within this time is counted, and recorded once. Milliseconds. */
const WINDOW = 60_000
/** So many peers, services and reasons are told apart within that time; the others are counted together. */
const MAX_GROUPS = 32

export type Denial = Omit<DenialRecord, 'kind' | 'count' | 'first' | 'last'>

interface Group {
  denial: Denial
  count: number
  first: number
  last: number
}

/**
 * What was refused, on its way to the chain: the first of its sort at once, and those like it that follow as one record a minute.
 * Whatever strangers do, and however many they are, there are at most 66 records a minute.
 */
export class Denials {
  readonly #record: (record: DenialRecord) => void
  readonly #now: () => number
  readonly #groups = new Map<string, Group>()
  readonly #others: Group = { denial: { reason: 'others' }, count: 0, first: 0, last: 0 }
  #timer: NodeJS.Timeout | undefined

  /** @param now milliseconds since 1970 */
  constructor(record: (record: DenialRecord) => void, now: () => number = Date.now) {
    this.#record = record
    this.#now = now
  }

  add(denial: Denial): void {
    const time = this.#now()
    const key = `${denial.reason} ${denial.peer} ${denial.service}`
    const known = this.#groups.get(key)
    this.#timer ??= setInterval(() => this.#recordCounted(), WINDOW).unref()
    if (known !== undefined) count(known, denial, time)
    else if (this.#groups.size >= MAX_GROUPS) count(this.#others, this.#others.denial, time)
    else {
      this.#groups.set(key, { denial, count: 0, first: time, last: time })
      this.#record({ kind: 'DENIAL', ...denial, count: 1, first: time, last: time })
    }
  }

  /** Records what was counted. */
  close(): void {
    this.#recordCounted()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #recordCounted(): void {
    for (const [key, group] of this.#groups) {
      // who kept on for a whole window is told apart in the next one, too
      if (group.count === 0) this.#groups.delete(key)
      else this.#recordGroup(group)
    }
    if (this.#others.count > 0) this.#recordGroup(this.#others)
    if (this.#groups.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #recordGroup(group: Group): void {
    const { denial, count, first, last } = group
    this.#record({ kind: 'DENIAL', ...denial, count, first, last })
    group.count = 0
  }
}

/** What the denials of a group do not have in common is not recorded of them. */
function count(group: Group, { method, subject }: Denial, time: number): void {
  if (group.count++ === 0) group.first = time
  group.last = time
  const { denial } = group
  if (denial.method !== method) delete denial.method
  if (denial.subject !== subject) delete denial.subject
}
