export interface TalosErrorOptions {
  /** What the reader should do about it: one sentence, shown after the message. */
  hint?: string
  cause?: unknown
}

/**
 * The one error class of Talos. `code` is stable and documented in docs/troubleshooting.md; programs branch on it, never on
 * the message. The message says what happened and why; `hint` says what to do. Neither ever holds a secret.
 */
export class TalosError extends Error {
  override readonly name = 'TalosError'
  readonly code: string
  readonly hint: string | undefined

  constructor(code: string, message: string, options: TalosErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** True for a TalosError of any copy of this package (bundles may hold two). With `code`, for that code only. */
export function isTalosError(error: unknown, code?: string): error is TalosError {
  return (
    error instanceof Error && error.name === 'TalosError' && (code === undefined || (error as TalosError).code === code)
  )
}
