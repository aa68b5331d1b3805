export { didKeyOf, hexOf, peerIdOf, publicKeyOf } from './crypto/peer-key.ts'
export { isTalosError, TalosError, type TalosErrorOptions } from './errors.ts'
export { connectMcp, serveMcp } from './network.ts'
export { addPeer, type KnownPeer, listPeers, removePeer } from './node/address-book.ts'
export { resolveDataDir } from './node/data-dir.ts'
export {
  type FoundPeer,
  type FoundPeers,
  findPeers,
  type NetworkOptions,
  type NodeStatus,
  type PeerStatus,
  type PingOptions,
  type PingReport,
  ping,
  type RegisterOptions,
  type RegisterReport,
  register,
  type ServerStatus,
  status
} from './node/directory/index.ts'
export { TalosClientTransport, type TalosClientTransportOptions } from './node/mcp/client-transport.ts'
export type { ConnectEvent, ConnectMcpOptions } from './node/mcp/connect.ts'
export type { McpHost, ServeEvent, ServeMcpOptions } from './node/mcp/serve.ts'
export {
  configFileOf,
  installMcpClient,
  MCP_CLIENTS,
  type McpClient,
  type McpClientChange,
  type McpClientOptions,
  type McpServerEntry,
  uninstallMcpClient
} from './node/mcp-clients.ts'
export { type PeerCandidate, type ResolvedPeer, resolvePeer } from './node/peer-ref.ts'
export { type RunningServer, type ServerOptions, startServer } from './node/server/index.ts'
export {
  type ChangePassphraseOptions,
  type CreatedWallet,
  type CreateWalletOptions,
  changePassphrase,
  createWallet,
  exportPhrase,
  type OpenWalletOptions,
  openWallet,
  type PassphraseSource,
  passphraseFromEnvironment,
  passphraseMissing,
  readWalletSummary,
  SHORT_PASSPHRASE,
  type Wallet,
  type WalletIdentity,
  type WalletLocation,
  type WalletSummary
} from './node/wallet/index.ts'
export { parseCommand } from './protocols/mcp/command.ts'
export { TalosServerTransport } from './protocols/mcp/in-process-server.ts'
export type { McpTransport } from './protocols/mcp/mcp-transport.ts'
export type { SessionSummary } from './protocols/sessions/index.ts'
