import type { AgentOptions } from './node/agent.ts'
import type { ConnectMcpOptions } from './node/mcp/connect.ts'
import type { McpHost, ServeMcpOptions } from './node/mcp/serve.ts'
import { openWallet, type Wallet } from './node/wallet/index.ts'

// What needs libp2p is loaded when it is first called, so that `import 'talos-protocol'` and the commands that need no
// network stay quick.

/** See src/node/mcp/serve.ts. */
export async function serveMcp(options: ServeMcpOptions): Promise<McpHost> {
  const wallet = opening(options)
  return (await import('./node/mcp/serve.ts')).serveMcp({ ...options, wallet })
}

/** See src/node/mcp/connect.ts. */
export async function connectMcp(options: ConnectMcpOptions): Promise<void> {
  const wallet = opening(options)
  return (await import('./node/mcp/connect.ts')).connectMcp({ ...options, wallet })
}

/** Deriving the wallet's key and loading libp2p take as long as each other, and go on side by side. */
function opening(options: AgentOptions): Promise<Wallet> {
  const wallet = options.wallet ?? openWallet(options)
  wallet.catch(() => {}) // it is told where the wallet is used
  return wallet
}
