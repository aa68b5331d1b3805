import { TalosError } from '../../errors.ts'
import { MAX_REASON_LENGTH, REFUSAL } from './constants.ts'

/** Not the end, and nobody's word: the link, or the other side, is gone. */
export function streamBroken(cause?: unknown): TalosError {
  return new TalosError('STREAM_BROKEN', 'the connection broke before the end of the stream', { cause })
}

export function streamProtocol(what: string, cause?: unknown): TalosError {
  return new TalosError('STREAM_PROTOCOL', `the other side does not follow the stream protocol: ${what}`, {
    hint: 'It may run another version of Talos. Compare `talos version` on both machines.',
    cause
  })
}

/** `by`: 'this side' or 'the other side'. */
export function streamAborted(by: string, reason: string): TalosError {
  return new TalosError('STREAM_ABORTED', `${by} gave the stream up${reason === '' ? '' : `: ${shown(reason)}`}`)
}

export function refused(reason: number): TalosError {
  switch (reason) {
    case REFUSAL.notAccepted:
      return new TalosError('STREAM_NOT_ACCEPTED', 'the other side did not accept the stream', {
        hint: 'Its owner decides who may open one.'
      })
    case REFUSAL.noSession:
      return new TalosError('STREAM_NO_SESSION', 'the other side could not read the opening message')
    case REFUSAL.unknownCodec:
      return new TalosError('STREAM_CODEC_UNKNOWN', 'the other side does not know that codec', {
        hint: "'identity' is known everywhere; 'zstd' needs Node 22.15 or newer on both sides."
      })
    case REFUSAL.busy:
      return new TalosError('STREAM_BUSY', 'the other side has as many streams as it can hold', {
        hint: 'Try again later.'
      })
    default:
      return streamProtocol(`it refused for reason ${reason}, which this version does not know`)
  }
}

/** A stranger's words as one line that is safe to show. */
function shown(reason: string): string {
  return reason.slice(0, MAX_REASON_LENGTH).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
}
