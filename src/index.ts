export {
  type AnchorProvider,
  type ChainReport,
  type FieldValue,
  fileAnchors,
  type Level,
  parseNoteKey,
  signatureAnchors,
  type Validator
} from './chain/index.ts'
export { KIND, type KindName } from './chain/record.ts'
export { reject as rejectBlock, warn as warnOfBlock } from './chain/validation/context.ts'
export { reportHtml, reportJson, reportMarkdown } from './chain/validation/report.ts'
export { connectMcp } from './connect.ts'
export { didKeyOf, hexOf, peerIdOf, publicKeyOf } from './crypto/peer-key.ts'
export { isTalosError, TalosError, type TalosErrorOptions } from './errors.ts'
export {
  acceptPeerKey,
  findDaemon,
  findPeers,
  nodeStatus,
  pingPeer,
  registerAgent,
  serveMcp,
  serveTools,
  startDaemon,
  startServer,
  startWitness,
  stopDaemon
} from './network.ts'
export { addPeer, type KnownPeer, listPeers, removePeer } from './node/address-book.ts'
export type { RecordedMessage } from './node/audit/history.ts'
export type { DifferingRecord, ReconciledRecord, ReconcileReport } from './node/audit/read/reconcile.ts'
export type {
  AnchorReport,
  ArchiveReport,
  AuditField,
  AuditQuery,
  AuditRecord,
  BlockDetails,
  BlockSummary,
  ChainStatus,
  CheckpointReport,
  EraseReport,
  ProofReport,
  PruneReport
} from './node/audit/read/types.ts'
export type {
  ClaimReport,
  Conviction,
  NetworkBlock,
  NetworkRecord,
  NetworkStatus,
  OpenedRecord
} from './node/chain/types.ts'
export type { TalosAudit, TalosChain, TalosProofs, VerifyChainOptions } from './node/client/audit.ts'
export { auditJson, type ExportOptions } from './node/client/audit-export.ts'
export type { ReceivedBroadcast } from './node/client/broadcasts.ts'
export type { LightOptions, TalosLight } from './node/client/light.ts'
export { SecureChannel } from './node/client/secure-channel.ts'
export { type SendMessageOptions, sendMessage } from './node/client/send-message.ts'
export {
  type CallOptions,
  type ReceivedMessage,
  type SendOptions,
  TalosClient,
  type TalosClientOptions,
  type TalosEvents
} from './node/client/talos-client.ts'
export type { TalosWitnesses } from './node/client/witnesses.ts'
export type {
  BroadcastReport,
  EstablishedSession,
  NodeApi,
  NodeEvent,
  NodeGreeting,
  PrekeyBundleReport
} from './node/control/methods.ts'
export type { DaemonOptions, RunningDaemon } from './node/daemon.ts'
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
  RunningNode,
  ServerFailure,
  ServerStatus
} from './node/directory/types.ts'
export { resolveKnownPeer } from './node/known-peer.ts'
export type { LightCheckpoint, LightPeer, LightRecord, LightStatus } from './node/light/types.ts'
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
export { writeOutputFile } from './node/output-file.ts'
export type { AcceptKeyOptions } from './node/peer-keys.ts'
export { type PeerCandidate, type ResolvedPeer, resolvePeer } from './node/peer-ref.ts'
export {
  readProof,
  readProofFile,
  type VerifiedEvidence,
  type VerifiedProof,
  type VerifyProofOptions,
  verifyEvidence,
  verifyProof
} from './node/proof-file.ts'
export type { RunningServer, ServerOptions } from './node/server/server.ts'
export type { OfferedStream } from './node/streams/stream-policy.ts'
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
export type { WitnessReport, WitnessState } from './node/witness/types.ts'
export type { FileOffer, Transfer } from './protocols/files/index.ts'
export { parseCommand } from './protocols/mcp/command.ts'
export { TalosServerTransport } from './protocols/mcp/in-process-server.ts'
export type { McpTransport } from './protocols/mcp/mcp-transport.ts'
export type {
  Forgotten,
  HistoryEntry,
  IncomingMessage,
  MessageState,
  OutgoingMessage
} from './protocols/messaging/index.ts'
export type { SessionSummary } from './protocols/sessions/index.ts'
export type { IncomingStream, OpenOptions, OutgoingStream, StreamCodec } from './protocols/streams/index.ts'
