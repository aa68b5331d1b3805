/**
 * Broadcasts: messages to everybody (recipient `*`) who listens to a named topic, over gossipsub. Signed by their sender,
 * checked before they are forwarded, and NEVER ENCRYPTED: anybody may listen. Wire form: docs/spec/broadcast.md.
 *
 * @example
 * const node = await createNode({ …, services: { broadcasts: broadcasts({ crypto, identity }) } })
 * node.services.broadcasts.addEventListener('broadcast', ({ detail }) => { … })
 * node.services.broadcasts.subscribe('weather')
 */
import { BroadcastService, type Broadcasts, type BroadcastsComponents, type BroadcastsInit } from './broadcasts.ts'

export type { Broadcasts, BroadcastsInit, Channel, ChannelVerdict } from './broadcasts.ts'
export type { Broadcast } from './envelope.ts'

export function broadcasts(init: BroadcastsInit): (components: BroadcastsComponents) => Broadcasts {
  return components => new BroadcastService(components, init)
}
