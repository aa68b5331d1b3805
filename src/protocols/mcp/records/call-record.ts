/**
 * What becomes a record of the agent's chain, as plain values: it may be on its way to the process that is the node. How the fields
 * are called, and what the operations are: docs/spec/tunnel.md §8.
 */
export type CallRecord = InvocationRecord | ExecutionRecord | DenialRecord

/** Whether we asked for it, or it was asked of us. */
export type Side = 'asked' | 'served'

/** What a request names: of `tools/call` a tool, of `resources/read` a resource, of `prompts/get` a prompt. */
export const SUBJECTS = { 'tools/call': 'tool', 'resources/read': 'resource', 'prompts/get': 'prompt' } as const

export type RecordedMethod = keyof typeof SUBJECTS

/** A request passed the tunnel. */
export interface InvocationRecord {
  kind: 'INVOCATION'
  operation: string
  side: Side
  /** PeerId. */
  peer: string
  service: string
  method: RecordedMethod
  /** Name of the tool or prompt, URI of the resource; none when the request gives none. */
  subject?: string
  /** SHA-256 of the line, in hexadecimal digits. */
  hash: string
  /** Of the line, in bytes. */
  size: number
}

/**
 * How a request ended: the server's result or error; refused by the host before the server saw it; cancelled by the agent; late; the
 * server ended, or could not be started; no answer since the session ended (of the host), or the link was lost (of the agent). `withheld`:
 * the host had an answer, and did not give it since it could not record the request.
 */
export const OUTCOMES = [
  'result',
  'error',
  'refused',
  'cancelled',
  'timed-out',
  'server-failed',
  'session-ended',
  'link-lost',
  'withheld'
] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface ExecutionRecord {
  kind: 'EXECUTION'
  operation: string
  side: Side
  peer: string
  outcome: Outcome
  /** Of the answer, when there was one: SHA-256 of the line, in hexadecimal digits, and its bytes. */
  hash?: string
  size?: number
  /** From request to answer, in whole milliseconds. */
  duration: number
}

/** Something was refused, once or, when it went on, several times. */
export interface DenialRecord {
  kind: 'DENIAL'
  /** None of those that were too many to be told apart. */
  peer?: string
  /** Stable, such as `not-authorised`. */
  reason: string
  service?: string
  method?: string
  subject?: string
  /** How often, and when the first and the last time: milliseconds since 1970. */
  count: number
  first: number
  last: number
}

/** What both sides call the request that is line `number` of a tunnel, towards its host. */
export const invocationOf = (recordsId: string, number: number): string => `mcp/${recordsId}/${number}`

/** The end of that request. */
export const executionOf = (invocation: string): string => `${invocation}/end`
