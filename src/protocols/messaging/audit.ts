import type { Entry, Field } from '../../chain/index.ts'
import type { CryptoProvider } from '../../crypto/index.ts'
import type { StoredMessage } from './pb/records.ts'

const MESSAGE = 'message/'

/** What a message is called in the chains of both sides. */
export const operationOf = (id: string): string => `${MESSAGE}${id}`

/** The id of the message that is called so; undefined when something else is. */
export const messageOf = (operation: string): string | undefined =>
  operation.startsWith(MESSAGE) ? operation.slice(MESSAGE.length) : undefined

/** The field that says what a message said: the SHA-256 of its content, which is kept once, in the history. */
export const HASH = 'hash'

/** The record of a message that was queued for its peer, or handed to the application. */
export function messageEntry(
  crypto: CryptoProvider,
  { incoming, peer, id, contentType, content, otherTime }: StoredMessage
): Entry {
  return {
    kind: 'MESSAGE',
    operation: operationOf(id),
    // the id of one that we send was made just now; of one that we receive its sender says which it is
    isFresh: !incoming,
    fields: [
      { name: 'event', value: incoming ? 'received' : 'sent' },
      { name: 'peer', value: peer },
      { name: 'type', value: contentType },
      { name: 'size', value: content.length },
      { name: HASH, value: crypto.sha256(content) },
      { name: incoming ? 'sent-at' : 'expires-at', value: otherTime }
    ]
  }
}

/** What became of messages that were sent to a peer: their ids, 16 bytes each. */
export function outcomeEntry(
  event: 'delivered' | 'failed',
  peer: string,
  ids: readonly Uint8Array[],
  reason?: string
): Entry {
  const fields: Field[] = [
    { name: 'event', value: event },
    { name: 'peer', value: peer },
    { name: 'messages', value: Buffer.concat(ids) }
  ]
  return { kind: 'MESSAGE', fields: reason === undefined ? fields : [...fields, { name: 'reason', value: reason }] }
}
