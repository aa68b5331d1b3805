import type { ServiceMap } from '@libp2p/interface'
import { crypto } from '../../src/crypto/index.ts'
import { createNode, type NodeInit, type TalosNode } from '../../src/node/network/create-node.ts'

/** A started node on a free loopback port. Stop it with `await using` or stop(). */
export async function startNode<S extends ServiceMap = Record<never, never>>({
  seed,
  ...init
}: Partial<NodeInit<S>> & { seed?: Uint8Array } = {}): Promise<TalosNode<S> & AsyncDisposable> {
  const node = await createNode<S>({
    signer: seed === undefined ? crypto.ed25519.generate() : crypto.ed25519.fromSeed(seed),
    role: 'client',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    version: 'test',
    ...init
  })
  await node.start()
  return Object.assign(node, { [Symbol.asyncDispose]: async () => node.stop() })
}

export { within } from './within.ts'
