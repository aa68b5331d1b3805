import type { NodeEvent } from '../control/methods.ts'
import type { NodeLink } from './node-link.ts'
import { Waiting } from './waiting.ts'

/** Broadcasts that wait for a slow reader; beyond them the oldest are lost. */
const MAX_WAITING = 256

/** A message to everybody who listens to a topic: signed by `peer`, and NOT encrypted. */
export interface ReceivedBroadcast {
  topic: string
  /** UUIDv7. */
  id: string
  /** Who said it, proved by its signature. */
  peer: string
  contentType: string
  content: Uint8Array
  /** By the sender's clock. Milliseconds since the epoch. */
  sentAt: number
  /** The content as UTF-8 text. */
  readonly text: string
}

/** Listens to a topic as long as it is iterated, also when another process becomes the node. */
export async function* broadcastsOf(
  link: NodeLink,
  topic: string,
  signal: AbortSignal
): AsyncGenerator<ReceivedBroadcast, void> {
  const waiting = new Waiting<ReceivedBroadcast>(MAX_WAITING)
  let name: string | undefined
  let isJoined = false
  const stop = link.onEvent(event => {
    if (event.type === 'broadcast' && event.topic === name) waiting.push(received(event))
    if (event.type !== 'node-changed') return
    isJoined = false
    waiting.wake()
  })
  const onAbort = (): void => waiting.wake()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      if (!isJoined) {
        isJoined = true
        name = (await link.call('topicJoin', { topic }, signal)).topic
      }
      const next = await waiting.next()
      if (next !== undefined) yield next
    }
  } finally {
    stop()
    signal.removeEventListener('abort', onAbort)
    // the node leaves it by itself when it ends, or when this process does
    if (isJoined) await link.call('topicLeave', { topic }).catch(() => {})
  }
}

function received({ type: _, ...broadcast }: NodeEvent & { type: 'broadcast' }): ReceivedBroadcast {
  return {
    ...broadcast,
    get text() {
      return new TextDecoder().decode(broadcast.content)
    }
  }
}
