import type { OfferedStream } from '../streams/stream-policy.ts'
import type { NodeLink } from './node-link.ts'
import { Waiting } from './waiting.ts'

/** As many as a node holds. */
const MAX_WAITING = 256

/** The streams that peers offer while it is iterated, also when another process becomes the node. */
export async function* offeredStreams(link: NodeLink, signal: AbortSignal): AsyncGenerator<OfferedStream, void> {
  const waiting = new Waiting<OfferedStream>(MAX_WAITING)
  let leave = (): void => {}
  let isDeciding = false
  const stop = link.onEvent(({ type }) => {
    if (type !== 'node-changed') return
    isDeciding = false
    waiting.wake()
  })
  const onAbort = (): void => waiting.wake()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      if (!isDeciding) {
        isDeciding = true
        leave()
        leave = await link.use(({ streams }) => streams.onOffer(offer => waiting.push(offer)), signal)
      }
      const offer = await waiting.next()
      if (offer?.signal.aborted === false) yield offer
    }
  } finally {
    stop()
    leave()
    signal.removeEventListener('abort', onAbort)
  }
}
