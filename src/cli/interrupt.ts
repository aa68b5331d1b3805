import { TalosError } from '../errors.ts'

/** Aborted by Ctrl-C or SIGTERM, with INTERRUPTED; a second one ends the process the usual way. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new TalosError('INTERRUPTED', 'stopped before it was done')))
  }
  return controller.signal
}
