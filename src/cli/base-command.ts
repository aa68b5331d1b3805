import { Command, Flags } from '@oclif/core'
import { isTalosError, TalosError } from '../errors.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'

/** What `--json` prints for a failure, on stdout, so that a script reads one place. */
interface JsonFailure {
  error: { code: string; message: string; hint?: string }
}

/**
 * Every command of `talos`: the flags that all share, one way to print an error, one table of exit codes.
 * Results go to stdout, all else (progress, hints, logs) to stderr.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    'data-dir': Flags.directory({
      description: "Where the wallet and this node's data live (default: the platform's data directory)",
      env: 'TALOS_DATA_DIR',
      helpGroup: 'GLOBAL'
    })
  }

  /** True when a person is reading: a terminal, and no --json. */
  protected get interactive(): boolean {
    return process.stderr.isTTY === true && !this.jsonEnabled()
  }

  /** A line for a person that is not the result: to stderr, silent with --json. */
  protected note(line: string): void {
    if (!this.jsonEnabled()) process.stderr.write(`${line}\n`)
  }

  protected override toErrorJson(error: unknown): JsonFailure {
    const known = asTalosError(error)
    return {
      error: { code: known.code, message: known.message, ...(known.hint === undefined ? {} : { hint: known.hint }) }
    }
  }

  protected override async catch(error: Error): Promise<void> {
    const oclif = error as Error & { oclif?: { exit?: number }; code?: string }
    // oclif's own exits (this.exit, --help) and usage errors keep their way out
    if (oclif.code === 'EEXIT') throw error
    const known = asTalosError(error)
    process.exitCode = exitCodeOf(known.code)
    if (this.jsonEnabled()) {
      this.logJson(this.toErrorJson(known))
      return
    }
    process.stderr.write(`talos: ${shown(known.message)}\n`)
    if (known.hint !== undefined) process.stderr.write(`  ${shown(known.hint)}\n`)
    process.stderr.write(`  (${known.code})\n`)
    if (process.env['TALOS_DEBUG'] !== undefined && error.stack !== undefined) process.stderr.write(`${error.stack}\n`)
  }
}

/** Messages quote arguments, files and peers: none of it may steer the terminal. */
function shown(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '\u{fffd}')
}

function asTalosError(error: unknown): TalosError {
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
