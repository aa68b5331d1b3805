import { resolveDataDir } from '../data-dir.ts'
import { attach } from './client.ts'
import type { NodeGreeting } from './methods.ts'

/** The node that runs for the data directory; undefined when there is none. Throws NODE_VERSION, NODE_STUCK. */
export async function findDaemon(
  options: { dataDir?: string; signal?: AbortSignal } = {}
): Promise<NodeGreeting | undefined> {
  await using node = await attach(resolveDataDir(options.dataDir), options.signal)
  return node?.greeting
}

/** Ends the node that runs, and waits for its end. Undefined when there is none. Throws NODE_VERSION, NODE_STUCK. */
export async function stopDaemon(
  options: { dataDir?: string; signal?: AbortSignal } = {}
): Promise<NodeGreeting | undefined> {
  await using node = await attach(resolveDataDir(options.dataDir), options.signal)
  if (node === undefined) return undefined
  await node.api.stop({}, options.signal === undefined ? {} : { signal: options.signal })
  await node.ended
  return node.greeting
}

/** Tells the node that runs, if one does, that the files which it goes by have changed. */
export async function refreshDaemon(options: { dataDir?: string } = {}): Promise<void> {
  await using node = await attach(resolveDataDir(options.dataDir))
  await node?.api.refresh({})
}
