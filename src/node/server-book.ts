import { join } from 'node:path'
import * as z from 'zod/mini'
import { TalosError } from '../errors.ts'
import { checkDataDir, prepareDataDir, resolveDataDir } from './data-dir.ts'
import { JsonStore } from './json-store.ts'

/** Addresses of one server; the ones used last. */
const MAX_ADDRESSES = 8
/** More servers than anybody has; the one seen longest ago goes first. */
const MAX_SERVERS = 32

/** A bootstrap server that this node has used. */
export interface KnownServer {
  peerId: string
  /** Multiaddrs under which it was reached. */
  addresses: string[]
  /** Milliseconds since the epoch. */
  lastSeen: number
  /** The name under which this agent registers there. @default the wallet's name */
  name?: string
}

const SCHEMA = z.strictObject({
  version: z.literal(1),
  servers: z.array(
    z.strictObject({
      peerId: z.string().check(z.maxLength(64)),
      addresses: z.array(z.string().check(z.maxLength(512))).check(z.maxLength(16)),
      lastSeen: z.int(),
      name: z.optional(z.string().check(z.maxLength(63)))
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
 * Remembers a server that was reached just now, and its addresses beside those known before. Throws REGISTRY_SERVER_CHANGED
 * when one of its addresses was another server's before: somebody may stand in between. With `acceptChange` the new one
 * takes its place. Throws STORAGE_*.
 */
export async function rememberServer(
  server: KnownServer,
  options: { dataDir?: string; acceptChange?: boolean } = {}
): Promise<void> {
  const dataDir = resolveDataDir(options.dataDir)
  await prepareDataDir(dataDir)
  await store(dataDir).update(({ version, servers }) => {
    if (options.acceptChange !== true) checkUnchanged(servers, server)
    const displaced = servers.filter(known => known.peerId !== server.peerId && sharesAddress(known, server))
    const before = servers.find(known => known.peerId === server.peerId)
    const addresses = [...server.addresses, ...(before?.addresses ?? [])].map(withoutPeer)
    const merged = { ...before, ...server, addresses: [...new Set(addresses)].slice(0, MAX_ADDRESSES) }
    const others = servers.filter(known => known !== before && !displaced.includes(known))
    return { version, servers: [merged, ...others].sort((a, b) => b.lastSeen - a.lastSeen).slice(0, MAX_SERVERS) }
  })
}

/** Throws REGISTRY_SERVER_CHANGED when an address of `server` is known as that of a server with another PeerId. */
export function checkUnchanged(known: readonly KnownServer[], server: Omit<KnownServer, 'lastSeen'>): void {
  const before = known.find(one => one.peerId !== server.peerId && sharesAddress(one, server))
  if (before !== undefined) throw serverChanged(server.addresses[0]!, before.peerId, server.peerId)
}

/** The server that is known at one of the addresses, which are written with or without a PeerId. */
export function knownAt(known: readonly KnownServer[], addresses: readonly string[]): KnownServer | undefined {
  return known.find(server => sharesAddress(server, { addresses }))
}

/** The error for a server that answers with another identity than the one that is known. */
export function serverChanged(where: string, known: string, found: string): TalosError {
  return new TalosError('REGISTRY_SERVER_CHANGED', `the server at ${where} is ${found} now; it was ${known}`, {
    hint:
      'Ask whoever runs it. Until you know why, treat it as an attack. ' +
      'If it is right: talos register --server <address> --accept-new-identity'
  })
}

const store = (dataDir: string) => new JsonStore(join(dataDir, 'servers.json'), SCHEMA, { version: 1, servers: [] })

function sharesAddress(a: { addresses: readonly string[] }, b: { addresses: readonly string[] }): boolean {
  const addresses = new Set(a.addresses.map(withoutPeer))
  return b.addresses.some(address => addresses.has(withoutPeer(address)))
}

const withoutPeer = (address: string) => address.replace(/\/p2p\/[^/]+$/, '')
