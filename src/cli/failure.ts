import { isTalosError, TalosError } from '../errors.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { printable } from './printable.ts'

/** Says on standard error what went wrong and what to do, and sets the exit status. */
export function reportFailure(error: unknown): void {
  const known = asTalosError(error)
  process.exitCode = exitCodeOf(known.code)
  process.stderr.write(`talos: ${printable(known.message)}\n`)
  if (known.hint !== undefined) process.stderr.write(`  ${printable(known.hint)}\n`)
  process.stderr.write(`  (${known.code})\n`)
  const { stack } = error as Error
  if (process.env['TALOS_DEBUG'] !== undefined && stack !== undefined) process.stderr.write(`${stack}\n`)
}

export function asTalosError(error: unknown): TalosError {
  if (isTalosError(error)) return error
  if (error instanceof Error) {
    const oclif = error as Error & { oclif?: { exit?: number } }
    if (oclif.oclif?.exit === EXIT.usage) {
      return new TalosError('USAGE_INVALID', error.message.replace(/\nSee more help with --help$/, ''), {
        hint: 'Add --help to see the flags and an example.'
      })
    }
    if (error.name === 'AbortError') return new TalosError('INTERRUPTED', 'stopped before it was done')
    return new TalosError('INTERNAL', `something unexpected went wrong: ${error.message}`, {
      hint: 'This is a fault in Talos. TALOS_DEBUG=1 shows where; please report it.',
      cause: error
    })
  }
  return new TalosError('INTERNAL', `something unexpected went wrong: ${String(error)}`)
}
