import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Reads "+ pid" and "- pid" lines. When its input ends, because the demo has ended or was killed, the processes that it still
 * knows get SIGTERM and a second later SIGKILL, and the folder goes. A shell, since it starts in a millisecond and holds 2 MB.
 */
const SCRIPT = `
pids=
while read -r sign pid; do
  kept=
  for known in $pids; do [ "$known" = "$pid" ] || kept="$kept $known"; done
  pids=$kept
  [ "$sign" = + ] && pids="$pids $pid"
done
if [ -n "$pids" ]; then
  kill -s TERM $pids 2>/dev/null
  sleep 1
  kill -s KILL $pids 2>/dev/null
fi
[ $# -eq 0 ] || rm -rf -- "$1"
`

/** Sees to it that nothing of a demo is left, even when it is killed with SIGKILL. On Windows that is not seen to. */
export class Remains {
  readonly #helper: ChildProcess | undefined

  /** @param folder goes too, when there is one */
  constructor(folder?: string) {
    if (process.platform === 'win32') return
    // in a session of its own, so that a Ctrl-C of the terminal does not end it before the demo
    const parameters = folder === undefined ? [] : [folder]
    const helper = spawn('/bin/sh', ['-c', SCRIPT, 'talos-demo-remains', ...parameters], {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      detached: true
    })
    helper.on('error', () => {}) // without a shell a demo that is killed leaves its folder
    helper.stdin!.on('error', () => {})
    helper.unref()
    this.#helper = helper
  }

  /** The process goes when the demo does. */
  watch(program: ChildProcess): void {
    if (program.pid === undefined) return
    this.#tell(`+ ${program.pid}\n`)
    program.once('exit', () => this.#tell(`- ${program.pid}\n`))
  }

  /** The demo has cleaned up itself. Resolves when the helper has ended. */
  async close(): Promise<void> {
    const helper = this.#helper
    if (helper?.pid === undefined || helper.exitCode !== null || helper.signalCode !== null) return
    const ended = new Promise(resolve => helper.once('exit', resolve))
    helper.ref()
    helper.stdin!.end()
    await ended
  }

  #tell(line: string): void {
    if (this.#helper?.stdin?.writable) this.#helper.stdin.write(line)
  }
}
