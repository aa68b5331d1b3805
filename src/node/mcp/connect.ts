import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { isTalosError, type TalosError } from '../../errors.ts'
import { AgentBridge } from '../../protocols/mcp/agent-bridge.ts'
import { SessionRecords } from '../../protocols/mcp/records/session-records.ts'
import { type OpenStream, type OpenTunnel, openTunnel } from '../../protocols/mcp/tunnel/client.ts'
import type { AgentOptions } from '../agent.ts'
import { NodeLink } from '../client/node-link.ts'
import type { JoinedNode } from '../join.ts'
import type { TunnelTarget } from '../tunnels/types.ts'
import { NodeRecording } from './recording.ts'

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
  /** The calls cannot be recorded in the audit chain: it is tried again, and when too much waits for it, none is made any more. */
  | { type: 'not-recording'; reason: string }

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

/** Nobody who knows the host could be asked: this machine may have been switched on before its network. */
const UNASKED = ['REGISTRY_UNREACHABLE', 'REGISTRY_TIMEOUT']

/** What is wrong here, and not on the way to the host: final, unless it worked before. */
const OWN = /^(WALLET|CONFIG|STORAGE|NODE)_/

/**
 * Connects an agent's standard streams to a remote MCP server until the agent closes its side. Every request of the agent
 * gets one answer, also when this throws: WALLET_*, CONFIG_*, STORAGE_*, NODE_*, and the final ones of TUNNEL_*, SESSION_*, PEER_*.
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

async function keepLinked(bridge: AgentBridge, options: ConnectMcpOptions, signal: AbortSignal): Promise<void> {
  const tell = options.onEvent ?? (() => {})
  const first = Promise.withResolvers<void>()
  await using nodes = new NodeLink({ ...options, role: 'client', first: first.promise, signal })
  await using recording = NodeRecording.through(nodes, error => tell({ type: 'not-recording', reason: error.message }))
  const find = (): Promise<TunnelTarget> =>
    nodes.use(async node => {
      await prepared(node, options.config?.servers)
      return node.tunnels.resolve(options.peer, signal)
    }, signal)
  let found: TunnelTarget | undefined
  let hasConnected = false
  for (let failures = 0; !signal.aborted; ) {
    try {
      await delay(RECONNECT_BACKOFF[Math.min(failures, RECONNECT_BACKOFF.length - 1)], undefined, { signal })
      found ??= await find()
      const target = found
      const open: OpenStream = (request, openSignal) =>
        nodes.use(node => node.tunnels.opener(target)(request, openSignal), openSignal)
      const tunnel = await openTunnel(
        {
          open,
          service: options.service ?? '',
          ...(options.maxMessageBytes === undefined ? {} : { maxLine: options.maxMessageBytes })
        },
        signal
      )
      first.resolve()
      const { link, recordsId, maxLine, service, connection } = tunnel
      failures = 0
      hasConnected = true
      const path = () => ({ peer: target.peerId, direct: connection().direct })
      tell({ type: 'connected', ...path() })
      link.addEventListener('interrupted', () => tell({ type: 'interrupted' }))
      link.addEventListener('resumed', () => tell({ type: 'resumed', ...path(), missed: bridge.missed }))
      const dial = async (dialSignal: AbortSignal): Promise<OpenStream> => {
        const { tunnels } = await nodes.node(dialSignal)
        return tunnels.opener(target, await tunnels.dialDirect(target, dialSignal))
      }
      void seekDirect(tunnel, dial, () => tell({ type: 'moved', ...path() }))
      const records = new SessionRecords(recording, { side: 'asked', peer: target.peerId, service })
      await bridge.attach(link, { maxLine, recorded: { recordsId, records } })
      if (!bridge.hasEnded) tell({ type: 'ended' })
    } catch (error) {
      first.resolve()
      if (signal.aborted) return
      const code = isTalosError(error) ? error.code : ''
      if (FINAL.includes(code) || (!hasConnected && OWN.test(code))) throw error
      if (found === undefined && !UNASKED.includes(code)) throw error
      failures++
      tell({ type: 'unreachable', reason: (error as Error).message })
    }
  }
}

/** The node in this process knows what the options say; one that runs already is told. */
async function prepared({ own, tunnels }: JoinedNode, servers: readonly string[] | undefined): Promise<void> {
  if (own === undefined && servers !== undefined) await tunnels.prepare({ servers })
}

/** For the agent, which sees no standard error: what happened, and what to do. */
function sentenceOf(error: unknown): string {
  const { message, hint } = error as TalosError
  return hint === undefined ? message : `${message}. ${hint}`
}

/** As long as the tunnel goes through a relay, tries now and then to have it without. */
async function seekDirect(
  { link, connection, moveTo }: OpenTunnel,
  dial: (signal: AbortSignal) => Promise<OpenStream>,
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
