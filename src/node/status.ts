import { attach } from './control/client.ts'
import { resolveDataDir } from './data-dir.ts'
import { networkStatus } from './directory/status.ts'
import type { NetworkOptions, NodeStatus } from './directory/types.ts'

/**
 * The identity of a data directory, what can be reached from here, and the node that runs with its connections. Where none
 * runs, what can be reached is found out without the wallet. Throws CONFIG_*, STORAGE_*, NODE_*.
 */
export async function nodeStatus(options: NetworkOptions): Promise<NodeStatus> {
  await using running = await attach(resolveDataDir(options.dataDir))
  if (running === undefined) return networkStatus(options)
  // awaited here: the connection is closed when this function returns
  return await running.api.status({}, options.signal === undefined ? {} : { signal: options.signal })
}
