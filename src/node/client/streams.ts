import { TalosError } from '../../errors.ts'
import type { AgentNode } from '../agent-node.ts'
import type { OfferedStream } from '../stream-policy.ts'
import type { NodeLink } from './node-link.ts'
import { Waiting } from './waiting.ts'

/** As many as a node holds. */
const MAX_WAITING = 256

/** The node, when it is in this process. Throws STREAM_NEEDS_NODE. */
export async function ownNode(link: NodeLink): Promise<AgentNode> {
  const { own } = await link.node()
  if (own !== undefined) return own
  throw needsNode()
}

/** The streams that peers offer while it is iterated. Throws STREAM_NEEDS_NODE, also when this process is the node no more. */
export async function* offeredStreams(
  link: NodeLink,
  signal: AbortSignal | undefined
): AsyncGenerator<OfferedStream, void> {
  const own = await ownNode(link)
  const waiting = new Waiting<OfferedStream>(MAX_WAITING)
  const wake = (): void => waiting.wake()
  let isOver = false
  void link.node().then(({ ended }) =>
    ended.then(() => {
      isOver = true
      wake()
    })
  )
  const stop = own.services.streamPolicy.onOffer(offer => waiting.push(offer))
  signal?.addEventListener('abort', wake)
  try {
    while (signal?.aborted !== true) {
      const offer = await waiting.next()
      if (isOver) throw needsNode()
      if (offer?.signal.aborted === false) yield offer
    }
  } finally {
    stop()
    signal?.removeEventListener('abort', wake)
  }
}

function needsNode(): TalosError {
  return new TalosError('STREAM_NEEDS_NODE', 'streams are for the program that is the node itself', {
    hint: 'Another process is the node of this data directory: end it ("talos daemon --stop"), or use a data directory of its own.'
  })
}
