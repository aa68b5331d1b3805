import { randomBytes } from 'node:crypto'
import type { Connection } from '@libp2p/interface'
import { crypto } from '../../crypto/index.ts'
import { peerIdOf, publicKeyOf } from '../../crypto/peer-key.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import { type Registration, type RegistryClient, registryClient } from '../../protocols/registry/index.ts'
import { listSessions, type SessionSummary } from '../../protocols/sessions/index.ts'
import { sessionStore } from '../agent.ts'
import { loadConfig } from '../config.ts'
import { resolveDataDir } from '../data-dir.ts'
import { createNode } from '../network/create-node.ts'
import { checkUnchanged, type KnownServer, listServers, rememberServer } from '../server-book.ts'
import { VERSION } from '../version.ts'
import { openWallet, readWalletSummary, type WalletSummary } from '../wallet/index.ts'
import { connectAt, connectKnown } from './connect-server.ts'
import { dialPeer } from './dial-peer.ts'
import type { Directory, RegistryNode } from './directory.ts'
import type {
  FoundPeer,
  FoundPeers,
  NetworkOptions,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingReport,
  RegisterOptions,
  RegisterReport,
  ServerStatus
} from './index.ts'
import { openDirectory, serverOf } from './open-directory.ts'
import { roundTrip } from './round-trip.ts'

/** How long a peer of the address book may take to answer `status`, in milliseconds. */
const STATUS_TIMEOUT = 4_000
/** Peers that `status` asks at a time. */
const STATUS_PEERS = 32

/** Registers the wallet's identity; see index.ts. */
export async function register(options: RegisterOptions): Promise<RegisterReport[]> {
  const wallet = await openWallet(options)
  return withNode(wallet.identity.seed, async node => {
    const targets = await serversToRegisterAt(node, options)
    const reports: RegisterReport[] = []
    for (const { connection, known } of targets) {
      const server = serverOf(connection)
      const name = options.name ?? known?.name ?? wallet.name
      // the addresses are those of the node that serves; this one only speaks for it
      const present = await node.services.registry.lookUpKey(
        connection.remotePeer,
        wallet.identity.publicKey,
        withSignal(options)
      )
      const claim = { name, addresses: present?.addresses ?? [] }
      const receipt = await node.services.registry.register(
        connection.remotePeer,
        claim,
        wallet.identity,
        withSignal(options)
      )
      await rememberServer(
        { ...server, name },
        { ...location(options), acceptChange: options.acceptNewIdentity === true }
      )
      reports.push({
        server: server.peerId,
        address: server.addresses[0]!,
        name,
        expiresAt: receipt.expiresAt,
        heldUntil: receipt.heldUntil,
        isNew: known === undefined
      })
    }
    return reports
  })
}

/** See index.ts. */
export async function ping(reference: string, options: PingOptions): Promise<PingReport> {
  return withDirectory(options, async directory => {
    const peer = await directory.resolve(reference, withSignal(options))
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

/** See index.ts. */
export async function findPeers(prefix: string | undefined, options: NetworkOptions): Promise<FoundPeers> {
  return withDirectory(options, async directory => {
    if (directory.servers.length === 0) throw noServers()
    const answers = await directory.askAll(async (registry, server) => {
      if (prefix !== undefined) return registry.find(server, prefix, withSignal(options))
      return (await everyone(registry, server, options)).flat()
    }, withSignal(options))
    const failed = answers.flatMap(({ error, server }) =>
      error === undefined ? [] : [{ server: server.peerId, error }]
    )
    if (failed.length === answers.length) throw failed[0]!.error
    const found = answers.flatMap(({ value, server }) => (value ?? []).map(one => foundPeer(one, server)))
    return {
      peers: found,
      unreachable: failed.map(({ server, error }) => ({ server, code: error.code, message: error.message }))
    }
  })
}

/** See index.ts. */
export async function status(options: NetworkOptions): Promise<NodeStatus> {
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
    const own =
      key === undefined ? undefined : await registry.lookUpKey(connection.remotePeer, key, withSignal(options))
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

async function peerStatus(
  directory: Directory,
  peer: { name: string; peerId: string; addresses: string[] },
  options: NetworkOptions
): Promise<PeerStatus> {
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

/** The server that was named, or all that are known. */
async function serversToRegisterAt(
  node: RegistryNode,
  options: RegisterOptions
): Promise<Array<{ connection: Connection; known: KnownServer | undefined }>> {
  const remembered = await listServers(location(options))
  const find = (peerId: string): KnownServer | undefined => remembered.find(known => known.peerId === peerId)
  if (options.server !== undefined) {
    const connection = await connectAt(node, options.server, options.signal)
    const server = serverOf(connection)
    if (options.acceptNewIdentity !== true) checkUnchanged(remembered, server)
    return [{ connection, known: find(server.peerId) }]
  }
  const directory = await openDirectory(
    { node, ...location(options), servers: await configured(options) },
    options.signal
  )
  if (directory.servers.length === 0) throw noServers()
  return Promise.all(
    directory.servers.map(async server => ({
      connection: await connectKnown(node, server, options.signal),
      known: find(server.peerId)
    }))
  )
}

async function everyone(
  registry: RegistryClient,
  server: Connection['remotePeer'],
  options: NetworkOptions
): Promise<Registration[][]> {
  const pages: Registration[][] = []
  let after: string | undefined = ''
  while (after !== undefined) {
    const page = await registry.list(server, { after }, withSignal(options))
    pages.push(page.registrations)
    after = page.next
  }
  return pages
}

function foundPeer({ name, publicKey, addresses, expiresAt }: Registration, server: KnownServer): FoundPeer {
  return { name, peerId: peerIdOf(publicKey), addresses: addresses.map(String), expiresAt, server: server.peerId }
}

/** Runs `use` with the directory of a node that has an identity of its own for as long as it takes. */
async function withDirectory<T>(options: NetworkOptions, use: (directory: Directory) => Promise<T>): Promise<T> {
  return withNode(randomBytes(32), async node => {
    const servers = [...(options.servers ?? []), ...(await configured(options))]
    return use(await openDirectory({ node, servers, ...location(options) }, options.signal))
  })
}

async function withNode<T>(seed: Uint8Array, use: (node: RegistryNode) => Promise<T>): Promise<T> {
  const node = await createNode({
    seed,
    role: 'client',
    services: { registry: registryClient() },
    version: VERSION
  })
  await node.start()
  try {
    return await use(node)
  } finally {
    await node.stop()
  }
}

async function configured(options: NetworkOptions): Promise<string[]> {
  return (await loadConfig(location(options))).servers
}

async function summary(options: NetworkOptions): Promise<WalletSummary | undefined> {
  try {
    return await readWalletSummary(location(options))
  } catch (error) {
    if (isTalosError(error, 'WALLET_NOT_FOUND')) return undefined
    throw error
  }
}

function noServers(): TalosError {
  return new TalosError('REGISTRY_NONE', 'no server is known', {
    hint: 'Name one: talos register --server <host:port>. `talos server` runs one.'
  })
}

function failure(error: unknown): { error: { code: string; message: string } } {
  const { message } = error as Error
  return { error: { code: isTalosError(error) ? error.code : 'INTERNAL', message } }
}

function location({ dataDir }: NetworkOptions): { dataDir?: string } {
  return dataDir === undefined ? {} : { dataDir }
}

function withSignal({ signal }: NetworkOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** Milliseconds, to the hundredth. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
