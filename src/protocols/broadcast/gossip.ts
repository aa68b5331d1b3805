import { type GossipSub, type GossipSubComponents, gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import type { Startable } from '@libp2p/interface'
import { MAX_OUTBOUND_LENGTH, MAX_OWN_TOPICS, MAX_RPC_LENGTH } from './constants.ts'

export interface GossipInit {
  /** A peer's faults as a score of at most 0. */
  score: (peer: string) => number
  /** False for a topic that nobody here has asked for. */
  isJoined: (topic: string) => boolean
  /** The forwarder that agents have in common: it sends to every listener itself. The most that it has, or undefined. */
  hub: number | undefined
}

/** What gossipsub's map of topics may take for one peer at a forwarder: its topics, each counted as 1 KiB and its length. Bytes. */
const TOPIC_BYTES = 2 * MAX_OWN_TOPICS * (1024 + 128)

/** gossipsub with what must differ from its defaults; each change has its reason beside it. */
export function gossip(init: GossipInit): (components: GossipSubComponents) => GossipSub & Startable {
  const create = gossipsub({
    // senders sign their envelopes; a second signature would say who published this copy, which proves nothing
    globalSignaturePolicy: StrictNoSign,
    // a floodsub peer is sent everything, whatever its score
    fallbackToFloodsub: false,
    // publish() itself says when nobody listens, or that nothing was sent
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    maxInboundDataLength: MAX_RPC_LENGTH,
    maxOutboundBufferSize: MAX_OUTBOUND_LENGTH,
    dataTransform: {
      // without it, messages of topics that nobody validates would be kept for 5 s
      inboundTransform: (topic, data) => {
        if (!init.isJoined(topic)) throw new Error('not our topic')
        return data
      },
      outboundTransform: (_, data) => data
    },
    scoreParams: {
      // topics come and go, and the defaults of a topic's score let a peer that stays long send nonsense: only faults count
      appSpecificScore: init.score,
      appSpecificWeight: 1,
      // by default peers behind one NAT are punished for it
      IPColocationFactorWeight: 0
    },
    ...(init.hub === undefined
      ? {}
      : {
          // in a star the mesh is the only way: with gossipsub's 6 to 12 the others would get what they ask for a second later, or not
          D: init.hub,
          Dlo: init.hub,
          Dhi: init.hub,
          maxTopicBytesPerPeer: TOPIC_BYTES
        })
  })
  return components => create(components) as GossipSub & Startable
}
