import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const MARKER = 'TALOS_TEST_RUN'

interface Seen {
  pid: number
  parent: number
  /** Clock ticks since boot: with the pid it names one process for good. */
  started: string
  command: string
}

/**
 * Knows the processes of one test: all that carry its mark in their environment, and all that were once below one of these
 * (helpers with an environment of their own). Linux only, through /proc.
 */
export class ProcessWatch {
  /** To be in the environment of everything that the test starts. */
  readonly mark: Record<string, string> = { [MARKER]: randomUUID() }
  readonly #seen = new Map<string, Seen>()

  /** Remembers what runs below `pid` now, so that it is recognised when its parent is gone. */
  remember(pid: number): void {
    const all = processes()
    const below = new Set([pid])
    for (let size = 0; size !== below.size; ) {
      size = below.size
      for (const process of all) if (below.has(process.parent)) below.add(process.pid)
    }
    for (const process of all) if (below.has(process.pid)) this.#seen.set(key(process), process)
  }

  /** What of ours runs now, as `pid command`. */
  running(): string[] {
    const mark = `${MARKER}=${this.mark[MARKER]}`
    return processes()
      .filter(process => this.#seen.has(key(process)) || environment(process.pid).includes(mark))
      .map(({ pid, command }) => `${pid} ${command}`)
  }

  /** Waits until nothing of ours runs but what `except` accepts. Fails after `ms` with the list of what does. */
  async noneLeft(ms = 5000, except: (pid: number) => boolean = () => false): Promise<void> {
    const deadline = performance.now() + ms
    for (;;) {
      const left = this.running().filter(line => !except(Number.parseInt(line, 10)))
      if (left.length === 0) return
      if (performance.now() > deadline) throw new Error(`still running after ${ms} ms:\n${left.join('\n')}`)
      await delay(25)
    }
  }

  /** For the end of a test that failed: nothing of it may disturb the next. */
  killAll(): void {
    for (const line of this.running()) {
      try {
        process.kill(Number.parseInt(line, 10), 'SIGKILL')
      } catch {
        // gone meanwhile
      }
    }
  }
}

const key = ({ pid, started }: Seen): string => `${pid} ${started}`

function processes(): Seen[] {
  const found: Seen[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      // pid (name) state ppid …: the name may hold anything, also blanks and brackets
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z' || fields[0] === 'X') continue
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200)
      found.push({ pid: Number(entry), parent: Number(fields[1]), started: fields[19]!, command })
    } catch {
      // it ended while we looked
    }
  }
  return found
}

function environment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
