import type { PeerId } from '@libp2p/interface'
import { crypto } from '../../crypto/index.ts'
import { peerIdOf, publicKeyOf } from '../../crypto/peer-key.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import type { Registration, RegistryClient } from '../../protocols/registry/index.ts'
import { listSessions, type SessionSummary } from '../../protocols/sessions/index.ts'
import type { KnownPeer } from '../address-book.ts'
import { sessionStore } from '../agent.ts'
import { resolveDataDir } from '../data-dir.ts'
import type { KnownServer } from '../server-book.ts'
import { openWallet, readWalletSummary, type WalletSummary } from '../wallet/index.ts'
import { connectKnown } from './connect-server.ts'
import { dialPeer } from './dial-peer.ts'
import { type Directory, noServers } from './directory.ts'
import { roundTrip } from './round-trip.ts'
import type {
  FoundPeer,
  FoundPeers,
  NetworkOptions,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingReport,
  ServerFailure,
  ServerStatus
} from './types.ts'
import { locationOf, signalOf, withDirectory } from './with-node.ts'

/** How long a peer of the address book may take to answer `status`, in milliseconds. */
const STATUS_TIMEOUT = 4_000
/** Peers that `status` asks at a time. */
const STATUS_PEERS = 32
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

/** The identity of a data directory, and which servers and peers can be reached from here. Needs no passphrase. */
export async function networkStatus(options: NetworkOptions): Promise<NodeStatus> {
  const wallet = await summary(options)
  const dataDir = resolveDataDir(options.dataDir)
  return withDirectory(options, async directory => {
    const [servers, peers, sessions] = await Promise.all([
      Promise.all(directory.servers.map(server => serverStatus(directory, server, wallet, options))),
      Promise.all(directory.peers.slice(0, STATUS_PEERS).map(peer => peerStatus(directory, peer, options))),
      sessionsOf(wallet, dataDir)
    ])
    return { identity: wallet, dataDir, servers, peers, ...(sessions === undefined ? {} : { sessions }) }
  })
}

/** The sessions on disk; undefined when they cannot be read for want of the passphrase, which status does not ask for. */
async function sessionsOf(wallet: WalletSummary | undefined, dataDir: string): Promise<SessionSummary[] | undefined> {
  if (wallet === undefined) return []
  try {
    return await listSessions(sessionStore(await openWallet({ dataDir }), dataDir), crypto)
  } catch (error) {
    if (isTalosError(error, 'WALLET_PASSPHRASE_MISSING')) return undefined
    throw error
  }
}

async function serverStatus(
  directory: Directory,
  server: KnownServer,
  wallet: WalletSummary | undefined,
  options: NetworkOptions
): Promise<ServerStatus> {
  const report = { peerId: server.peerId, addresses: server.addresses }
  try {
    const connection = await connectKnown(directory.node, server, options.signal)
    const time = rounded(await roundTrip(connection, options.signal))
    const key = wallet === undefined ? undefined : publicKeyOf(wallet.peerId)
    const registry = directory.node.services.registry
    const own = key === undefined ? undefined : await registry.lookUpKey(connection.remotePeer, key, signalOf(options))
    return {
      ...report,
      reachable: true,
      roundTrip: time,
      ...(own === undefined
        ? {}
        : { registered: { name: own.name, expiresAt: own.expiresAt, addresses: own.addresses.map(String) } })
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    return { ...report, reachable: false, ...failure(error) }
  }
}

async function peerStatus(directory: Directory, peer: KnownPeer, options: NetworkOptions): Promise<PeerStatus> {
  const report = { name: peer.name, peerId: peer.peerId }
  const timeout = AbortSignal.timeout(STATUS_TIMEOUT)
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout])
  try {
    const connection = await dialPeer(directory, peer, signal)
    const time = await roundTrip(connection, signal)
    return { ...report, reachable: true, direct: connection.direct, roundTrip: rounded(time) }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!timeout.aborted) return { ...report, reachable: false, ...failure(error) }
    return { ...report, reachable: false, error: { code: 'NETWORK_PEER_UNREACHABLE', message: 'no answer' } }
  }
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

async function summary(options: NetworkOptions): Promise<WalletSummary | undefined> {
  try {
    return await readWalletSummary(locationOf(options))
  } catch (error) {
    if (isTalosError(error, 'WALLET_NOT_FOUND')) return undefined
    throw error
  }
}

function failure(error: unknown): { error: { code: string; message: string } } {
  const { message } = error as Error
  return { error: { code: isTalosError(error) ? error.code : 'INTERNAL', message } }
}

/** Milliseconds, to the hundredth. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
