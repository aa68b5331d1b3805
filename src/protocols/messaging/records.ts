import type { Transaction } from '../sessions/index.ts'
import { plain } from './envelope.ts'
import type { HistoryEntry, IncomingMessage, MessageState, OutgoingMessage } from './index.ts'
import { type DueEpoch, StoredMessage, StoredState } from './pb/records.ts'

/** Keys of what messaging keeps. Messages are kept in the order in which they were queued or came, under a UUIDv7 of our own. */
export const PEERS = 'msg/peer/'
export const MESSAGES = 'msg/h/'
export const INBOX = 'msg/inbox/'
export const peerKey = (peer: string): string => `${PEERS}${peer}`
export const outPrefix = (peer: string): string => `msg/out/${peer}/`
export const outKey = (peer: string, sequence: number): string => `${outPrefix(peer)}${fixed(sequence)}`
export const heldKey = (peer: string, epoch: Uint8Array, sequence: number): string =>
  `msg/held/${peer}/${Buffer.from(epoch).toString('hex')}/${fixed(sequence)}`
export const messageKey = (key: string): string => `${MESSAGES}${key}`
export const stateKey = (key: string): string => `msg/s/${key}`
/** An incoming message by its sender's id: the value is its key. */
export const idKey = (id: string): string => `msg/id/${id}`
/** What the application has not taken: the value is the sender. */
export const inboxKey = (key: string): string => `${INBOX}${key}`

/** Of the same width, so that keys are in the order of numbers. */
const fixed = (sequence: number): string => sequence.toString().padStart(16, '0')

const STATES: readonly MessageState[] = ['queued', 'stored', 'delivered', 'read', 'failed']

/** How far a message has come, to compare; `failed` is the end of all ways. */
export const stageOf = (state: MessageState): number => STATES.indexOf(state)

export const decodeText = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
export const encodeText = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

export function putState(
  transaction: Transaction,
  key: string,
  state: MessageState,
  at: number,
  reason: { code: string; message: string } = { code: '', message: '' }
): StoredState {
  const stored = { state: stageOf(state), at, ...reason }
  transaction.put(stateKey(key), StoredState.encode(stored))
  return stored
}

async function readState(transaction: Transaction, key: string): Promise<StoredState | undefined> {
  const bytes = await transaction.get(stateKey(key))
  return bytes === undefined ? undefined : StoredState.decode(bytes)
}

export async function readMessage(transaction: Transaction, key: string): Promise<StoredMessage | undefined> {
  const bytes = await transaction.get(messageKey(key))
  return bytes === undefined ? undefined : StoredMessage.decode(bytes)
}

/** The message at `key` as the application sees it. */
export async function readEntry(transaction: Transaction, key: string): Promise<HistoryEntry | undefined> {
  const message = await readMessage(transaction, key)
  if (message === undefined) return undefined
  const state = await readState(transaction, key)
  return message.incoming
    ? { direction: 'in', ...incomingMessage(message, state !== undefined) }
    : { direction: 'out', ...outgoingMessage(message, state) }
}

export function incomingMessage(stored: StoredMessage, read: boolean): IncomingMessage {
  const { id, peer, contentType, content, time, otherTime } = stored
  return { id, peer, contentType, content, sentAt: otherTime, receivedAt: time, read }
}

export function outgoingMessage(stored: StoredMessage, state: StoredState | undefined): OutgoingMessage {
  const { id, peer, contentType, content, time, otherTime } = stored
  const reason =
    state === undefined || state.code === '' ? {} : { reason: { code: state.code, message: state.message } }
  return {
    id,
    peer,
    state: STATES[state?.state ?? 0] ?? 'queued',
    contentType,
    content,
    queuedAt: time,
    expiresAt: otherTime,
    stateAt: state?.at ?? time,
    ...reason
  }
}

/** Adds a sequence to sorted, disjoint ranges `first, last, first, last, …`. */
export function addToRanges(ranges: number[], sequence: number): void {
  let at = ranges.length
  // nearly always the next one, or one of the last
  while (at > 0 && ranges[at - 2]! > sequence) at -= 2
  if (at > 0 && sequence <= ranges[at - 1]!) return
  const joinsBefore = at > 0 && ranges[at - 1]! === sequence - 1
  const joinsAfter = at < ranges.length && ranges[at]! === sequence + 1
  if (joinsBefore && joinsAfter) ranges.splice(at - 1, 2)
  else if (joinsBefore) ranges[at - 1] = sequence
  else if (joinsAfter) ranges[at] = sequence
  else ranges.splice(at, 0, sequence, sequence)
}

/** Notes that a sequence of an epoch is on disk. */
export function addDelivered(delivered: DueEpoch[], epoch: Uint8Array, sequence: number): void {
  let due = delivered.find(one => Buffer.compare(one.epoch, epoch) === 0)
  if (due === undefined) {
    due = { epoch: plain(epoch.slice()), ranges: [] }
    delivered.push(due)
  }
  addToRanges(due.ranges, sequence)
}
