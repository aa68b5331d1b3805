import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { crypto } from '../../crypto/index.ts'
import { isTalosError, type TalosError } from '../../errors.ts'
import { AgentBridge } from '../../protocols/mcp/agent-bridge.ts'
import { type OpenTunnel, openTunnel } from '../../protocols/mcp/tunnel/client.ts'
import { type RegistryClient, registryClient } from '../../protocols/registry/index.ts'
import { type Sessions, streamSessions } from '../../protocols/sessions/index.ts'
import { type AgentOptions, beginAgent, type OpeningAgent } from '../agent.ts'
import { dialDirect, dialPeer } from '../directory/dial-peer.ts'
import { openDirectory } from '../directory/open-directory.ts'

export interface ConnectMcpOptions extends AgentOptions {
  /** The tool's host: a name, PeerId, did:key or hex key. */
  peer: string
  /** Which tool, when the host serves several. */
  service?: string
  /** The agent's JSON-RPC lines, and where those for it go. */
  input: Readable
  output: Writable
  /** Largest JSON-RPC message, in bytes. @default 10_485_760 */
  maxMessageBytes?: number
  /** What happens to the link. */
  onEvent?: (event: ConnectEvent) => void
  signal?: AbortSignal
}

/** `direct` is false on a relayed connection; `moved` is from such a one to a direct one. `unreachable` is tried again, with `reason`; the link's own troubles are mended below the session. */
export type ConnectEvent =
  | { type: 'connected' | 'moved'; peer: string; direct: boolean }
  /** `missed`: messages of the agent that could not wait for the link; requests among them were answered with an error. */
  | { type: 'resumed'; peer: string; direct: boolean; missed: number }
  | { type: 'interrupted' | 'ended' }
  | { type: 'unreachable'; reason: string }

/** Waits between attempts to reach a host that is gone. Milliseconds; the last one repeats. */
const RECONNECT_BACKOFF = [0, 250, 500, 1_000, 2_000]

/** When a relayed tunnel looks for a direct connection. Milliseconds; the last one repeats. */
const SEEK_DIRECT = [5_000, 15_000, 60_000, 300_000]

/** Trying again does not help against these. */
const FINAL = [
  'TUNNEL_NOT_AUTHORISED',
  'TUNNEL_UNKNOWN_SERVICE',
  'SESSION_NOT_AUTHORISED',
  'SESSION_IDENTITY_CHANGED',
  'PEER_UNKNOWN',
  'PEER_AMBIGUOUS'
]

/**
 * Connects an agent's standard streams to a remote MCP server until the agent closes its side. Every request of the agent
 * gets one answer, also when this throws: WALLET_*, CONFIG_*, STORAGE_*, and the final ones of TUNNEL_*, SESSION_*, PEER_*.
 */
export async function connectMcp(options: ConnectMcpOptions): Promise<void> {
  const bridge = new AgentBridge({
    input: options.input,
    output: options.output,
    peer: options.peer,
    service: options.service ?? '',
    ...(options.maxMessageBytes === undefined ? {} : { maxLine: options.maxMessageBytes })
  })
  const finished = new AbortController()
  const stop = (): void => void bridge.close('talos mcp-connect was stopped')
  options.signal?.addEventListener('abort', stop, { once: true })
  // reads the agent at once: its first request waits here while the link is made
  const running = bridge.run().finally(() => finished.abort())
  try {
    await keepLinked(bridge, options, finished.signal)
  } catch (error) {
    if (!finished.signal.aborted) {
      await bridge.close(sentenceOf(error))
      throw error
    }
  } finally {
    await running
    options.signal?.removeEventListener('abort', stop)
  }
}

async function keepLinked(bridge: AgentBridge, options: ConnectMcpOptions, finished: AbortSignal): Promise<void> {
  const agent = await beginAgent(options)
  const stopped = new AbortController()
  agent.wallet.catch(() => stopped.abort())
  try {
    await linkWith(agent, bridge, options, AbortSignal.any([finished, stopped.signal]))
  } finally {
    // a wallet that does not open is why the rest failed
    if (!finished.aborted) await agent.wallet
  }
}

async function linkWith(
  agent: OpeningAgent,
  bridge: AgentBridge,
  options: ConnectMcpOptions,
  signal: AbortSignal
): Promise<void> {
  const tell = options.onEvent ?? (() => {})
  const node = await agent.createNode<{ sessions: Sessions; registry: RegistryClient }>('client', {
    sessions: agent.sessions({ mayBegin: () => true }),
    registry: registryClient()
  })
  try {
    await node.start()
    const { dataDir, config } = agent
    const directory = await openDirectory({ node, dataDir, servers: config.servers }, signal)
    const target = await directory.resolve(options.peer, { signal })
    const init = {
      self: node.peerId,
      host: peerIdFromString(target.peerId),
      connect: (dialSignal: AbortSignal) => dialPeer(directory, target, dialSignal),
      sessions: node.services.sessions,
      streams: streamSessions(crypto),
      service: options.service ?? '',
      ...(options.maxMessageBytes === undefined ? {} : { maxLine: options.maxMessageBytes })
    }
    for (let failures = 0; !signal.aborted; ) {
      await delay(RECONNECT_BACKOFF[Math.min(failures, RECONNECT_BACKOFF.length - 1)], undefined, { signal })
      try {
        const tunnel = await openTunnel(init, signal)
        const { link, maxLine, connection } = tunnel
        failures = 0
        const path = () => ({ peer: target.peerId, direct: connection().direct })
        tell({ type: 'connected', ...path() })
        link.addEventListener('interrupted', () => tell({ type: 'interrupted' }))
        link.addEventListener('resumed', () => tell({ type: 'resumed', ...path(), missed: bridge.missed }))
        void seekDirect(
          tunnel,
          dialSignal => dialDirect(directory, target, dialSignal),
          () => tell({ type: 'moved', ...path() })
        )
        await bridge.attach(link, maxLine)
        if (!bridge.hasEnded) tell({ type: 'ended' })
      } catch (error) {
        if (signal.aborted) return
        if (isTalosError(error) && FINAL.includes(error.code)) throw error
        failures++
        tell({ type: 'unreachable', reason: (error as Error).message })
      }
    }
  } finally {
    await node.stop()
  }
}

/** For the agent, which sees no standard error: what happened, and what to do. */
function sentenceOf(error: unknown): string {
  const { message, hint } = error as TalosError
  return hint === undefined ? message : `${message}. ${hint}`
}

/** As long as the tunnel goes through a relay, tries now and then to have it without. */
async function seekDirect(
  { link, connection, moveTo }: OpenTunnel,
  dial: (signal: AbortSignal) => Promise<Connection>,
  moved: () => void
): Promise<void> {
  for (let tries = 0; !link.hasEnded; ) {
    try {
      await delay(SEEK_DIRECT[Math.min(tries, SEEK_DIRECT.length - 1)], undefined, { signal: link.signal, ref: false })
      if (connection().direct) {
        tries = 0
        continue
      }
      tries++
      await moveTo(dial, link.signal)
      moved()
    } catch {
      // there is none, or the tunnel has ended: the loop sees which
    }
  }
}
