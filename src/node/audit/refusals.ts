import type { Entry, Field, FieldValue } from '../../chain/index.ts'

/** So long refusals are counted before their number is recorded. Milliseconds. */
const WINDOW = 3_600_000
/** Peers and reasons that are told apart within that time; of all others only the number is recorded. */
const MAX_GROUPS = 100

export interface Refusal {
  /** PeerId. */
  peer: string
  /** What it wanted: `file`, `stream`. */
  what: string
  /** The code of the error that it got. */
  reason: string
  /** What else is known of it: recorded of the first one only. */
  details?: Readonly<Record<string, FieldValue>>
}

interface Group {
  /** Nobody's in particular, when there are too many. */
  peer?: string
  what: string
  reason?: string
  /** Not recorded yet. */
  count: number
  since: number
}

export interface RefusalsInit {
  record(entry: Entry): Promise<void>
  /** Called when the disk does not take a record. */
  onError(error: unknown): void
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

/**
 * What peers were refused, as DENIAL records: the first of a peer and reason at once, those that follow within the hour as one
 * record with their number. However many strangers knock, the chain grows by some two hundred records an hour at most.
 */
export class Refusals {
  readonly #init: RefusalsInit
  readonly #groups = new Map<string, Group>()
  #timer: NodeJS.Timeout | undefined
  #recording: Promise<unknown> = Promise.resolve()

  constructor(init: RefusalsInit) {
    this.#init = init
  }

  note({ peer, what, reason, details }: Refusal): void {
    const key = JSON.stringify([peer, what, reason])
    const known = this.#groups.get(key)
    if (known !== undefined) {
      known.count++
      return
    }
    this.#timer ??= setTimeout(() => this.#flush(), WINDOW).unref()
    const since = (this.#init.now ?? Date.now)()
    if (this.#groups.size < MAX_GROUPS) {
      this.#groups.set(key, { peer, what, reason, count: 0, since })
      this.#record({ peer, what, reason, count: 1, since }, details)
      return
    }
    const others = this.#groups.get(what) ?? { what, count: 0, since }
    others.count++
    this.#groups.set(what, others)
  }

  /** Records what was counted. */
  async close(): Promise<void> {
    this.#flush()
    await this.#recording
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const group of this.#groups.values()) if (group.count > 0) this.#record(group)
    this.#groups.clear()
  }

  #record({ peer, what, reason, count, since }: Group, details: Refusal['details'] = {}): void {
    const fields: Field[] = [
      { name: 'event', value: 'refused' },
      { name: 'what', value: what },
      ...(peer === undefined ? [] : [{ name: 'peer', value: peer }]),
      ...(reason === undefined ? [] : [{ name: 'reason', value: reason }]),
      { name: 'count', value: count },
      { name: 'since', value: since },
      ...Object.entries(details).map(([name, value]) => ({ name, value }))
    ]
    const recording = this.#init.record({ kind: 'DENIAL', fields }).catch(error => this.#init.onError(error))
    this.#recording = Promise.all([this.#recording, recording])
  }
}
