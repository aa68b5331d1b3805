import type { ConnectMcpOptions } from './node/mcp/connect.ts'
import type { Unsealing, WalletOpening } from './node/wallet/index.ts'

export { endpointFile, resolveDataDir } from './node/data-dir.ts'
export { beginUnsealing } from './node/wallet/unsealing.ts'

// Apart from src/network.ts: a bundle of `talos mcp-connect` holds what this reaches, and no more.

/** See src/node/mcp/connect.ts. */
export async function connectMcp(options: ConnectMcpOptions): Promise<void> {
  return (await import('./node/mcp/connect.ts')).connectMcp(options)
}

/** The wallet that is being unsealed, for connectMcp(), which tells what is wrong with it. */
export function opened(unsealing: Promise<Unsealing>): Promise<WalletOpening> {
  const opening = Promise.all([import('./node/wallet/index.ts'), unsealing]).then(([{ openingOf }, begun]) =>
    openingOf(begun)
  )
  opening.catch(() => {})
  return opening
}
