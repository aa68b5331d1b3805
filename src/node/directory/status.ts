import { storedStateOf } from '../../chain/index.ts'
import { crypto } from '../../crypto/index.ts'
import { publicKeyOf } from '../../crypto/peer-key.ts'
import { isTalosError } from '../../errors.ts'
import { listSessions } from '../../protocols/sessions/index.ts'
import type { KnownPeer } from '../address-book.ts'
import { openStore } from '../agent.ts'
import { resolveDataDir } from '../data-dir.ts'
import type { KnownServer } from '../server-book.ts'
import { openWallet, readWalletSummary, type WalletSummary } from '../wallet/index.ts'
import { storedReport } from '../witness/stored-report.ts'
import { connectKnown } from './connect-server.ts'
import { dialPeer } from './dial-peer.ts'
import type { Directory } from './directory.ts'
import { rounded, roundTrip } from './round-trip.ts'
import type { NetworkOptions, NodeStatus, PeerStatus, ServerStatus } from './types.ts'
import { locationOf, withDirectory } from './with-node.ts'

/** How long a peer of the address book may take to answer `status`, in milliseconds. */
const STATUS_TIMEOUT = 4_000
/** Peers that `status` asks at a time. */
const STATUS_PEERS = 32

/** The identity of a data directory, and which servers and peers can be reached from here. Needs no passphrase. */
export async function networkStatus(options: NetworkOptions): Promise<NodeStatus> {
  const identity = await summary(options)
  const dataDir = resolveDataDir(options.dataDir)
  return withDirectory(options, async directory => {
    const [reach, stored] = await Promise.all([
      reachability(directory, identity?.peerId, options.signal),
      storedOf(identity, dataDir)
    ])
    return { identity, dataDir, ...reach, ...stored }
  })
}

/** Asks every server what it has of the agent `self`, and tries every peer of the address book. */
export async function reachability(
  directory: Directory,
  self: string | undefined,
  signal?: AbortSignal
): Promise<Pick<NodeStatus, 'servers' | 'peers'>> {
  const [servers, peers] = await Promise.all([
    Promise.all(directory.servers.map(server => serverStatus(directory, server, self, signal))),
    Promise.all(directory.peers.slice(0, STATUS_PEERS).map(peer => peerStatus(directory, peer, signal)))
  ])
  return { servers, peers }
}

/** What is on disk; nothing when it cannot be read for want of the passphrase, which status does not ask for. */
async function storedOf(
  wallet: WalletSummary | undefined,
  dataDir: string
): Promise<Pick<NodeStatus, 'sessions' | 'chain' | 'witness'>> {
  if (wallet === undefined) return { sessions: [] }
  try {
    await using store = await openStore(await openWallet({ dataDir }), dataDir)
    const witness = await storedReport(store, dataDir)
    const chain = await storedStateOf(store)
    return {
      sessions: await listSessions(store, crypto),
      ...(chain === undefined ? {} : { chain }),
      ...(witness === undefined ? {} : { witness })
    }
  } catch (error) {
    if (isTalosError(error, 'WALLET_PASSPHRASE_MISSING')) return {}
    throw error
  }
}

async function serverStatus(
  directory: Directory,
  server: KnownServer,
  self: string | undefined,
  signal?: AbortSignal
): Promise<ServerStatus> {
  const report = { peerId: server.peerId, addresses: server.addresses }
  try {
    const connection = await connectKnown(directory.node, server, signal)
    const time = rounded(await roundTrip(connection, signal))
    const key = self === undefined ? undefined : publicKeyOf(self)
    const registry = directory.node.services.registry
    const own =
      key === undefined
        ? undefined
        : await registry.lookUpKey(connection.remotePeer, key, signal === undefined ? {} : { signal })
    return {
      ...report,
      reachable: true,
      roundTrip: time,
      ...(own === undefined
        ? {}
        : { registered: { name: own.name, expiresAt: own.expiresAt, addresses: own.addresses.map(String) } })
    }
  } catch (error) {
    signal?.throwIfAborted()
    return { ...report, reachable: false, ...failure(error) }
  }
}

async function peerStatus(directory: Directory, peer: KnownPeer, outer?: AbortSignal): Promise<PeerStatus> {
  const report = { name: peer.name, peerId: peer.peerId }
  const timeout = AbortSignal.timeout(STATUS_TIMEOUT)
  const signal = outer === undefined ? timeout : AbortSignal.any([outer, timeout])
  try {
    const connection = await dialPeer(directory, peer, signal)
    const time = await roundTrip(connection, signal)
    return { ...report, reachable: true, direct: connection.direct, roundTrip: rounded(time) }
  } catch (error) {
    outer?.throwIfAborted()
    if (!timeout.aborted) return { ...report, reachable: false, ...failure(error) }
    return { ...report, reachable: false, error: { code: 'NETWORK_PEER_UNREACHABLE', message: 'no answer' } }
  }
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
