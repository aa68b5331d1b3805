import type { Connection } from '@libp2p/interface'
import { isTalosError } from '../../errors.ts'
import { checkUnchanged, type KnownServer, listServers, rememberServer } from '../server-book.ts'
import { openWallet, type Wallet } from '../wallet/index.ts'
import { connectAt, connectKnown } from './connect-server.ts'
import { noServers, type RegistryNode } from './directory.ts'
import { openDirectory, serverOf } from './open-directory.ts'
import type { RegisterOptions, RegisterReport, RegistrationReport, ServerFailure } from './types.ts'
import { configuredServers, locationOf, signalOf, withNode } from './with-node.ts'

/**
 * Registers the wallet's identity under a name and remembers the server. Addresses that a running node of this identity has
 * registered are kept. Throws REGISTRY_*, WALLET_*, STORAGE_*, CONFIG_INVALID; with several known servers only when none of
 * them took the registration.
 */
export async function registerAgent(options: RegisterOptions): Promise<RegisterReport> {
  const wallet = await openWallet(options)
  return withNode(wallet.identity, async node => {
    if (options.server !== undefined) {
      return {
        registrations: [await registerWith(node, wallet, await named(node, options.server, options), options)],
        failed: []
      }
    }
    return registerWithAll(node, wallet, options)
  })
}

async function registerWithAll(node: RegistryNode, wallet: Wallet, options: RegisterOptions): Promise<RegisterReport> {
  const servers = await configuredServers(options)
  const directory = await openDirectory({ node, ...locationOf(options), servers }, options.signal)
  if (directory.servers.length === 0) throw noServers()
  const registrations: RegistrationReport[] = []
  const failed: Array<ServerFailure & { error: unknown }> = []
  for (const known of directory.servers) {
    try {
      const connection = await connectKnown(node, known, options.signal)
      registrations.push(await registerWith(node, wallet, { connection, known }, options))
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!isTalosError(error)) throw error
      failed.push({ server: known.peerId, code: error.code, message: error.message, error })
    }
  }
  if (registrations.length === 0) throw failed[0]!.error
  return { registrations, failed: failed.map(({ server, code, message }) => ({ server, code, message })) }
}

interface Target {
  connection: Connection
  /** What is remembered of the server, if it is known. */
  known: KnownServer | undefined
}

/** The server at an address that the user wrote. Throws REGISTRY_SERVER_CHANGED unless a new identity is accepted. */
async function named(node: RegistryNode, address: string, options: RegisterOptions): Promise<Target> {
  const remembered = await listServers(locationOf(options))
  const connection = await connectAt(node, address, options.signal)
  const server = serverOf(connection)
  if (options.acceptNewIdentity !== true) checkUnchanged(remembered, server)
  return { connection, known: remembered.find(({ peerId }) => peerId === server.peerId) }
}

async function registerWith(
  node: RegistryNode,
  wallet: Wallet,
  { connection, known }: Target,
  options: RegisterOptions
): Promise<RegistrationReport> {
  const { registry } = node.services
  const { remotePeer } = connection
  const name = options.name ?? known?.name ?? wallet.name
  // the addresses are those of the node that serves; this one only speaks for it
  const present = await registry.lookUpKey(remotePeer, wallet.identity.publicKey, signalOf(options))
  const away = await registry.lookUpMailboxes(remotePeer, wallet.identity.publicKey, signalOf(options))
  const claim = { name, addresses: present?.addresses ?? [], mailboxes: away?.mailboxes ?? [] }
  const receipt = await registry.register(remotePeer, claim, wallet.identity, signalOf(options))
  const server = serverOf(connection)
  await rememberServer(
    { ...server, name },
    { ...locationOf(options), acceptChange: options.acceptNewIdentity === true }
  )
  return {
    server: server.peerId,
    address: server.addresses[0]!,
    name,
    expiresAt: receipt.expiresAt,
    heldUntil: receipt.heldUntil,
    isNew: known === undefined
  }
}
