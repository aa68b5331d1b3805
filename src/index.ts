export { didKeyOf, hexOf, peerIdOf, publicKeyOf } from './crypto/peer-key.ts'
export { isTalosError, TalosError, type TalosErrorOptions } from './errors.ts'
export {
  acceptPeerKey,
  connectMcp,
  findPeers,
  networkStatus,
  pingPeer,
  registerAgent,
  serveMcp,
  startServer
} from './network.ts'
export { addPeer, type KnownPeer, listPeers, removePeer } from './node/address-book.ts'
export { resolveDataDir } from './node/data-dir.ts'
export type {
  FoundPeer,
  FoundPeers,
  NetworkOptions,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingReport,
  RegisterOptions,
  RegisterReport,
  RegistrationReport,
  ServerFailure,
  ServerStatus
} from './node/directory/types.ts'
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
export type { AcceptKeyOptions } from './node/peer-keys.ts'
export { type PeerCandidate, type ResolvedPeer, resolvePeer } from './node/peer-ref.ts'
export type { RunningServer, ServerOptions } from './node/server/server.ts'
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
