import type { OpenOptions, OutgoingStream } from '../../protocols/streams/index.ts'
import type { OfferedStream } from './stream-policy.ts'

/** The streams of the node of a data directory, in this process or another. All throw NODE_GONE when it ends meanwhile. */
export interface NodeStreams {
  /** Opens a stream to a peer, by whatever it is called. Throws PEER_*, and as Streams.open(). */
  open(peer: string, options: OpenOptions): Promise<OutgoingStream>
  /** Each offer from now on goes to `decider`, and to the other ones; the first answer counts. Returns the function that ends it. */
  onOffer(decider: (offer: OfferedStream) => void): Promise<() => void>
}
