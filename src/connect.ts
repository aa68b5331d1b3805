import type { AgentOptions } from './node/agent.ts'
import type { ConnectMcpOptions } from './node/mcp/connect.ts'
import { beginOpening, type WalletOpening } from './node/wallet/index.ts'

// Apart from src/network.ts: a bundle of `talos mcp-connect` holds what this reaches, and no more.

/** See src/node/mcp/connect.ts. */
export async function connectMcp(options: ConnectMcpOptions): Promise<void> {
  const begun = await opening(options)
  return (await import('./node/mcp/connect.ts')).connectMcp({ ...options, ...begun })
}

/**
 * Deriving the wallet's key takes as long as loading libp2p, which keeps this thread busy: the former must have begun before
 * the latter for both to go on side by side.
 */
export async function opening(options: AgentOptions): Promise<{ opening?: Promise<WalletOpening> }> {
  if (options.wallet !== undefined) return {}
  const begun = options.opening ?? beginOpening(options)
  await begun.catch(() => {}) // it is told where the wallet is used
  return { opening: begun }
}
