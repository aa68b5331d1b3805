import type { RpcError } from './json-rpc-errors.ts'
import type { Message } from './message.ts'

/** What a method acts on: what a rule can name. */
export type Subject =
  | 'lifecycle'
  | 'tool'
  | 'resource'
  | 'prompt'
  | 'completion'
  | 'logging'
  | 'task'
  | 'sampling'
  | 'elicitation'
  | 'roots'
  | 'notification'
  | 'unknown'

/** Towards the MCP server (from the agent), or towards the agent (from the server). */
export type Direction = 'to-server' | 'to-agent'

const TO_SERVER: ReadonlyMap<string, Subject> = new Map([
  ['initialize', 'lifecycle'],
  ['notifications/initialized', 'lifecycle'],
  ['ping', 'lifecycle'],
  ['server/discover', 'lifecycle'],
  ['tools/list', 'tool'],
  ['tools/call', 'tool'],
  ['resources/list', 'resource'],
  ['resources/templates/list', 'resource'],
  ['resources/read', 'resource'],
  ['resources/subscribe', 'resource'],
  ['resources/unsubscribe', 'resource'],
  ['subscriptions/listen', 'notification'],
  ['prompts/list', 'prompt'],
  ['prompts/get', 'prompt'],
  ['completion/complete', 'completion'],
  ['logging/setLevel', 'logging'],
  ['tasks/get', 'task'],
  ['tasks/update', 'task'],
  ['tasks/cancel', 'task'],
  ['tasks/list', 'task'],
  ['tasks/result', 'task'],
  ['notifications/cancelled', 'notification'],
  ['notifications/progress', 'notification'],
  ['notifications/roots/list_changed', 'roots']
] as const)

const TO_AGENT: ReadonlyMap<string, Subject> = new Map([
  ['ping', 'lifecycle'],
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['notifications/elicitation/complete', 'elicitation'],
  ['roots/list', 'roots'],
  ['tasks/get', 'task'],
  ['tasks/cancel', 'task'],
  ['tasks/list', 'task'],
  ['tasks/result', 'task'],
  ['notifications/tasks/status', 'task'],
  ['notifications/message', 'logging'],
  ['notifications/cancelled', 'notification'],
  ['notifications/progress', 'notification'],
  ['notifications/tools/list_changed', 'tool'],
  ['notifications/prompts/list_changed', 'prompt'],
  ['notifications/resources/list_changed', 'resource'],
  ['notifications/resources/updated', 'resource'],
  ['notifications/subscriptions/acknowledged', 'notification']
] as const)

/** Everything a decision may rest on. `peer` comes from the authenticated stream, never from the message. */
export interface CallContext {
  /** PeerId of the other machine. */
  readonly peer: string
  /** Name of the service that the tunnel was opened for. */
  readonly service: string
  readonly direction: Direction
  readonly kind: 'request' | 'notification'
  readonly method: string
  readonly subject: Subject
  /** The tool's or prompt's name, also of completion's `ref`; undefined where the method has none or it is no string. */
  readonly name: string | undefined
  /** The resource's URI or template, also of completion's `ref`. */
  readonly uri: string | undefined
}

/** A refused request is answered with `error`; a refused notification is dropped, since nobody waits for an answer. */
export type Decision = { readonly allow: true } | { readonly allow: false; readonly error: RpcError }

/** The one place between the scanner and what the message is for. Pure and quick: it runs once for every message. */
export type Decide = (call: CallContext) => Decision

const ALLOW: Decision = { allow: true }

/** A peer that is authorised for a service may use all of it. */
export const allowAll: Decide = () => ALLOW

export function callContext(
  message: Message,
  where: { peer: string; service: string; direction: Direction }
): CallContext {
  const subject = (where.direction === 'to-server' ? TO_SERVER : TO_AGENT).get(message.method) ?? 'unknown'
  return {
    peer: where.peer,
    service: where.service,
    direction: where.direction,
    kind: message.kind === 'request' ? 'request' : 'notification',
    method: message.method,
    subject,
    name: subject === 'completion' ? message.ref?.name : message.name,
    uri: subject === 'completion' ? message.ref?.uri : message.uri
  }
}
