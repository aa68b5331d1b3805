import { randomBytes } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { crypto } from '../../src/crypto/index.ts'
import { peerIdOf } from '../../src/crypto/peer-key.ts'
import { Directory, type RegistryNode } from '../../src/node/directory/directory.ts'
import type { NodeInit, TalosNode } from '../../src/node/network/create-node.ts'
import { type RunningServer, type ServerOptions, startServer } from '../../src/node/server/server.ts'
import type { KnownServer } from '../../src/node/server-book.ts'
import { type RegistrationSigner, type RegistryClient, registryClient } from '../../src/protocols/registry/index.ts'
import { startNode } from './nodes.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Party {
  seed: Uint8Array
  signer: RegistrationSigner
  peerId: string
}

/** An identity that signs. */
export function party(): Party {
  const seed = new Uint8Array(randomBytes(32))
  const signer = crypto.ed25519.fromSeed(seed)
  return { seed, signer, peerId: peerIdOf(signer.publicKey) }
}

export type AgentNode = TalosNode<{ registry: RegistryClient }> & AsyncDisposable

/** A node with the registry's client; listens nowhere unless it is told to. */
export async function startAgent(init: Partial<NodeInit> & { seed?: Uint8Array } = {}): Promise<AgentNode> {
  return (await startNode({
    listen: [],
    ...init,
    services: { registry: registryClient() }
  } as Partial<NodeInit<{ registry: RegistryClient }>>)) as AgentNode
}

export type TestServer = RunningServer & AsyncDisposable

/** A bootstrap server on free loopback ports. */
export async function startTestServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const server = await startServer({ dataDir: temporaryFolder(), host: '127.0.0.1', port: 0, ...options })
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() })
}

/** The server as it is remembered: its TCP address. */
export function known(server: { peerId: string; addresses: string[] }): KnownServer {
  const address = server.addresses.find(text => !text.includes('/ws'))!
  return { peerId: server.peerId, addresses: [address.replace(/\/p2p\/.*/, '')], lastSeen: 0 }
}

export function portOf(server: { addresses: string[] }): number {
  const address = multiaddr(server.addresses.find(text => !text.includes('/ws'))!)
  return Number(address.getComponents().find(({ name }) => name === 'tcp')!.value)
}

export function directoryOf(node: RegistryNode, ...servers: Array<{ peerId: string; addresses: string[] }>): Directory {
  return new Directory({ node, servers: servers.map(known), peers: [] })
}
