import type { PeerId } from '@libp2p/interface'
import { peerIdOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import type { Registration, RegistryClient } from '../../protocols/registry/index.ts'
import type { KnownServer } from '../server-book.ts'
import { dialPeer } from './dial-peer.ts'
import { noServers } from './directory.ts'
import { roundTrip } from './round-trip.ts'
import type { FoundPeer, FoundPeers, NetworkOptions, PingOptions, PingReport, ServerFailure } from './types.ts'
import { signalOf, withDirectory } from './with-node.ts'

/** Peers of one server that are listed. */
const MAX_LISTED = 1_000
/** Pages that are asked for: a registry may have empty ones between, a hostile one no end of them. */
const MAX_PAGES = 100
/** A registry refuses shorter ones. */
const MIN_PREFIX = 3

/**
 * Finds a peer, connects to it and measures. Throws PEER_UNKNOWN, PEER_AMBIGUOUS, NETWORK_PEER_UNREACHABLE,
 * NETWORK_PING_FAILED, REGISTRY_*.
 */
export async function pingPeer(reference: string, options: PingOptions): Promise<PingReport> {
  return withDirectory(options, async directory => {
    const peer = await directory.resolve(reference, signalOf(options))
    const start = performance.now()
    const connection = await dialPeer(directory, peer, options.signal)
    const connected = performance.now() - start
    const times: number[] = []
    for (let sent = 0; sent < (options.count ?? 1); sent++) {
      const time = await roundTrip(connection, options.signal)
      times.push(time)
      options.onRoundTrip?.(time)
    }
    return {
      peerId: peer.peerId,
      ...(peer.name === undefined ? {} : { name: peer.name }),
      address: connection.remoteAddr.toString(),
      direct: connection.direct,
      connectTime: rounded(connected),
      roundTrips: times.map(rounded)
    }
  })
}

/**
 * The registered peers whose name, PeerId, did:key or hex key begins with `prefix` (3 characters or more; up to 16 of each
 * server), or all. Throws REGISTRY_NONE, USAGE_PREFIX_SHORT, and the error of a server when none could be asked.
 */
export async function findPeers(prefix: string | undefined, options: NetworkOptions): Promise<FoundPeers> {
  if (prefix !== undefined && prefix.length < MIN_PREFIX) {
    throw new TalosError(
      'USAGE_PREFIX_SHORT',
      `${JSON.stringify(prefix)} is too short: give ${MIN_PREFIX} characters or more`
    )
  }
  return withDirectory(options, async directory => {
    if (directory.servers.length === 0) throw noServers()
    const answers = await directory.askAll(
      (registry, server) =>
        prefix === undefined ? everyone(registry, server, options) : startingWith(registry, server, prefix, options),
      signalOf(options)
    )
    const failed: ServerFailure[] = answers.flatMap(({ error, server }) =>
      error === undefined ? [] : [{ server: server.peerId, code: error.code, message: error.message }]
    )
    if (failed.length === answers.length) throw answers[0]!.error
    return {
      peers: answers.flatMap(({ value, server }) => (value?.found ?? []).map(one => foundPeer(one, server))),
      more: answers.some(({ value }) => value?.more === true),
      failed
    }
  })
}

interface Listed {
  found: Registration[]
  more: boolean
}

async function startingWith(
  registry: RegistryClient,
  server: PeerId,
  prefix: string,
  options: NetworkOptions
): Promise<Listed> {
  return { found: await registry.find(server, prefix, signalOf(options)), more: false }
}

async function everyone(registry: RegistryClient, server: PeerId, options: NetworkOptions): Promise<Listed> {
  const found: Registration[] = []
  let after: string | undefined = ''
  for (let pages = 0; after !== undefined; pages++) {
    if (found.length >= MAX_LISTED || pages >= MAX_PAGES) return { found, more: true }
    const page: Awaited<ReturnType<RegistryClient['list']>> = await registry.list(server, { after }, signalOf(options))
    found.push(...page.registrations)
    after = page.next
  }
  return { found, more: false }
}

function foundPeer({ name, publicKey, addresses, expiresAt }: Registration, server: KnownServer): FoundPeer {
  return { name, peerId: peerIdOf(publicKey), addresses: addresses.map(String), expiresAt, server: server.peerId }
}

/** Milliseconds, to the hundredth. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
