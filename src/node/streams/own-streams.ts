import type { OpenOptions, OutgoingStream } from '../../protocols/streams/index.ts'
import type { AgentNode } from '../agent-node.ts'
import type { OfferedStream } from './stream-policy.ts'
import type { NodeStreams } from './types.ts'

/** The streams of the node in this process. */
export class OwnStreams implements NodeStreams {
  readonly #node: AgentNode

  constructor(node: AgentNode) {
    this.#node = node
  }

  open(peer: string, options: OpenOptions): Promise<OutgoingStream> {
    return this.#node.services.openStream(peer, options)
  }

  async onOffer(decider: (offer: OfferedStream) => void): Promise<() => void> {
    return this.#node.services.streamPolicy.onOffer(decider)
  }
}
