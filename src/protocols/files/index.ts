import type { ComponentLogger, Connection, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { CryptoProvider } from '../../crypto/index.ts'
import type { MainSessions, Recorder, SessionStore } from '../sessions/index.ts'
import { FileService } from './files.ts'
import type { FileLimits } from './limits.ts'
import type { MediaClass } from './media-type.ts'
import type { Reason, TransferState } from './records.ts'

/**
 * Files and directories from peer to peer (docs/spec/file.md): offered, accepted, verified chunk by chunk, resumed after
 * whatever broke, complete on disk when it says so.
 */
export { DownloadFolder } from './folder.ts'
export type { FileLimits } from './limits.ts'
export type { MediaClass } from './media-type.ts'
export type { Reason, TransferState } from './records.ts'

/** What somebody wants to send us. The size was checked against the limits; nothing else is known to be true. */
export interface FileOffer {
  id: string
  peer: string
  /** As it would be named in the download folder, unless that name is taken. */
  name: string
  directory: boolean
  /** Bytes of content. */
  size: number
  /** Files and directories inside; 1 for a file. */
  entries: number
  mediaType: string
  mediaClass: MediaClass
}

export type FileDecision = { accept: true } | { accept: false; reason: string }

export interface FilesInit {
  sessions: MainSessions
  store: SessionStore
  crypto: CryptoProvider
  /** A connection to the peer: an open one, or a new one. Throws NETWORK_PEER_UNREACHABLE. */
  connect(peer: PeerId, signal: AbortSignal): Promise<Connection>
  /** Made when it is first needed. What is not complete is in its folder `.partial`. */
  downloadDir: string
  /** Asked once for each offer that is within the limits. May take as long as somebody needs to decide. */
  decide(offer: FileOffer, signal: AbortSignal): Promise<FileDecision>
  /** Records what became of transfers in the transaction in which it does. @default nothing is recorded */
  record?: Recorder
  /** @default DEFAULT_LIMITS (limits.ts) */
  limits?: Partial<FileLimits>
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number
}

export interface FilesComponents {
  peerId: PeerId
  registrar: Registrar
  logger: ComponentLogger
}

/** What became of something sent or received. */
export interface Transfer {
  id: string
  direction: 'in' | 'out'
  peer: string
  name: string
  directory: boolean
  mediaType: string
  /** Bytes of content, and entries (files and directories inside; 1 for a file). */
  size: number
  entries: number
  /** `waiting`: for the peer, or for its consent. `active`: on its way. */
  state: TransferState
  /** Of those, verified and written by the receiver. */
  doneBytes: number
  doneEntries: number
  /** Bytes per second, over the last seconds of an active transfer. */
  rate: number
  /** Where it is: what is sent, or what has arrived. */
  path: string | undefined
  /** Why it failed or was cancelled, or why it waits. */
  reason: Reason | undefined
  /** It has failed, and goes on where it was when the same is sent to the same peer again. */
  resumable: boolean
  /** Of a directory that is sent: what is neither file nor directory and was left out; the first hundred paths, and how many. */
  skipped: readonly string[]
  skippedCount: number
  createdAt: number
  updatedAt: number
}

export interface FilesEvents {
  /** A decision is asked for. */
  offer: CustomEvent<FileOffer>
  /** An offer was refused, by a limit or by the decision; `code` is the error that its sender gets. */
  refused: CustomEvent<{ offer: FileOffer; code: string }>
  /** Something of a transfer changed: its state, or what is verified. A few times a second at most. */
  progress: CustomEvent<Transfer>
  done: CustomEvent<Transfer>
  /** It failed or was cancelled; `reason` says why. */
  failed: CustomEvent<Transfer>
}

export interface Files extends TypedEventTarget<FilesEvents> {
  /**
   * Sends a file or directory. Resolves when the transfer is on disk: from then on it is tried until the peer has it, refuses it, or
   * it expires after 14 days, also over restarts. Something unchanged that was not finished goes on where it was.
   * Throws FILE_SOURCE when it cannot be read.
   */
  send(peer: PeerId, path: string, options?: { signal?: AbortSignal }): Promise<Transfer>
  /** Resolves when the transfer is done. Throws its reason when it failed or was cancelled, FILE_UNKNOWN, the signal's reason. */
  completed(id: string, signal: AbortSignal): Promise<Transfer>
  /** Resolves when what was decided on an offer is in effect: one that was accepted is on disk, and listed. Throws why it is not. */
  decided(id: string): Promise<void>
  /** Newest first: what is under way, and the last thousand that are over. */
  list(): Transfer[]
  /** Ends a transfer of either direction for good and removes what has arrived of it. Throws FILE_UNKNOWN, FILE_OVER. */
  cancel(id: string): Promise<Transfer>
}

export function files(init: FilesInit): (components: FilesComponents) => Files {
  return components => new FileService(components, init)
}
