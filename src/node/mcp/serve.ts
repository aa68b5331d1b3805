import { setTimeout as delay } from 'node:timers/promises'
import { TalosError } from '../../errors.ts'
import { HostSession } from '../../protocols/mcp/host-session.ts'
import { HostedTunnels } from '../../protocols/mcp/tunnel/hosted.ts'
import { listPeers } from '../address-book.ts'
import type { AgentOptions } from '../agent.ts'
import { NodeLink } from '../client/node-link.ts'
import { resolveDataDir } from '../data-dir.ts'
import type { JoinedNode } from '../join.ts'
import type { MonitorAddress } from '../monitor/http.ts'
import { monitorAt } from '../monitor/monitor-at.ts'
import { resolvePeer } from '../peer-ref.ts'
import type { OfferedAt } from '../tunnels/types.ts'
import { Offers, type Services } from './offers.ts'
import { NodeRecording } from './recording.ts'
import type { RegistrationEvent } from './registration-news.ts'

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
  /** Serve /healthz, /readyz and /metrics over HTTP. */
  metrics?: MonitorAddress
  onEvent?: (event: ServeEvent) => void
}

/** What the owner may want to see. */
export type ServeEvent =
  | { type: 'session-opened' | 'session-ended'; peer: string; service: string }
  | { type: 'server-stderr'; peer: string; service: string; line: string }
  /** The node was lost, and offering the services at the next one does not succeed yet. */
  | { type: 'not-serving'; reason: string }
  /** Calls cannot be recorded in the audit chain: agents get errors until they can. */
  | { type: 'not-recording'; reason: string }
  | RegistrationEvent

export interface McpHost extends AsyncDisposable {
  readonly peerId: string
  /** Multiaddrs that others are told; of a node in another process, when the services were offered there. */
  addresses(): string[]
  /** Multiaddrs that the node listens on, whatever it announces. */
  listening(): string[]
  /** Where /metrics is, when it was asked for. */
  readonly metricsUrl: string | undefined
  readonly sessionCount: number
  /** Ends all sessions, with an answer to everything in flight, and their processes. */
  stop(): Promise<void>
}

/** Waits between attempts to offer the services again when the node was lost. Milliseconds; the last one repeats. */
const OFFER_BACKOFF = [0, 100, 250, 500, 1_000, 2_000]

/**
 * Serves MCP servers to the peers that are named, and to nobody else, through the node of the data directory: the one that runs,
 * or one in this process. Throws USAGE_NOBODY_AUTHORISED, PEER_*, WALLET_*, CONFIG_*, STORAGE_*, NETWORK_*, NODE_*,
 * TUNNEL_SERVICE_TAKEN.
 */
export async function serveMcp(options: ServeMcpOptions): Promise<McpHost> {
  if (options.authorizedPeers.length === 0) {
    throw new TalosError('USAGE_NOBODY_AUTHORISED', 'nobody is authorised to use this tool', {
      hint: 'Name who is with --authorized-peer, once for each.'
    })
  }
  const authorizedPeers = await authorisedPeers(options.authorizedPeers, resolveDataDir(options.dataDir))
  const onEvent = options.onEvent ?? (() => {})
  let tunnels: HostedTunnels | undefined
  let node: JoinedNode | undefined
  const monitor = await monitorAt(options.metrics, { node: () => node?.own, tunnels: () => tunnels?.size ?? 0 })
  const offers = new Offers(options.services, (peer, service, line) =>
    onEvent({ type: 'server-stderr', peer, service, line })
  )
  const limits = options.maxMessageBytes === undefined ? {} : { maxLine: options.maxMessageBytes }
  const offering = { services: Object.keys(options.services), authorizedPeers }
  const nodes = new NodeLink({ ...options, role: 'agent', offering })
  const recording = NodeRecording.through(nodes, error => onEvent({ type: 'not-recording', reason: error.message }))
  const hosted = new HostedTunnels({
    ...limits,
    ...(options.grace === undefined ? {} : { grace: options.grace }),
    prepare: (peer, service) => offers.prepare(peer, service),
    serve: async (link, { peer, service, recordsId, signal, maxLine }) => {
      const where = { peer, service }
      onEvent({ type: 'session-opened', ...where })
      await new HostSession({
        link,
        signal,
        ...where,
        ...limits,
        recordsId,
        agentMaxLine: maxLine,
        recording,
        server: offers.sourceFor(peer, service),
        ...(monitor === undefined ? {} : { onCall: (outcome, time) => monitor.called(outcome, time) }),
        ...(node?.own === undefined ? {} : { log: node.own.libp2p.logger.forComponent('talos:mcp:session') }),
        ...(options.callTimeout === undefined ? {} : { callTimeout: options.callTimeout })
      }).run()
      onEvent({ type: 'session-ended', ...where })
    }
  })
  tunnels = hosted
  const over = new AbortController()
  let place: OfferedAt

  /** At the node, and at the next one when it ends meanwhile. */
  async function offer(): Promise<void> {
    place = await nodes.use(joined => {
      node = joined
      return offerAt(joined)
    }, over.signal)
    if (monitor !== undefined) monitor.ready = true
  }

  async function offerAt({ own, tunnels }: JoinedNode): Promise<OfferedAt> {
    // the node in this process knows what the options say; one that runs already is told
    if (own === undefined) await tunnels.prepare(options.config ?? {}, over.signal)
    return tunnels.offer({ ...offering, tunnels: hosted })
  }

  async function offerAgain(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await delay(OFFER_BACKOFF[Math.min(attempt, OFFER_BACKOFF.length - 1)], undefined, { signal: over.signal })
        return await offer()
      } catch (error) {
        if (over.signal.aborted) return
        // the first attempts may meet the end of the node, which is no news
        if (attempt > 1) onEvent({ type: 'not-serving', reason: (error as Error).message })
      }
    }
  }

  async function stop(): Promise<void> {
    over.abort()
    if (monitor !== undefined) monitor.ready = false
    await Promise.all([offers.stop(), hosted.stop()])
    await recording[Symbol.asyncDispose]()
    await nodes[Symbol.asyncDispose]()
    offers.close()
    await monitor?.[Symbol.asyncDispose]()
  }

  try {
    await offer()
  } catch (error) {
    await stop()
    throw error
  }
  nodes.onEvent(event => {
    // another process that is the node counts for itself
    if (node?.own !== undefined) monitor?.told(event)
    if (event.type === 'registered' || event.type === 'not-registered') onEvent(event)
    if (event.type !== 'node-changed') return
    if (monitor !== undefined) monitor.ready = false
    void offerAgain()
  })
  return {
    get peerId() {
      return node!.greeting.peerId
    },
    addresses: () => (node?.own?.tunnels.offeredAt() ?? place).addresses,
    listening: () => (node?.own?.tunnels.offeredAt() ?? place).listening,
    metricsUrl: monitor?.url,
    get sessionCount() {
      return hosted.size
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
}

async function authorisedPeers(references: readonly string[], dataDir: string): Promise<string[]> {
  const book = (await listPeers({ dataDir })).map(peer => ({ ...peer, source: 'petname' as const }))
  return references.map(reference => resolvePeer(reference, book).peerId)
}
