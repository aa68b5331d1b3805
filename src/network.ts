import { TalosClient, type TalosClientOptions } from './node/client/talos-client.ts'
import type { NodeGreeting } from './node/control/methods.ts'
import type { DaemonOptions, RunningDaemon } from './node/daemon.ts'
import type {
  FoundPeers,
  NetworkOptions,
  NodeStatus,
  PingOptions,
  PingReport,
  RegisterOptions,
  RegisterReport
} from './node/directory/types.ts'
import type { McpHost, ServeMcpOptions } from './node/mcp/serve.ts'
import type { AcceptKeyOptions } from './node/peer-keys.ts'
import type { RunningServer, ServerOptions } from './node/server/server.ts'

// What needs libp2p is loaded when it is first called, so that `import 'talos-protocol'` and the commands that need no
// network stay quick.

/** See src/node/mcp/serve.ts. */
export async function serveMcp(options: ServeMcpOptions): Promise<McpHost> {
  return (await import('./node/mcp/serve.ts')).serveMcp(options)
}

/** See src/node/server/server.ts. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  return (await import('./node/server/server.ts')).startServer(options)
}

/** See src/node/directory/register.ts. */
export async function registerAgent(options: RegisterOptions = {}): Promise<RegisterReport> {
  const report = await (await import('./node/directory/register.ts')).registerAgent(options)
  await (await import('./node/control/find.ts')).refreshDaemon(options)
  return report
}

/** See src/node/directory/inquire.ts. */
export async function pingPeer(reference: string, options: PingOptions = {}): Promise<PingReport> {
  return (await import('./node/directory/inquire.ts')).pingPeer(reference, options)
}

/** See src/node/directory/inquire.ts. */
export async function findPeers(prefix?: string, options: NetworkOptions = {}): Promise<FoundPeers> {
  return (await import('./node/directory/inquire.ts')).findPeers(prefix, options)
}

/** See src/node/status.ts. */
export async function nodeStatus(options: NetworkOptions = {}): Promise<NodeStatus> {
  return (await import('./node/status.ts')).nodeStatus(options)
}

/** See src/node/peer-keys.ts. */
export async function acceptPeerKey(options: AcceptKeyOptions): Promise<boolean> {
  return (await import('./node/peer-keys.ts')).acceptPeerKey(options)
}

/** Serves Talos's own tools to an agent on standard input and output. See src/node/mcp/agent-tools.ts. */
export async function serveTools(options: TalosClientOptions = {}): Promise<void> {
  await using talos = await TalosClient.create(options)
  const { serveAgentTools } = await import('./node/mcp/agent-tools.ts')
  await serveAgentTools({ talos, ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }) })
}

/** See src/node/daemon.ts. */
export async function startDaemon(options: DaemonOptions = {}): Promise<RunningDaemon> {
  return (await import('./node/daemon.ts')).startDaemon(options)
}

/** See src/node/daemon.ts. */
export async function startWitness(options: DaemonOptions = {}): Promise<RunningDaemon> {
  return (await import('./node/daemon.ts')).startWitness(options)
}

/** See src/node/daemon.ts. */
export async function findDaemon(
  options: { dataDir?: string; signal?: AbortSignal } = {}
): Promise<NodeGreeting | undefined> {
  return (await import('./node/control/find.ts')).findDaemon(options)
}

/** See src/node/daemon.ts. */
export async function stopDaemon(
  options: { dataDir?: string; signal?: AbortSignal } = {}
): Promise<NodeGreeting | undefined> {
  return (await import('./node/control/find.ts')).stopDaemon(options)
}
