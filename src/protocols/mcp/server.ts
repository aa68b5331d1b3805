import type { Readable } from 'node:stream'
import { Child, type ServerSpec } from './child.ts'
import type { Era, Eras } from './era.ts'
import type { Guardian } from './guardian.ts'

/** How a server ended. */
export interface ServerEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

/** An MCP server that a session talks to, in lines. */
export interface RunningServer {
  /** Chunks of what it writes; ends when no more can come. */
  readonly output: Readable
  /** Resolved when it has ended and all that it wrote has been handed out. */
  readonly ended: Promise<ServerEnd>
  /** Hands it lines, in call order; resolves when there is room for more, or nobody to read. */
  send(lines: readonly Uint8Array[]): Promise<void>
  /** Ends it; resolves when nothing of it is left. */
  stop(): Promise<void>
}

/** Where the servers of a service come from: one for each session, and another when one has ended too soon. */
export interface ServerSource {
  /** @throws TalosError TUNNEL_SERVER_START */
  start(): Promise<RunningServer>
  /** Which era of MCP its servers speak. @throws TalosError TUNNEL_SERVER_START */
  era(): Promise<Era>
}

/** Servers that are processes of this machine. */
export function processServers(
  spec: ServerSpec,
  { guardian, eras, onStderr }: { guardian: Guardian; eras: Eras; onStderr?: (line: string) => void }
): ServerSource {
  return {
    start: () => Child.start(spec, onStderr === undefined ? { guardian } : { guardian, onStderr }),
    era: () => eras.of(spec)
  }
}
