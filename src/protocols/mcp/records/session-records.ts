import { hash } from 'node:crypto'
import type { Message } from '../message.ts'
import type { Batch, CallLog } from './call-log.ts'
import {
  executionOf,
  type InvocationRecord,
  invocationOf,
  type Outcome,
  type RecordedMethod,
  type Side,
  SUBJECTS
} from './call-record.ts'
import type { Denials } from './denials.ts'

/** A request that is recorded, until it has ended. */
export class RecordedCall {
  /** What the record of the request is written with. */
  readonly batch: Batch
  readonly #log: CallLog
  readonly #record: { operation: string; side: Side; peer: string }
  readonly #since = performance.now()
  #hasEnded = false

  constructor(log: CallLog, invocation: InvocationRecord, isAwaited: boolean) {
    const { operation, side, peer } = invocation
    this.#log = log
    this.#record = { operation: executionOf(operation), side, peer }
    this.batch = log.add(invocation, isAwaited)
  }

  /** It has ended, with the answer `line` if there is one. Only the first end counts. */
  ended(outcome: Outcome, line?: Uint8Array): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const duration = Math.round(performance.now() - this.#since)
    const answer = line === undefined ? {} : { hash: digestOf(line), size: line.byteLength }
    this.#log.add({ kind: 'EXECUTION', ...this.#record, outcome, ...answer, duration }, false)
  }
}

/** Where what is recorded goes. */
export interface Recording {
  log: CallLog
  denials: Denials
}

/** Whether a message is a request of those that are recorded. */
export const isRecorded = ({ kind, method }: Message): boolean => kind === 'request' && Object.hasOwn(SUBJECTS, method)

/** What one side of a tunnel's session records: the requests that are worth it, how they ended, and what it refused. */
export class SessionRecords {
  readonly #recording: Recording
  readonly #where: { side: Side; peer: string; service: string }

  constructor(recording: Recording, where: { side: Side; peer: string; service: string }) {
    this.#recording = recording
    this.#where = where
  }

  get log(): CallLog {
    return this.#recording.log
  }

  /** A request passes the tunnel as its line `number`. `isAwaited`: its answer waits for the record. */
  invoked(message: Message, line: Uint8Array, recordsId: string, number: number, isAwaited: boolean): RecordedCall {
    const subject = subjectOf(message)
    return new RecordedCall(
      this.log,
      {
        kind: 'INVOCATION',
        operation: invocationOf(recordsId, number),
        ...this.#where,
        method: message.method as RecordedMethod,
        ...(subject === undefined ? {} : { subject }),
        hash: digestOf(line),
        size: line.byteLength
      },
      isAwaited
    )
  }

  /** A message of the other side was refused. */
  refused(reason: string, message?: Message): void {
    const { peer, service } = this.#where
    const subject = message === undefined ? undefined : subjectOf(message)
    this.#recording.denials.add({
      peer,
      service,
      reason,
      ...(message === undefined ? {} : { method: shortened(message.method) }),
      ...(subject === undefined ? {} : { subject })
    })
  }
}

const digestOf = (line: Uint8Array): string => hash('sha256', line as Uint8Array<ArrayBuffer>)

/** What a peer writes there may be as long as it likes: this much of it is recorded. Characters. */
const LONGEST = 1_024

const shortened = (text: string): string => {
  if (text.length <= LONGEST) return text
  return text.slice(0, LONGEST).toWellFormed()
}

/** Its whole text is in the hash of the request; of a very long one the beginning is recorded. */
function subjectOf({ method, name, uri }: Message): string | undefined {
  const text = method === 'resources/read' ? uri : name
  return text === undefined ? undefined : shortened(text)
}
