import type { ConnectMcpOptions } from './node/mcp/connect.ts'

// Apart from src/network.ts: a bundle of `talos mcp-connect` holds what this reaches, and no more.

/** See src/node/mcp/connect.ts. */
export async function connectMcp(options: ConnectMcpOptions): Promise<void> {
  return (await import('./node/mcp/connect.ts')).connectMcp(options)
}
