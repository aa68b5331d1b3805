import { Command, Flags } from '@oclif/core'
import { exitCodeOf } from './exit-codes.ts'
import { asTalosError, reportFailure } from './failure.ts'

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
    if (!this.jsonEnabled()) return reportFailure(error)
    const known = asTalosError(error)
    process.exitCode = exitCodeOf(known.code)
    this.logJson(this.toErrorJson(known))
  }
}
