import type { Message } from './message.ts'

/** The line with its id replaced by `id` (raw JSON as latin1 text); the line itself when that is its id already. */
export function withId(line: Uint8Array, message: Message, id: string): Uint8Array {
  return message.id === id ? line : splice(line, message.idStart, message.id!, id)
}

/** The same for params.requestId of notifications/cancelled. */
export function withRequestId(line: Uint8Array, message: Message, id: string): Uint8Array {
  return message.requestId === id ? line : splice(line, message.requestIdStart, message.requestId!, id)
}

function splice(line: Uint8Array, start: number, old: string, raw: string): Uint8Array {
  return Buffer.concat([line.subarray(0, start), Buffer.from(raw, 'latin1'), line.subarray(start + old.length)])
}
