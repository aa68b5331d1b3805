import type { Entry, Field, FieldValue } from '../../chain/index.ts'
import { Counted, type Times } from '../../protocols/limits/index.ts'

/** So long refusals are counted before their number is recorded. Milliseconds. */
const WINDOW = 3_600_000
/** Peers and reasons that are told apart within that time; of all others only the number is recorded. */
const MAX_SORTS = 100

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

/** Peer and reason are nobody's in particular when there are too many. */
type Counting = Pick<Refusal, 'what' | 'details'> & Partial<Refusal>

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
  readonly #counted: Counted<Counting>
  #recording: Promise<unknown> = Promise.resolve()

  constructor(init: RefusalsInit) {
    this.#init = init
    this.#counted = new Counted<Counting>({
      window: WINDOW,
      maxSorts: MAX_SORTS,
      sortOf: ({ peer, what, reason }) => JSON.stringify([what, peer, reason]),
      othersOf: ({ what }) => ({ what }),
      keepCommon: kept => {
        delete kept.details
      },
      tell: (refusal, times) => this.#record(refusal, times),
      ...(init.now === undefined ? {} : { now: init.now })
    })
  }

  note(refusal: Refusal): void {
    this.#counted.add(refusal)
  }

  /** Records what was counted. */
  async close(): Promise<void> {
    this.#counted.close()
    await this.#recording
  }

  #record({ peer, what, reason, details = {} }: Counting, { count, first }: Times): void {
    const fields: Field[] = [
      { name: 'event', value: 'refused' },
      { name: 'what', value: what },
      ...(peer === undefined ? [] : [{ name: 'peer', value: peer }]),
      ...(reason === undefined ? [] : [{ name: 'reason', value: reason }]),
      { name: 'count', value: count },
      { name: 'since', value: first },
      ...Object.entries(details).map(([name, value]) => ({ name, value }))
    ]
    const recording = this.#init.record({ kind: 'DENIAL', fields }).catch(error => this.#init.onError(error))
    this.#recording = Promise.all([this.#recording, recording])
  }
}
