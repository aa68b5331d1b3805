import { randomBytes } from 'node:crypto'
import { registryClient } from '../../protocols/registry/index.ts'
import { loadConfig } from '../config.ts'
import { createNode } from '../network/create-node.ts'
import { VERSION } from '../version.ts'
import type { Directory, RegistryNode } from './directory.ts'
import { openDirectory } from './open-directory.ts'
import type { NetworkOptions } from './types.ts'

/** Runs `use` with a node of that identity, which listens nowhere and ends with it. */
export async function withNode<T>(seed: Uint8Array, use: (node: RegistryNode) => Promise<T>): Promise<T> {
  const node = await createNode({
    seed,
    role: 'client',
    services: { registry: registryClient() },
    version: VERSION
  })
  await node.start()
  try {
    return await use(node)
  } finally {
    await node.stop()
  }
}

/** Runs `use` with a directory whose node has an identity of its own: it needs no wallet, and disturbs no node that runs. */
export async function withDirectory<T>(options: NetworkOptions, use: (directory: Directory) => Promise<T>): Promise<T> {
  return withNode(randomBytes(32), async node => {
    const servers = [...(options.servers ?? []), ...(await configuredServers(options))]
    return use(await openDirectory({ node, servers, ...locationOf(options) }, options.signal))
  })
}

/** The servers of the configuration. Throws CONFIG_INVALID. */
export async function configuredServers(options: NetworkOptions): Promise<string[]> {
  return (await loadConfig(locationOf(options))).servers
}

export function locationOf({ dataDir }: NetworkOptions): { dataDir?: string } {
  return dataDir === undefined ? {} : { dataDir }
}

export function signalOf({ signal }: NetworkOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
