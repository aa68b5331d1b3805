import type { ConnectMcpOptions } from './node/mcp/connect.ts'
import type { McpHost, ServeMcpOptions } from './node/mcp/serve.ts'

// What needs libp2p is loaded when it is first called, so that `import 'talos-protocol'` and the commands that need no
// network stay quick.

/** See src/node/mcp/serve.ts. */
export async function serveMcp(options: ServeMcpOptions): Promise<McpHost> {
  return (await import('./node/mcp/serve.ts')).serveMcp(options)
}

/** See src/node/mcp/connect.ts. */
export async function connectMcp(options: ConnectMcpOptions): Promise<void> {
  return (await import('./node/mcp/connect.ts')).connectMcp(options)
}
