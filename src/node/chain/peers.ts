import type { Connection, Libp2pEvents, Logger, PeerId, TypedEventTarget } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import { equalBytes } from '../../chain/bytes.ts'
import { isTalosError } from '../../errors.ts'
import type { Broadcasts } from '../../protocols/broadcast/index.ts'
import { ChainLink, type ChainStatus, retryAfterOf } from '../../protocols/chain/index.ts'

/** What is held against a peer, of 100, which return at 0.1 a second. */
export const COST = { fault: 50, stall: 15, falseWork: 50, invalid: 100 } as const
/** Above it a peer is neither asked nor answered. */
const DROPPED_ABOVE = 80

/** A connected peer that keeps the chain. */
export interface ChainPeer {
  readonly id: string
  connection: Connection
  /** What it said last. */
  status: ChainStatus
  /** It is left alone until then. Milliseconds since 1970. */
  busyUntil: number
}

type Purpose = 'questions' | 'blocks'

export interface ChainPeersInit {
  chain: { id: Uint8Array; genesisHash: Uint8Array }
  status: () => ChainStatus
  connectionManager: ConnectionManager
  events: TypedEventTarget<Libp2pEvents>
  broadcasts: Pick<Broadcasts, 'blame' | 'faultsOf'>
  log: Logger
  /** A peer says where its chain ends. */
  onStatus: (peer: ChainPeer) => void
}

/**
 * Who of those that are connected keeps the chain, and what is held against them. Whoever dials tells where its chain ends, and learns it
 * of the other.
 */
export class ChainPeers {
  readonly #init: ChainPeersInit
  readonly #peers = new Map<string, ChainPeer>()
  readonly #links = new Map<string, Promise<ChainLink>>()
  #stopping = new AbortController()

  constructor(init: ChainPeersInit) {
    this.#init = init
  }

  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  start(): void {
    this.#stopping = new AbortController()
    const { events, connectionManager } = this.#init
    events.addEventListener('connection:open', this.#onOpen)
    events.addEventListener('peer:disconnect', this.#onDisconnect)
    for (const connection of connectionManager.getConnections()) void this.#meet(connection)
  }

  async stop(): Promise<void> {
    const { events } = this.#init
    events.removeEventListener('connection:open', this.#onOpen)
    events.removeEventListener('peer:disconnect', this.#onDisconnect)
    this.#stopping.abort(new Error('the node is stopping'))
    const links = await Promise.allSettled(this.#links.values())
    for (const link of links) if (link.status === 'fulfilled') link.value.abort(this.#stopping.signal.reason)
    this.#links.clear()
    this.#peers.clear()
  }

  /** All but those that were dropped. */
  list(): ChainPeer[] {
    return [...this.#peers.values()].filter(({ id }) => this.isWelcome(id))
  }

  get(id: string): ChainPeer | undefined {
    return this.isWelcome(id) ? this.#peers.get(id) : undefined
  }

  isWelcome(id: string): boolean {
    return this.#init.broadcasts.faultsOf(id) <= DROPPED_ABOVE
  }

  /** Peers that were dropped and are connected still. */
  get dropped(): number {
    return this.#peers.size - this.list().length
  }

  blame(id: string, cost: number, why: string): void {
    this.#init.log('%s: %s (%d)', id, why, cost)
    this.#init.broadcasts.blame(id, cost)
    if (!this.isWelcome(id)) this.#close(id, new Error('the peer was dropped'))
  }

  /** A peer has said where its chain ends. */
  heard(connection: Connection, status: ChainStatus): void {
    const id = connection.remotePeer.toString()
    if (!equalBytes(status.genesis, this.#init.chain.genesisHash)) return
    const known = this.#peers.get(id)
    const peer = known ?? { id, connection, status, busyUntil: 0 }
    peer.status = status
    // one that is open stays: its streams are there
    if (peer.connection.status !== 'open') peer.connection = connection
    this.#peers.set(id, peer)
    if (this.isWelcome(id)) this.#init.onStatus(peer)
  }

  /** Asks a peer where its chain ends, and tells it where ours does. */
  async refresh(peer: ChainPeer): Promise<ChainStatus> {
    const status = await this.ask(peer, 'questions', link => link.status(this.#init.status(), this.signal))
    this.heard(peer.connection, status)
    return status
  }

  /** Tells all peers where our chain ends, and learns where theirs do. */
  async refreshAll(): Promise<void> {
    await Promise.allSettled(this.list().map(peer => this.refresh(peer)))
  }

  /** Does something on a stream to the peer. What goes wrong is held against it as far as it is its fault, and thrown. */
  async ask<T>(peer: ChainPeer, purpose: Purpose, work: (link: ChainLink) => Promise<T>): Promise<T> {
    const key = `${purpose} ${peer.id}`
    const before = this.#links.get(key)
    try {
      const link = await this.#link(key, peer)
      try {
        return await work(link)
      } catch (error) {
        // one that was idle may have been closed by the other side at this moment
        if (before === undefined || !isTalosError(error, 'CHAIN_PEER_UNREACHABLE') || this.signal.aborted) throw error
        return await work(await this.#link(key, peer))
      }
    } catch (error) {
      this.#judge(peer, error)
      throw error
    }
  }

  async #link(key: string, peer: ChainPeer): Promise<ChainLink> {
    const known = await this.#links.get(key)?.catch(() => undefined)
    if (known?.isOpen === true) return known
    if (peer.connection.status !== 'open') {
      const others = this.#init.connectionManager.getConnections(peer.connection.remotePeer)
      peer.connection = others.find(({ status }) => status === 'open') ?? peer.connection
    }
    const opening = ChainLink.open(peer.connection, this.#init.chain.id, this.signal)
    this.#links.set(key, opening)
    opening.catch(() => {
      if (this.#links.get(key) === opening) this.#links.delete(key)
    })
    return opening
  }

  #judge(peer: ChainPeer, error: unknown): void {
    if (this.signal.aborted) return
    const retryAfter = retryAfterOf(error)
    if (retryAfter !== undefined) peer.busyUntil = Date.now() + retryAfter
    else if (isTalosError(error, 'CHAIN_PEER_FAULT')) this.blame(peer.id, COST.fault, error.message)
    else if (isTalosError(error, 'CHAIN_PEER_STALLED')) this.blame(peer.id, COST.stall, error.message)
    else if (isTalosError(error, 'CHAIN_PEER_UNSUPPORTED')) this.#peers.delete(peer.id)
  }

  /** Asks somebody who was just connected whether it keeps the chain, too. */
  async #meet(connection: Connection): Promise<void> {
    const id = connection.remotePeer.toString()
    if (this.#peers.has(id) || !this.isWelcome(id)) return
    try {
      const link = await ChainLink.open(connection, this.#init.chain.id, this.signal)
      this.#links.set(`questions ${id}`, Promise.resolve(link))
      this.heard(connection, await link.status(this.#init.status(), this.signal))
    } catch (error) {
      // it does not, or keeps another one
      if (isTalosError(error, 'CHAIN_PEER_FAULT')) this.blame(id, COST.fault, error.message)
    }
  }

  #onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    // who is dialled waits to be asked
    if (connection.direction === 'outbound') void this.#meet(connection)
  }

  #onDisconnect = ({ detail }: CustomEvent<PeerId>): void => {
    this.#close(detail.toString(), new Error('the peer is gone'))
    this.#peers.delete(detail.toString())
  }

  #close(id: string, reason: Error): void {
    for (const purpose of ['questions', 'blocks'] as const) {
      const key = `${purpose} ${id}`
      this.#links.get(key)?.then(
        link => link.abort(reason),
        () => {}
      )
      this.#links.delete(key)
    }
  }
}
