import { Remains } from '../../src/cli/demo/remains.ts'
import type { LiveProcess } from '../../test/support/live-process.ts'

const remains = new Remains()

/** The program ends when this process does, even when that is killed outright. */
export function endsWithUs<T extends LiveProcess>(live: T): T {
  remains.watch(live.child)
  return live
}
