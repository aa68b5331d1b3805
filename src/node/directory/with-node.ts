import { crypto } from '../../crypto/index.ts'
import { registryClient } from '../../protocols/registry/index.ts'
import { loadConfig } from '../config.ts'
import { createNode } from '../network/create-node.ts'
import type { NodeSigner } from '../network/signer.ts'
import { VERSION } from '../version.ts'
import type { Directory, RegistryNode } from './directory.ts'
import { openDirectory } from './open-directory.ts'
import type { NetworkOptions } from './types.ts'

/** Runs `use` with a node of that identity, which listens nowhere and ends with it. */
export async function withNode<T>(signer: NodeSigner, use: (node: RegistryNode) => Promise<T>): Promise<T> {
  const node = await createNode({
    signer,
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
  return withNode(crypto.ed25519.generate(), async node => {
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
