import { setTimeout as delay } from 'node:timers/promises'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { publicKeyOf } from '../../crypto/peer-key.ts'
import { TalosError } from '../../errors.ts'
import { isOfNetwork, isRelayed } from '../network/addresses.ts'
import { DialRace, describe } from '../network/race.ts'
import type { KnownServer } from '../server-book.ts'
import { connectKnown } from './connect-server.ts'
import type { Directory } from './directory.ts'

/** How long direct addresses have before relayed ones are tried beside them, in milliseconds. */
const RELAY_DELAY = 300
/** How long a relayed connection waits for a direct one that is still being dialled, in milliseconds. */
const DIRECT_GRACE = 200
/** How long the distributed hash table is asked, when nothing else knew the peer. */
const LOOK_UP_TIMEOUT = 5_000
/** All of it takes no longer than this, in milliseconds. */
const DIAL_TIMEOUT = 20_000

/** Whom to dial, as Directory.resolve() returns it. */
export interface DialTarget {
  peerId: string
  /** Known addresses; more are asked for at the servers. */
  addresses?: readonly string[]
}

/**
 * A connection to the peer: the one that is open, or a new one. Its known addresses, those that the registries have, and the
 * way through each server's relay are tried side by side, direct ones first; the distributed hash table when all that fails.
 * Throws NETWORK_PEER_UNREACHABLE, which says what was tried, NETWORK_DIAL_SELF, and the reason of the signal.
 */
export async function dialPeer(directory: Directory, target: DialTarget, signal?: AbortSignal): Promise<Connection> {
  const { node } = directory
  const peer = peerIdFromString(target.peerId)
  if (peer.equals(node.peerId)) throw new TalosError('NETWORK_DIAL_SELF', 'that peer is this one itself')
  const open = openConnection(directory, peer)
  if (open !== undefined) return open

  const timeout = AbortSignal.timeout(DIAL_TIMEOUT)
  const bounded = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const search = new PeerSearch(directory, peer, bounded)
  try {
    return await search.run((target.addresses ?? []).map(text => multiaddr(text)))
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    search.stop()
  }
}

/** A new direct connection to a peer that is reached through a relay now. Throws as dialPeer. */
export async function dialDirect(directory: Directory, target: DialTarget, signal: AbortSignal): Promise<Connection> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT)])
  const search = new PeerSearch(directory, peerIdFromString(target.peerId), bounded, { relays: false })
  try {
    return await search.run((target.addresses ?? []).map(text => multiaddr(text)))
  } finally {
    search.stop()
  }
}

function openConnection({ node }: Directory, peer: PeerId): Connection | undefined {
  const open = node.getConnections(peer).filter(({ status }) => status === 'open')
  // the newest: an older one may be dead and not known to be
  return open.findLast(({ direct }) => direct) ?? open.at(-1)
}

class PeerSearch {
  readonly #directory: Directory
  readonly #peer: PeerId
  readonly #signal: AbortSignal
  readonly #useRelays: boolean
  readonly #over = new AbortController()
  readonly #direct: DialRace
  readonly #relayed: DialRace
  /** What kept a server from being asked. */
  readonly #failures: string[] = []

  constructor(directory: Directory, peer: PeerId, signal: AbortSignal, { relays = true } = {}) {
    this.#directory = directory
    this.#peer = peer
    this.#useRelays = relays
    this.#signal = AbortSignal.any([signal, this.#over.signal])
    this.#direct = new DialRace(directory.node, peer, this.#signal)
    this.#relayed = new DialRace(directory.node, peer, this.#signal)
  }

  async run(known: Multiaddr[]): Promise<Connection> {
    const winner = Promise.race([this.#direct.winner, this.#relayedWinner()])
    const found =
      (await this.#winnerOf(winner, this.#tryKnownWays(known))) ?? (await this.#winnerOf(winner, this.#tryHashTable()))
    if (found === undefined) throw this.#unreachable()
    // a direct one has come while the relayed one waited for it
    if (found.direct && this.#relayed.isOver) await (await this.#relayed.winner).close().catch(() => {})
    return found
  }

  stop(): void {
    this.#over.abort()
    this.#direct.stop()
    this.#relayed.stop()
  }

  /** Settles when all ways that the address book and the servers know have failed. */
  async #tryKnownWays(known: Multiaddr[]): Promise<void> {
    this.#add(known)
    this.#add(await this.#remembered())
    const lookUps = Promise.all(this.#directory.servers.map(server => this.#askServer(server)))
    // relays are worth a try at once when there is nothing better to wait for
    const directFailed = lookUps.then(() => this.#direct.settled())
    await Promise.race([this.#wait(RELAY_DELAY), directFailed])
    await Promise.all(this.#directory.servers.map(server => this.#addRelay(server)))
    await directFailed
    await this.#relayed.settled()
  }

  async #askServer(server: KnownServer): Promise<void> {
    const publicKey = publicKeyOf(this.#peer.toString())
    if (publicKey === undefined) return
    try {
      this.#add(await this.#directory.addressesAt(server, publicKey, { signal: this.#signal }))
    } catch (error) {
      if (!this.#over.signal.aborted) this.#failures.push((error as Error).message)
    }
  }

  async #addRelay(server: KnownServer): Promise<void> {
    if (!this.#useRelays) return
    try {
      const { remoteAddr } = await connectKnown(this.#directory.node, server, this.#signal)
      const suffix = `/p2p/${server.peerId}`
      const address = remoteAddr.toString().endsWith(suffix) ? remoteAddr : remoteAddr.encapsulate(suffix)
      this.#relayed.add([address.encapsulate('/p2p-circuit')])
    } catch {
      // #askServer has said why
    }
  }

  async #tryHashTable(): Promise<void> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(LOOK_UP_TIMEOUT)])
    try {
      const { multiaddrs } = await this.#directory.node.peerRouting.findPeer(this.#peer, { signal })
      this.#add(multiaddrs)
    } catch {
      // nobody there knows it either
    }
    await Promise.all([this.#direct.settled(), this.#relayed.settled()])
  }

  async #remembered(): Promise<Multiaddr[]> {
    try {
      const { addresses } = await this.#directory.node.peerStore.get(this.#peer)
      return addresses.map(address => address.multiaddr)
    } catch {
      return []
    }
  }

  /** The winner, unless `failed` settles without one. */
  async #winnerOf(winner: Promise<Connection>, failed: Promise<void>): Promise<Connection | undefined> {
    await Promise.race([winner, failed])
    return this.#direct.isOver || this.#relayed.isOver ? winner : undefined
  }

  #add(given: Multiaddr[]): void {
    const addresses = given.filter(isOfNetwork)
    this.#direct.add(addresses.filter(address => !isRelayed(address)))
    if (this.#useRelays) this.#relayed.add(addresses.filter(isRelayed))
  }

  async #relayedWinner(): Promise<Connection> {
    const connection = await this.#relayed.winner
    if (this.#direct.isDialling) {
      await Promise.race([this.#direct.winner, this.#direct.settled(), this.#wait(DIRECT_GRACE)])
    }
    return connection
  }

  async #wait(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#signal }).catch(() => {})
  }

  #unreachable(): TalosError {
    const attempts = [...this.#direct.attempts, ...this.#relayed.attempts]
    const tried = attempts.length === 0 ? 'no address of it is known' : `tried ${describe(attempts)}`
    const failures = this.#failures.length === 0 ? '' : `; ${this.#failures.join('; ')}`
    return new TalosError('NETWORK_PEER_UNREACHABLE', `cannot reach ${this.#peer}: ${tried}${failures}`, {
      hint: 'Is it running, and registered with a server that you know too (`talos status`)?'
    })
  }
}
