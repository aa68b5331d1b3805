import { resolveDataDir } from './data-dir.ts'
import { networkStatus } from './directory/status.ts'
import type { NetworkOptions, NodeStatus } from './directory/types.ts'
import { whicheverHolds } from './store-access.ts'

/**
 * The identity of a data directory, what can be reached from here, and the node that runs with its connections. Where none
 * runs, what can be reached is found out without the wallet. Throws CONFIG_*, STORAGE_*, NODE_*.
 */
export async function nodeStatus(options: NetworkOptions): Promise<NodeStatus> {
  const { signal } = options
  return whicheverHolds(resolveDataDir(options.dataDir), {
    node: api => api.status({}, signal === undefined ? {} : { signal }),
    nobody: () => networkStatus(options),
    ...(signal === undefined ? {} : { signal })
  })
}
