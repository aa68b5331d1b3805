import { once } from 'node:events'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { AbortOptions, PeerInfo } from '@libp2p/interface'

type Factory = ReturnType<typeof circuitRelayTransport>

/**
 * The circuit relay transport, which takes its relays from the servers that the node is connected to. While it has none,
 * libp2p's own walks the hash table for strangers to relay through, and does so without a pause: in an empty table (a server
 * that is down, a node that has just started) that walk never lets another task run.
 */
export function relayTransport(): Factory {
  const create = circuitRelayTransport()
  return components => create(Object.create(components, { randomWalk: { value: { walk: noWalk } } }))
}

/** Finds nobody, until it is told to stop. */
// biome-ignore lint/correctness/useYield: a walk that meets nobody
async function* noWalk({ signal }: AbortOptions = {}): AsyncGenerator<PeerInfo> {
  if (signal !== undefined && !signal.aborted) await once(signal, 'abort')
}
