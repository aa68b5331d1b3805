import { Counted } from '../../limits/index.ts'
import type { DenialRecord } from './call-record.ts'

/** What is refused again within this time is counted, and recorded once. Milliseconds. */
const WINDOW = 60_000
/** So many peers, services and reasons are told apart within that time; the others are counted together. */
const MAX_SORTS = 32

export type Denial = Omit<DenialRecord, 'kind' | 'count' | 'first' | 'last'>

/**
 * What was refused, on its way to the chain: the first of its sort at once, and those like it that follow as one record a minute.
 * Whatever strangers do, and however many they are, there are at most 66 records a minute.
 */
export class Denials {
  readonly #counted: Counted<Denial>

  /** @param now milliseconds since 1970 */
  constructor(record: (record: DenialRecord) => void, now: () => number = Date.now) {
    this.#counted = new Counted<Denial>({
      window: WINDOW,
      maxSorts: MAX_SORTS,
      sortOf: ({ reason, peer, service }) => `${reason} ${peer} ${service}`,
      othersOf: () => ({ reason: 'others' }),
      keepCommon: (kept, { method, subject }) => {
        if (kept.method !== method) delete kept.method
        if (kept.subject !== subject) delete kept.subject
      },
      tell: (denial, times) => record({ kind: 'DENIAL', ...denial, ...times }),
      now
    })
  }

  add(denial: Denial): void {
    this.#counted.add(denial)
  }

  /** Records what was counted. */
  close(): void {
    this.#counted.close()
  }
}
