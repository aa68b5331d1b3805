import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { crypto } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { HostSession } from '../../protocols/mcp/host-session.ts'
import { type TunnelHost, tunnelHost } from '../../protocols/mcp/tunnel/host.ts'
import { type RegistryClient, registryClient } from '../../protocols/registry/index.ts'
import { type Sessions, streamSessions } from '../../protocols/sessions/index.ts'
import { listPeers } from '../address-book.ts'
import { type AgentOptions, isOneOf, openAgent } from '../agent.ts'
import { type KeptRegistrations, keepRegistered } from '../directory/keep-registered.ts'
import { openDirectory } from '../directory/open-directory.ts'
import { hasIp6 } from '../network/addresses.ts'
import { resolvePeer } from '../peer-ref.ts'
import { Offers, type Services } from './offers.ts'
import { type RegistrationEvent, registrationNews } from './registration-news.ts'

export interface ServeMcpOptions extends AgentOptions {
  /** Who may use the tools: PeerId, did:key, hex key, or a name of the address book. At least one. */
  authorizedPeers: readonly string[]
  /**
   * What is served, by name. At least one. A program to start for each session, or a function that connects an MCP server of
   * this process to the session's transport. The program is started when a peer that may use it comes, beside the handshake;
   * nothing is said to it before the session is there, and when none comes of it, it is ended 10 s later.
   */
  services: Services
  /** Largest JSON-RPC message, in bytes. @default 10_485_760 */
  maxMessageBytes?: number
  /** How long a session whose link fell silent is kept, in milliseconds. @default 30_000 */
  grace?: number
  /** How long one request may take, in milliseconds; 0 for no limit. @default 0 */
  callTimeout?: number
  onEvent?: (event: ServeEvent) => void
}

/** What the owner may want to see. */
export type ServeEvent =
  | { type: 'session-opened' | 'session-ended'; peer: string; service: string }
  | { type: 'server-stderr'; peer: string; service: string; line: string }
  | RegistrationEvent

export interface McpHost extends AsyncDisposable {
  readonly peerId: string
  /** Multiaddrs that others are told. */
  addresses(): string[]
  /** Multiaddrs that the host listens on, whatever it announces. */
  listening(): string[]
  readonly sessionCount: number
  /** Ends all sessions, with an answer to everything in flight, and their processes. */
  stop(): Promise<void>
}

/** Any free ports, of IPv6 too where there is such; peers learn them from the registry. */
function defaultListen(): string[] {
  const everywhere = hasIp6() ? ['/ip4/0.0.0.0', '/ip6/::'] : ['/ip4/0.0.0.0']
  return everywhere.flatMap(address => [`${address}/tcp/0`, `${address}/tcp/0/ws`])
}

/**
 * Serves MCP servers to the peers that are named, and to nobody else. Throws USAGE_NOBODY_AUTHORISED, PEER_*, WALLET_*,
 * CONFIG_*, STORAGE_*, NETWORK_*.
 */
export async function serveMcp(options: ServeMcpOptions): Promise<McpHost> {
  if (options.authorizedPeers.length === 0) {
    throw new TalosError('USAGE_NOBODY_AUTHORISED', 'nobody is authorised to use this tool', {
      hint: 'Name who is with --authorized-peer, once for each.'
    })
  }
  const agent = await openAgent(options)
  const authorised = await authorisedPeers(options.authorizedPeers, agent.dataDir)
  const onEvent = options.onEvent ?? (() => {})
  const offers = new Offers(options.services, (peer, service, line) =>
    onEvent({ type: 'server-stderr', peer, service, line })
  )
  const limits = options.maxMessageBytes === undefined ? {} : { maxLine: options.maxMessageBytes }

  const node = await agent.createNode<{ sessions: Sessions; registry: RegistryClient; mcp: TunnelHost }>(
    'agent',
    {
      sessions: agent.sessions({ mayBegin: authorised }),
      registry: registryClient(),
      mcp: components =>
        tunnelHost({
          services: Object.keys(options.services),
          isAuthorised: authorised,
          sessions: components.sessions,
          streams: streamSessions(crypto),
          ...limits,
          ...(options.grace === undefined ? {} : { grace: options.grace }),
          prepare: (peer, service) => offers.prepare(peer.toString(), service),
          serve: async (link, { peer, service, signal, maxLine }) => {
            const where = { peer: peer.toString(), service }
            onEvent({ type: 'session-opened', ...where })
            await new HostSession({
              link,
              signal,
              ...where,
              ...limits,
              agentMaxLine: maxLine,
              server: offers.sourceFor(where.peer, service),
              log: components.logger.forComponent('talos:mcp:session'),
              ...(options.callTimeout === undefined ? {} : { callTimeout: options.callTimeout })
            }).run()
            onEvent({ type: 'session-ended', ...where })
          }
        })(components)
    },
    agent.config.listen.length > 0 ? agent.config.listen : defaultListen()
  )
  let registrations: KeptRegistrations | undefined
  try {
    await node.start()
    const { servers } = await openDirectory({ node, dataDir: agent.dataDir, servers: agent.config.servers })
    registrations = keepRegistered(node, {
      servers,
      name: agent.wallet.name,
      signer: agent.wallet.identity,
      onChange: registrationNews(onEvent)
    })
  } catch (error) {
    await node.stop()
    throw error
  }

  async function stop(): Promise<void> {
    await Promise.all([offers.stop(), registrations?.stop()])
    await node.stop()
    offers.close()
  }
  return {
    peerId: agent.wallet.peerId,
    addresses: () => node.getMultiaddrs().map(String),
    listening: () => node.services.dialer.listening().map(String),
    get sessionCount() {
      return node.services.mcp.sessionCount
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
}

async function authorisedPeers(references: readonly string[], dataDir: string): Promise<(peer: PeerId) => boolean> {
  const book = (await listPeers({ dataDir })).map(peer => ({ ...peer, source: 'petname' as const }))
  return isOneOf(references.map(reference => peerIdFromString(resolvePeer(reference, book).peerId)))
}
