import type { NetOptions, TestNet } from './net.ts'
import type { Traffic } from './traffic.ts'

/** What a scenario works with. */
export interface Stage {
  net: TestNet
  traffic: Traffic
  /** From 0 to 1, the same again with the same --seed. */
  random: () => number
  /** A line about what happens now. */
  note: (line: string) => void
  signal: AbortSignal
}

/** Who sends, what fails when, and what must be true at the end. */
export interface Scenario {
  /** What it shows, in one line. */
  title: string
  /** The net that it needs, unless the command line says otherwise. */
  net: NetOptions
  /** Throws what was not so. */
  run(stage: Stage): Promise<void>
}
