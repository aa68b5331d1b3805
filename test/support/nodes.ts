import { randomBytes } from 'node:crypto'
import type { ServiceMap } from '@libp2p/interface'
import { createNode, type NodeInit, type TalosNode } from '../../src/node/network/create-node.ts'

/** A started node on a free loopback port. Stop it with `await using` or stop(). */
export async function startNode<S extends ServiceMap = Record<never, never>>(
  init: Partial<NodeInit<S>> = {}
): Promise<TalosNode<S> & AsyncDisposable> {
  const node = await createNode<S>({
    seed: randomBytes(32),
    role: 'client',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    version: 'test',
    ...init
  })
  await node.start()
  return Object.assign(node, { [Symbol.asyncDispose]: async () => node.stop() })
}

export { within } from './within.ts'
