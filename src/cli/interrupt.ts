import { TalosError } from '../errors.ts'

/**
 * One Ctrl-C can arrive several times: from the terminal, from npm, and from bin/launch.cjs, each of which passes it on.
 * Milliseconds.
 */
const ONE_INTERRUPTION = 500

/** Aborted by Ctrl-C or SIGTERM, with INTERRUPTED; a second one, half a second later, ends the process the usual way. */
export function interruption(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): AbortSignal {
  const controller = new AbortController()
  let first = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    if (first === 0) {
      first = performance.now()
      controller.abort(new TalosError('INTERRUPTED', 'stopped before it was done'))
    } else if (performance.now() - first > ONE_INTERRUPTION) {
      process.off(signal, onSignal)
      process.kill(process.pid, signal)
    }
  }
  for (const signal of signals) process.on(signal, onSignal)
  return controller.signal
}
