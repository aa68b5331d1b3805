import { join } from 'node:path'
import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { crypto } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { type Broadcasts, broadcasts } from '../../protocols/broadcast/index.ts'
import { type MailboxServer, mailboxServer } from '../../protocols/mailbox/index.ts'
import { type RegistryServer, registryServer } from '../../protocols/registry/index.ts'
import { keepConnected } from '../chain/keep-connected.ts'
import { networkAt } from '../chain/network-at.ts'
import { NetworkChain, type NetworkChainComponents } from '../chain/network-chain.ts'
import { type Config, type ConfigInput, loadConfig } from '../config.ts'
import { prepareDataDir, resolveDataDir } from '../data-dir.ts'
import { mailboxLimits } from '../mailbox/limits.ts'
import { type MonitorAddress, startMonitor } from '../monitor/http.ts'
import { createNode, type TalosNode } from '../network/create-node.ts'
import { SERVER_LIMITS, type ServerLimits } from '../network/limits.ts'
import { openStorage } from '../storage.ts'
import { VERSION } from '../version.ts'
import { EvidenceExchange } from '../witness/evidence-exchange.ts'
import { serverGater } from './gater.ts'
import type { Health } from './health.ts'
import { hostKey, providedKey } from './identity.ts'
import { checkFree, endpoints, multiaddrOf } from './listen.ts'
import { ServerMetrics } from './metrics.ts'

export const DEFAULT_PORT = 8765

export interface ServerOptions {
  /** @default TALOS_DATA_DIR, else the platform's data directory; the server keeps to `server/` in it */
  dataDir?: string
  /** TCP. 0 for any free one. @default 8765 */
  port?: number
  /** WebSocket. @default the port after `port` */
  wsPort?: number
  /** An address or name of this machine. @default all of its addresses */
  host?: string
  /** Multiaddrs to tell others instead of those found out. */
  announce?: string[]
  /** A file that holds the identity's seed, instead of `server/identity.key`. */
  identityFile?: string
  /** Serve /healthz, /readyz and /metrics over HTTP. */
  metrics?: MonitorAddress
  /** The chain that it shares with others, and with whom. @default the configuration's */
  chain?: ConfigInput['chain']
  /** @default the configuration's, else SERVER_LIMITS */
  limits?: Partial<ServerLimits>
}

export interface RunningServer {
  peerId: string
  dataDir: string
  /** Multiaddrs with the PeerId, TCP before WebSocket. */
  addresses: string[]
  /** Where /metrics is, when it was asked for. */
  metricsUrl: string | undefined
  limits: ServerLimits
  health(): Health
  /** Lets requests in flight finish, then closes everything. Takes less than five seconds. */
  stop(): Promise<void>
}

/** `mailbox` is there unless the configuration says no. */
type ServerNode = TalosNode<{ registry: RegistryServer; broadcasts: Broadcasts; mailbox?: MailboxServer }>

/**
 * Starts a bootstrap server: an entry into the network, a relay for peers that cannot be dialled, the registry, a forwarder
 * of broadcasts, and a mailbox unless the configuration says `mailbox: false`.
 * Throws NETWORK_PORT_IN_USE, NETWORK_PORT_DENIED, NETWORK_LISTEN_FAILED, NETWORK_HOST_INVALID, NETWORK_ANNOUNCE_INVALID,
 * CONFIG_INVALID, CHAIN_NETWORK_*, STORAGE_*.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const startedAt = Date.now()
  const dataDir = join(resolveDataDir(options.dataDir), 'server')
  const port = options.port ?? DEFAULT_PORT
  const listen = await endpoints(options.host, port, options.wsPort ?? (port === 0 ? 0 : port + 1))
  const announce = options.announce?.map(checkedAnnounce)
  const { limits, hasMailbox, chain } = await configured(options)
  // libp2p starts without an address that it cannot listen on; a server must not
  for (const endpoint of listen) await checkFree(endpoint)
  await prepareDataDir(resolveDataDir(options.dataDir))
  const seed = await (options.identityFile === undefined
    ? hostKey(join(dataDir, 'identity.key'))
    : providedKey(options.identityFile))

  // in the order of their start; they stop in the reverse one
  const started: Array<() => Promise<void>> = []
  const stopAll = async (): Promise<void> => {
    for (let stop = started.pop(); stop !== undefined; stop = started.pop()) await stop()
  }
  let node: ServerNode | undefined
  let network: NetworkChain | undefined
  let components: NetworkChainComponents | undefined
  let ready = false
  const health = (): Health => ({
    ready,
    uptime: Math.floor((Date.now() - startedAt) / 1000),
    connections: node?.getConnections().length ?? 0,
    reservations: node?.services.relay?.reservations.size ?? 0,
    registrations: node?.services.registry.size ?? 0,
    mailboxes: node?.services.mailbox?.recipients ?? 0,
    mailboxItems: node?.services.mailbox?.items ?? 0,
    mailboxBytes: node?.services.mailbox?.bytes ?? 0
  })
  const metrics = new ServerMetrics(
    { version: VERSION, startedAt, connections: () => node?.getConnections() ?? [] },
    health,
    () => network
  )
  started.push(async () => metrics.stop())
  try {
    // first and last, so that it says what is not there yet and what is going
    const monitor = options.metrics === undefined ? undefined : await startMonitor(options.metrics, metrics, health)
    if (monitor !== undefined) started.push(() => monitor.close())
    const storage = await openStorage(dataDir)
    started.push(() => storage.close())
    node = (await createNode<{ registry: RegistryServer; mailbox: MailboxServer }>({
      signer: crypto.ed25519.fromSeed(seed),
      role: 'server',
      listen: listen.map(multiaddrOf),
      ...(announce === undefined ? {} : { announce }),
      limits,
      gater: serverGater(limits, () => node),
      onRelayed: bytes => metrics.relayed(bytes),
      services: {
        registry: registryServer({
          database: storage.of('registry'),
          limits: { maxRegistrations: limits.maxRegistrations },
          onAnswer: (request, status) => metrics.answered(request, status)
        }),
        ...(hasMailbox
          ? {
              mailbox: mailboxServer({
                database: storage.of('mailbox'),
                limits: mailboxLimits(limits),
                onAnswer: (request, status) => metrics.mailboxAnswered(request, status)
              })
            }
          : {}),
        broadcasts: (own: Parameters<ReturnType<typeof broadcasts>>[0] & NetworkChainComponents) => {
          components = own
          return broadcasts({
            crypto,
            identity: crypto.ed25519.fromSeed(seed),
            forward: { maxListeners: limits.maxConnections }
          })(own)
        }
      } as never,
      version: VERSION
    })) as ServerNode
    started.push(async () => node?.stop())
    dropReservationsOfTheGone(node)
    await node.start()
    if (node.services.dialer.listening().length === 0) {
      throw new TalosError('NETWORK_LISTEN_FAILED', `cannot listen on port ${port}`)
    }
    if (chain.network !== undefined) {
      const params = await networkAt(resolveDataDir(options.dataDir), chain.network)
      const identity = crypto.ed25519.fromSeed(seed)
      let exchange: EvidenceExchange | undefined
      const { broadcasts: gossip } = node.services
      const onConviction = (_: unknown, evidence: Uint8Array): void => {
        exchange?.found(evidence).catch(() => {})
      }
      network = await NetworkChain.open({ params, dataDir, identity, broadcasts: gossip, onConviction }, components!)
      started.push(async () => network?.stop())
      await network.start()
      exchange = new EvidenceExchange(gossip, [network.evidenceKeeper])
      started.push(async () => exchange.close())
      const own = node
      const connections = keepConnected(chain.peers ?? [], (address, signal) =>
        own.dial(multiaddr(address), { signal })
      )
      started.push(async () => connections.stop())
    }
    ready = true
    return {
      peerId: node.peerId.toString(),
      dataDir,
      addresses: printed(node),
      metricsUrl: monitor?.url,
      limits,
      health,
      stop: async () => {
        ready = false
        await stopAll()
      }
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}

/** The flags over the configuration over the defaults. */
async function configured({ dataDir, limits = {}, chain = {} }: ServerOptions): Promise<{
  limits: ServerLimits
  hasMailbox: boolean
  chain: Config['chain']
}> {
  const config = await loadConfig({ ...(dataDir === undefined ? {} : { dataDir }), flags: { limits, chain } })
  const given = Object.entries(config.limits).filter(([, value]) => value !== undefined)
  return {
    limits: { ...SERVER_LIMITS, ...(Object.fromEntries(given) as Partial<ServerLimits>) },
    hasMailbox: config.mailbox ?? true,
    chain: config.chain
  }
}

/**
 * A reservation ends with the connection that made it (circuit relay v2). js-libp2p keeps it for its two hours, so that peers
 * that come and go would fill the table.
 */
function dropReservationsOfTheGone(node: ServerNode): void {
  node.addEventListener('peer:disconnect', ({ detail: peer }: CustomEvent<PeerId>) => {
    const reservations = node.services.relay?.reservations
    reservations?.get(peer)?.signal.clear()
    reservations?.delete(peer)
  })
}

function printed(node: ServerNode): string[] {
  const addresses = node.getMultiaddrs().map(String)
  return addresses.sort((a, b) => Number(a.includes('/ws')) - Number(b.includes('/ws')))
}

function checkedAnnounce(text: string): string {
  try {
    if (multiaddr(text).getComponents().length > 0) return text
  } catch {
    // said below, with an example
  }
  throw new TalosError('NETWORK_ANNOUNCE_INVALID', `${JSON.stringify(text)} is not a multiaddr`, {
    hint: 'For example /dns4/talos.example/tcp/8765 or /ip4/192.0.2.7/tcp/8765.'
  })
}
