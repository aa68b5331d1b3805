import type { AbortOptions, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { peerIdOf, publicKeyOf } from '../../crypto/peer-key.ts'
import { isTalosError, TalosError } from '../../errors.ts'
import type { MailboxAddress } from '../../protocols/mailbox/index.ts'
import { isRegistrableName, type Registration, type RegistryClient } from '../../protocols/registry/index.ts'
import type { KnownPeer } from '../address-book.ts'
import { mailboxesAt } from '../mailbox/addresses.ts'
import { isOfNetwork } from '../network/addresses.ts'
import type { TalosNode } from '../network/create-node.ts'
import { type PeerCandidate, type ResolvedPeer, resolvePeer } from '../peer-ref.ts'
import type { KnownServer } from '../server-book.ts'
import { connectKnown } from './connect-server.ts'

/** Shorter references are names or nothing; resolvePeer takes prefixes from this length. */
const MIN_PREFIX = 4

export type RegistryNode = TalosNode<{ registry: RegistryClient }>

/** What one server said, or why it could not be asked. */
export interface ServerAnswer<T> {
  server: KnownServer
  value?: T
  error?: TalosError
}

export interface DirectoryInit {
  node: RegistryNode
  /** Remembered bootstrap servers. */
  servers: readonly KnownServer[]
  /** The address book. */
  peers: readonly KnownPeer[]
}

/** Who and where peers are: the address book first, then the registries of the remembered servers, all asked at once. */
export class Directory {
  readonly node: RegistryNode
  readonly servers: readonly KnownServer[]
  readonly peers: readonly KnownPeer[]

  constructor(init: DirectoryInit) {
    this.node = init.node
    this.servers = init.servers
    this.peers = init.peers
  }

  /**
   * The peer that `reference` means: a PeerId, hex key, did:key, petname, registered name, or an unambiguous prefix. A name
   * of the address book is asked of no server. Throws PEER_UNKNOWN or PEER_AMBIGUOUS (with the candidates), and the error of
   * a server when it is unknown here and no server could be asked.
   */
  async resolve(reference: string, options: AbortOptions = {}): Promise<ResolvedPeer> {
    const book = this.peers.map((peer): PeerCandidate => ({ ...peer, source: 'petname' }))
    const isNamedHere = book.some(({ name }) => name?.toLowerCase() === reference.toLowerCase())
    if (isNamedHere || publicKeyOf(reference) !== undefined) return resolvePeer(reference, book)

    const answers = await this.askAll((registry, server) => candidatesAt(registry, server, reference, options), options)
    const registered = answers.flatMap(({ value }) => value ?? []).map(asCandidate)
    try {
      return resolvePeer(reference, [...book, ...registered])
    } catch (error) {
      const failed = answers.find(answer => answer.error !== undefined)?.error
      const isAnswered = answers.length === 0 || answers.some(answer => answer.error === undefined)
      if (!isTalosError(error, 'PEER_UNKNOWN') || isAnswered || failed === undefined) throw error
      throw new TalosError(failed.code, `${error.message}, and no server could be asked: ${failed.message}`, {
        ...(failed.hint === undefined ? {} : { hint: failed.hint }),
        cause: failed
      })
    }
  }

  /** Asks every remembered server at once; each failure stays with its server. */
  async askAll<T>(
    ask: (registry: RegistryClient, server: PeerId, known: KnownServer) => Promise<T>,
    options: AbortOptions = {}
  ): Promise<Array<ServerAnswer<T>>> {
    return Promise.all(
      this.servers.map(async (server): Promise<ServerAnswer<T>> => {
        try {
          await connectKnown(this.node, server, options.signal)
          return { server, value: await ask(this.node.services.registry, peerIdFromString(server.peerId), server) }
        } catch (error) {
          options.signal?.throwIfAborted()
          return { server, error: asTalosError(error) }
        }
      })
    )
  }

  /** Addresses of a peer at the registry of one server; none when it is not registered there. */
  async addressesAt(server: KnownServer, publicKey: Uint8Array, options: AbortOptions = {}): Promise<Multiaddr[]> {
    await connectKnown(this.node, server, options.signal)
    const peer = peerIdFromString(server.peerId)
    const registration = await this.node.services.registry.lookUpKey(peer, publicKey, options)
    return registration?.addresses ?? []
  }

  /**
   * Where messages can be left for a peer, also while it is away: what the newest of its registrations says. None when no
   * server knows. Throws the error of a server when none could be asked.
   */
  async mailboxesOf(peer: PeerId, options: AbortOptions = {}): Promise<MailboxAddress[]> {
    const key = publicKeyOf(peer.toString())
    if (key === undefined) return []
    const answers = await this.askAll((registry, server) => registry.lookUpMailboxes(server, key, options), options)
    const failed = answers.map(({ error }) => error).filter(error => error !== undefined)
    if (failed.length > 0 && failed.length === answers.length) throw failed[0]!
    const found = answers.map(({ value }) => value).filter(value => value !== undefined)
    const [newest] = found.sort((a, b) => b.sequence - a.sequence)
    return mailboxesAt((newest?.mailboxes ?? []).filter(isOfNetwork))
  }
}

/** The error for a command that needs a server where none is known. */
export function noServers(): TalosError {
  return new TalosError('REGISTRY_NONE', 'no server is known', {
    hint: 'Name one: talos register --server <host:port>. `talos server` runs one.'
  })
}

async function candidatesAt(
  registry: RegistryClient,
  server: PeerId,
  reference: string,
  options: AbortOptions
): Promise<Registration[]> {
  const named = isRegistrableName(reference) ? await registry.lookUpName(server, reference, options) : undefined
  if (named !== undefined) return [named]
  return reference.length < MIN_PREFIX ? [] : registry.find(server, reference, options)
}

function asCandidate({ name, publicKey, addresses }: Registration): PeerCandidate {
  return { peerId: peerIdOf(publicKey), name, addresses: addresses.map(String), source: 'registered' }
}

function asTalosError(error: unknown): TalosError {
  if (isTalosError(error)) return error
  return new TalosError('REGISTRY_UNREACHABLE', (error as Error).message, { cause: error })
}
