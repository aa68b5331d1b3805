import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Logger } from '@libp2p/interface'

/**
 * Reads "+pid" and "-pid" lines. When its input ends, because we ended or were killed, the process groups it still knows
 * get SIGTERM and a second later SIGKILL. A shell, since it starts in a millisecond and holds 2 MB.
 */
const SCRIPT = `
groups=
while read -r sign group; do
  kept=
  for known in $groups; do [ "$known" = "$group" ] || kept="$kept $known"; done
  groups=$kept
  [ "$sign" = + ] && groups="$groups $group"
done
[ -n "$groups" ] || exit 0
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
sleep 1
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`

/** More restarts than this within a minute mean that something keeps killing it. */
const RESTARTS_A_MINUTE = 10

/**
 * Sees to it that process groups that we started die with us even when we are killed with SIGKILL and they ignore the end
 * of their input. One helper process for all of them, started with the first. On Windows the system does this itself (job
 * objects), and nothing is started.
 */
export class Guardian {
  readonly #log: Logger | undefined
  readonly #groups = new Set<number>()
  #helper: ChildProcess | undefined
  #restarts: number[] = []
  #closed = false

  constructor(init: { log?: Logger } = {}) {
    this.#log = init.log
  }

  /** The helper's process id, for tests and status; undefined when none runs. */
  get pid(): number | undefined {
    return this.#helper?.pid
  }

  /** From now on the group ends at the latest a second after we do. */
  watch(group: number): void {
    if (process.platform === 'win32' || this.#closed) return
    this.#groups.add(group)
    if (this.#helper === undefined) this.#start()
    else this.#tell(`+ ${group}\n`)
  }

  /** The group has ended. */
  unwatch(group: number): void {
    if (this.#groups.delete(group)) this.#tell(`- ${group}\n`)
  }

  /** Ends the helper; groups that are still watched are killed by it. */
  close(): void {
    this.#closed = true
    this.#helper?.stdin?.end()
    this.#helper = undefined
  }

  #start(): void {
    const helper = spawn('/bin/sh', ['-c', SCRIPT, 'talos-guardian'], {
      // a session of its own: what ends our whole group must not end it
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/'
    })
    this.#helper = helper
    helper.stdin.on('error', () => {}) // its end is seen below
    // neither the helper nor our end of its pipe keeps this process alive
    helper.unref()
    ;(helper.stdin as Socket).unref()
    const ended = (cause: string) => {
      if (this.#helper !== helper) return
      this.#helper = undefined
      if (this.#closed || this.#groups.size === 0) return
      const now = Date.now()
      this.#restarts = [...this.#restarts.filter(at => now - at < 60_000), now]
      if (this.#restarts.length > RESTARTS_A_MINUTE) {
        this.#log?.error('the guardian of child processes cannot be kept running (%s)', cause)
        return
      }
      this.#log?.('the guardian of child processes ended (%s), starting another', cause)
      this.#start()
    }
    helper.on('exit', (code, signal) => ended(String(signal ?? code)))
    helper.on('error', error => ended(error.message))
    for (const group of this.#groups) this.#tell(`+ ${group}\n`)
  }

  #tell(line: string): void {
    this.#helper?.stdin?.write(line)
  }
}
