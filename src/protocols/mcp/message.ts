import type { IdFinder } from './id-finder.ts'
import { RPC_CODE, type RpcError } from './json-rpc-errors.ts'

/** One JSON-RPC message, read in place. Offsets are into the line that was scanned. */
export interface Message {
  readonly ok: true
  readonly kind: 'request' | 'notification' | 'result' | 'error'
  /** The id's raw JSON as latin1 text, one character a byte: 2^53+1, 1.0 and "\u0061" stay what they are. 'null' only in an error. */
  readonly id: string | undefined
  readonly idStart: number
  /** '' in a response. */
  readonly method: string
  /** params.name and params.uri, where they are strings. */
  readonly name: string | undefined
  readonly uri: string | undefined
  /** params.ref of completion/complete. */
  readonly ref: { name?: string; uri?: string } | undefined
  /** params.requestId (notifications/cancelled) as raw JSON in latin1 text. */
  readonly requestId: string | undefined
  readonly requestIdStart: number
  /** params._meta.progressToken, or params.progressToken of notifications/progress, as raw JSON in latin1 text. */
  readonly progressToken: string | undefined
  /** `_meta["io.modelcontextprotocol/protocolVersion"]`: the mark of the era of 2026-07-28. */
  readonly protocolVersion: string | undefined
}

export type FaultReason =
  | 'syntax'
  | 'not-utf8'
  | 'line-break'
  | 'not-an-object'
  | 'batch'
  | 'too-large'
  | 'too-deep'
  | 'duplicate-key'
  | 'case-variant'
  | 'envelope'
  | 'id'

/** A line that is not one acceptable JSON-RPC message. */
export interface Fault {
  readonly ok: false
  readonly reason: FaultReason
  readonly error: RpcError
  /** The id its sender waits on, where one can be told; as Message.id. */
  readonly id: string | undefined
  /** True when the line is a response that somebody waits for, not a request or notification. */
  readonly response: boolean
  /** True when the line is a notification: nobody waits for an answer. */
  readonly notification: boolean
}

/** What a fault tells its sender; `finder` has seen the whole line. */
export function faultOf(reason: FaultReason, text: string, finder: IdFinder): Fault {
  const unreadable = reason === 'syntax' || reason === 'not-utf8' || reason === 'line-break'
  const code = unreadable ? RPC_CODE.parse : reason === 'too-large' ? RPC_CODE.tooLarge : RPC_CODE.invalidRequest
  return {
    ok: false,
    reason,
    error: { code, message: text, data: { reason } },
    id: finder.id,
    response: finder.hasOutcome && !finder.hasMethod,
    notification: finder.hasMethod && finder.id === undefined && !unreadable && reason !== 'id'
  }
}

/** The fault of a line that was not kept because it is longer than `limit`; `finder` has seen all of it. */
export function tooLargeFault(bytes: number, limit: number, finder: IdFinder): Fault {
  return faultOf('too-large', tooLargeText(bytes, limit), finder)
}

export function tooLargeText(bytes: number, limit: number): string {
  return `the message has ${bytes} bytes and the limit is ${limit}`
}
