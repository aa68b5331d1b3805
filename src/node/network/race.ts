import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWebSocket } from './addresses.ts'
import type { TalosNode } from './create-node.ts'

/** An address that does not answer is given up after this many milliseconds. */
const ADDRESS_TIMEOUT = 5_000
/** How long an address is waited for before the next one is dialled beside it, in milliseconds. */
const STAGGER = 150

/** What became of one address. */
export interface Attempt {
  address: string
  /** Why it failed; undefined while it is under way and when it was given up for a better one. */
  failure?: Error
}

/**
 * Dials addresses one after the other without waiting for long: the next one begins when the one before has failed, or after
 * STAGGER (as RFC 8305 does it, so that a dead address costs little and a live one is not dialled eight ways at once). The
 * first connection wins, and what is still under way then is given up. Addresses may be added while it runs.
 */
export class DialRace {
  readonly attempts: Attempt[] = []
  readonly #node: TalosNode
  readonly #peer: PeerId | undefined
  readonly #signal: AbortSignal
  readonly #over = new AbortController()
  readonly #won = Promise.withResolvers<Connection>()
  readonly #known = new Set<string>()
  readonly #waiting: Multiaddr[] = []
  readonly #running = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(node: TalosNode, peer: PeerId | undefined, signal: AbortSignal) {
    this.#node = node
    this.#peer = peer
    this.#signal = AbortSignal.any([signal, this.#over.signal])
  }

  /** Resolves with the first connection; pending for as long as there is none. */
  get winner(): Promise<Connection> {
    return this.#won.promise
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  get isDialling(): boolean {
    return this.#running.size > 0 && !this.isOver
  }

  /**
   * Dials each address that was not added before: those added last come first (what a registry says is fresher than what an
   * address book remembers), and TCP before WebSocket, which costs twice the CPU.
   */
  add(addresses: Multiaddr[]): void {
    const added: Multiaddr[] = []
    for (const address of addresses) {
      const target = this.#withPeer(address)
      if (this.#known.has(target.toString())) continue
      this.#known.add(target.toString())
      added.push(target)
    }
    this.#waiting.unshift(...added)
    this.#waiting.sort((a, b) => Number(isWebSocket(a)) - Number(isWebSocket(b)))
    if (this.#running.size === 0) this.#next()
  }

  /** Resolves when every address that was added has failed, or one has won. */
  async settled(): Promise<void> {
    while (this.#running.size > 0 && !this.isOver) await Promise.race([this.#won.promise, ...this.#running])
  }

  /** Gives up what is under way. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#over.abort()
  }

  #next(): void {
    clearTimeout(this.#timer)
    const address = this.isOver ? undefined : this.#waiting.shift()
    if (address === undefined) return
    const work = this.#dial(address).finally(() => {
      this.#running.delete(work)
      this.#next()
    })
    this.#running.add(work)
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#next(), STAGGER)
  }

  async #dial(address: Multiaddr): Promise<void> {
    const attempt: Attempt = { address: address.toString().replace(`/p2p/${this.#peer}`, '') }
    this.attempts.push(attempt)
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ADDRESS_TIMEOUT)])
      const connection = await this.#node.services.dialer.dial(address, this.#peer, signal)
      // another one has won at the same moment
      if (this.isOver) return await connection.close()
      this.stop()
      this.#won.resolve(connection)
    } catch (error) {
      // a WebSocket fails with an event that says nothing
      if (!this.isOver) attempt.failure = error instanceof Error ? error : new Error('no WebSocket answers there')
    }
  }

  #withPeer(address: Multiaddr): Multiaddr {
    if (this.#peer === undefined) return address
    const suffix = `/p2p/${this.#peer}`
    return address.toString().endsWith(suffix) ? address : address.encapsulate(suffix)
  }
}

/** The first connection to any of the addresses; rejects with the failures, or the reason of the signal. */
export async function dialFirst(
  node: TalosNode,
  addresses: Multiaddr[],
  peer: PeerId | undefined,
  signal: AbortSignal
): Promise<Connection> {
  const race = new DialRace(node, peer, signal)
  race.add(addresses)
  try {
    await race.settled()
    if (race.isOver) return await race.winner
    signal.throwIfAborted()
    throw new AggregateError(
      race.attempts.map(({ failure }) => failure).filter(failure => failure !== undefined),
      describe(race.attempts)
    )
  } finally {
    race.stop()
  }
}

/** The attempts for a person: each address and why it failed. */
export function describe(attempts: Attempt[]): string {
  return attempts
    .map(({ address, failure }) => `${address}: ${failure === undefined ? 'given up' : reasonOf(failure)}`)
    .join('; ')
}

function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0] as Error)
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer'
  // noise says so in words only
  if (error.message.includes('does not match expected remote')) return 'another peer is there'
  const text = error.message || (error as NodeJS.ErrnoException).code || error.name
  if (text.includes('ECONNREFUSED')) return 'nothing listens there'
  return text.split('\n', 1)[0]!
}
