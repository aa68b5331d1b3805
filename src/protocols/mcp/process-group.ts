import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Sends `signal` to every process of the group; a group that is gone is no error. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // ESRCH: nobody left. EPERM: only processes that are no longer ours.
  }
}

/**
 * Whether a process of the group still runs. A zombie does not: where process 1 reaps nobody (many containers), it would
 * keep its group's number for ever.
 */
function groupRuns(group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch {
    return false
  }
  return process.platform !== 'linux' || memberRuns(group)
}

function memberRuns(group: number): boolean {
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      // pid (name) state ppid pgrp …: the name may hold anything, also blanks and brackets
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(pgrp) === group && state !== 'Z' && state !== 'X') return true
    } catch {
      // it ended while we looked
    }
  }
  return false
}

/** Waits until no process of the group runs, at most `ms`. Returns whether it is so. */
export async function groupEnded(group: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  for (let pause = 2; groupRuns(group); pause = Math.min(pause * 2, 50)) {
    const left = deadline - performance.now()
    if (left <= 0) return false
    await delay(Math.min(pause, left))
  }
  return true
}
