import { existsSync } from 'node:fs'
// not by way of index.ts: an agent program waits for this, and the rest of the SDK need not be loaded
import { beginUnsealing, connectMcp, endpointFile, opened, resolveDataDir } from '../connect.ts'
import type { ConnectEvent } from '../index.ts'
import { interruption } from './interrupt.ts'

/** The flags of `talos mcp-connect`. */
export interface ConnectFlags {
  'data-dir'?: string | undefined
  'max-message'?: number | undefined
  quiet?: boolean | undefined
  server?: string[] | undefined
  service?: string | undefined
}

/** Carries out `talos mcp-connect`. Throws as connectMcp(). */
export async function connect(peer: string, flags: ConnectFlags): Promise<void> {
  const dataDir = resolveDataDir(flags['data-dir'])
  // a node that runs has opened its wallet; else what takes longest goes first, while the rest is loaded
  const unsealing = existsSync(endpointFile(dataDir)) ? undefined : beginUnsealing({ dataDir })
  await unsealing?.catch(() => {}) // it is told where it is used
  await connectMcp({
    peer,
    dataDir,
    ...(unsealing === undefined ? {} : { opening: opened(unsealing) }),
    input: process.stdin,
    output: process.stdout,
    signal: interruption(['SIGINT', 'SIGTERM', 'SIGHUP']),
    ...(flags.server === undefined ? {} : { config: { servers: flags.server } }),
    ...(flags.service === undefined ? {} : { service: flags.service }),
    ...(flags['max-message'] === undefined ? {} : { maxMessageBytes: flags['max-message'] }),
    ...(flags.quiet === true ? {} : { onEvent: event => process.stderr.write(`talos: ${lineOf(event)}\n`) })
  })
}

function lineOf(event: ConnectEvent): string {
  switch (event.type) {
    case 'connected':
      return `connected to ${event.peer}${event.direct ? '' : ', through a relay'}`
    case 'moved':
      return 'the link is direct now'
    case 'interrupted':
      return 'the link is interrupted, taking it up again'
    case 'resumed':
      return `the link is back${event.direct ? '' : ', through a relay'}: ${
        event.missed === 0
          ? 'nothing was lost'
          : `${event.missed} of the agent's messages could not wait (requests were answered with an error)`
      }`
    case 'ended':
      return 'the link has ended, making another'
    case 'unreachable':
      return `cannot reach the host: ${event.reason}`
    case 'not-recording':
      return `${event.reason}; when too many wait for it, no more are made`
  }
}
