import { spawn, spawnSync } from 'node:child_process'
import { TALOS } from './talos.ts'

/** util-linux's `script` gives a process a terminal; other systems have another program of that name, or none. */
export const HAS_TERMINAL =
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true

/**
 * Runs the command line on a pseudo-terminal. Each dialogue entry waits until `prompt` has been shown, then types `keys`.
 * `shown` is all that the terminal showed. `redirection` is shell syntax, put after the command.
 */
export async function talosOnTerminal(
  args: string[],
  dialogue: Array<{ prompt: string; keys: string }>,
  redirection = '',
  env: NodeJS.ProcessEnv = {},
  timeout = 20_000
): Promise<{ status: number | null; shown: string }> {
  const command = [process.execPath, TALOS, ...args].map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  const child = spawn('script', ['--quiet', '--return', '--command', `${command} ${redirection}`, '/dev/null'], {
    env: { ...process.env, TALOS_PASSPHRASE: undefined, TALOS_PASSPHRASE_FILE: undefined, ...env },
    stdio: 'pipe',
    timeout,
    killSignal: 'SIGKILL'
  })
  const waiting = [...dialogue]
  let shown = ''
  let searched = 0
  child.stdout.setEncoding('utf8').on('data', chunk => {
    shown += chunk
    const next = waiting[0]
    const at = next === undefined ? -1 : shown.indexOf(next.prompt, searched)
    if (at === -1) return
    searched = at + next!.prompt.length
    waiting.shift()
    child.stdin.write(next!.keys)
  })
  child.stdin.on('error', () => {})
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { status, shown }
}
