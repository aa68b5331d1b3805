import { join } from 'node:path'
import * as z from 'zod/mini'
import { TalosError } from '../errors.ts'
import { checkDataDir, prepareDataDir, resolveDataDir } from './data-dir.ts'
import { JsonStore } from './json-store.ts'

/** More servers than anybody has; the one seen longest ago goes first. */
const MAX_SERVERS = 32

/** A bootstrap server that this node has used. */
export interface KnownServer {
  peerId: string
  /** Multiaddrs under which it was reached. */
  addresses: string[]
  /** Milliseconds since the epoch. */
  lastSeen: number
}

const SCHEMA = z.strictObject({
  version: z.literal(1),
  servers: z.array(
    z.strictObject({
      peerId: z.string().check(z.maxLength(64)),
      addresses: z.array(z.string().check(z.maxLength(512))).check(z.maxLength(16)),
      lastSeen: z.int()
    })
  )
})

/** The servers of `servers.json`, the one seen last first. Throws STORAGE_*. */
export async function listServers(options: { dataDir?: string } = {}): Promise<KnownServer[]> {
  const dataDir = resolveDataDir(options.dataDir)
  if (!(await checkDataDir(dataDir))) return []
  return (await store(dataDir).read()).servers
}

/**
 * Remembers a server that was reached just now. Throws REGISTRY_SERVER_CHANGED when one of its addresses was another
 * server's before: somebody may stand in between. With `acceptChange` the new one takes its place. Throws STORAGE_*.
 */
export async function rememberServer(
  server: KnownServer,
  options: { dataDir?: string; acceptChange?: boolean } = {}
): Promise<void> {
  const dataDir = resolveDataDir(options.dataDir)
  await prepareDataDir(dataDir)
  await store(dataDir).update(({ version, servers }) => {
    const displaced = servers.filter(known => known.peerId !== server.peerId && sharesAddress(known, server))
    if (displaced[0] !== undefined && options.acceptChange !== true) {
      throw new TalosError(
        'REGISTRY_SERVER_CHANGED',
        `the server at ${server.addresses[0]} is ${server.peerId} now; it was ${displaced[0].peerId}`,
        { hint: 'Ask whoever runs it. Until you know why, treat it as an attack.' }
      )
    }
    const others = servers.filter(known => known.peerId !== server.peerId && !displaced.includes(known))
    return { version, servers: [server, ...others].sort((a, b) => b.lastSeen - a.lastSeen).slice(0, MAX_SERVERS) }
  })
}

const store = (dataDir: string) => new JsonStore(join(dataDir, 'servers.json'), SCHEMA, { version: 1, servers: [] })

function sharesAddress(a: KnownServer, b: KnownServer): boolean {
  const addresses = new Set(a.addresses.map(withoutPeer))
  return b.addresses.some(address => addresses.has(withoutPeer(address)))
}

const withoutPeer = (address: string) => address.replace(/\/p2p\/[^/]+$/, '')
