import { setTimeout as delay } from 'node:timers/promises'
import { blockHash } from '../../chain/block.ts'
import { equalBytes } from '../../chain/bytes.ts'
import type { WantedBlock } from '../../protocols/chain/index.ts'
import { type ChainPeer, type ChainPeers, COST } from './peers.ts'

/** Blocks ahead of the one that is taken in next. */
const WINDOW = 256
/** Blocks, and bytes of them, that one peer is asked for at a time. */
const CHUNK = { blocks: 16, bytes: 2_000_000 } as const
/** Bytes of blocks that wait for those before them. */
const MAX_HELD = 64_000_000
/** How long a peer may take for what it was asked for, after which others are asked. Milliseconds. */
const CHUNK_TIMEOUT = 15_000
/** How long to wait when nobody can be asked. Milliseconds. */
const NOBODY = 250
/** Of how many peers a block is asked for before it is given up. */
const MAX_TRIES = 5

/** A block as it came, and who sent it. */
export interface Delivered {
  block: Uint8Array
  from: string
}

/**
 * Fetches blocks whose headers are known from all peers that have them, several at a time, and hands them out in order. A peer that
 * stalls, or sends something else, is held to account, and another one asked.
 */
export class Download {
  readonly #peers: ChainPeers
  readonly #wanted: readonly WantedBlock[]
  /** Numbers of blocks that nobody was asked for. */
  #open: number[]
  readonly #here = new Map<number, Delivered>()
  readonly #tries: number[]
  readonly #refused = new Map<number, Set<string>>()
  readonly #busy = new Set<string>()
  readonly #signal: AbortSignal
  readonly #end = new AbortController()
  #held = 0
  #next = 0
  #changed = Promise.withResolvers<void>()

  constructor(peers: ChainPeers, wanted: readonly WantedBlock[]) {
    this.#peers = peers
    this.#wanted = wanted
    this.#open = wanted.map((_, at) => at)
    this.#tries = wanted.map(() => 0)
    this.#signal = AbortSignal.any([peers.signal, this.#end.signal])
  }

  /** In order, as many as have come; undefined at the end, and when nobody has the next one. */
  async take(most: number): Promise<Delivered[] | undefined> {
    for (;;) {
      const taken: Delivered[] = []
      for (
        let next = this.#here.get(this.#next);
        next !== undefined && taken.length < most;
        next = this.#here.get(this.#next)
      ) {
        this.#here.delete(this.#next++)
        this.#held -= next.block.length
        taken.push(next)
      }
      this.#ask()
      if (taken.length > 0) return taken
      if (this.#next === this.#wanted.length || this.#tries[this.#next]! >= MAX_TRIES || this.#signal.aborted)
        return undefined
      const isAsked = this.#busy.size > 0
      const { promise } = this.#changed
      await (isAsked ? promise : Promise.race([promise, delay(NOBODY)]))
      // everybody who was asked has not got it, and nobody is left
      if (!isAsked && !this.#ask() && this.#candidates().length === 0) return undefined
    }
  }

  /** A block that was handed out is not what its header says: it is asked for again, of others. */
  again(deliveries: number, from: string): void {
    this.#next -= deliveries
    for (let at = this.#next; at < this.#next + deliveries; at++) this.#retry(at, from)
    this.#open.sort((a, b) => a - b)
  }

  stop(): void {
    this.#end.abort(new Error('the download has ended'))
  }

  /** Peers that may have what is open. */
  #candidates(): ChainPeer[] {
    const first = this.#open[0]
    if (first === undefined) return []
    return this.#peers.list().filter(({ id }) => this.#refused.get(first)?.has(id) !== true)
  }

  /** Gives work to whoever has none. */
  #ask(): boolean {
    let asked = false
    for (const peer of this.#candidates()) {
      if (this.#busy.has(peer.id) || peer.busyUntil > Date.now()) continue
      const chunk = this.#chunk(peer.id)
      if (chunk.length === 0) continue
      asked = true
      this.#busy.add(peer.id)
      void this.#fetch(peer, chunk)
    }
    return asked
  }

  #chunk(peer: string): number[] {
    const chunk: number[] = []
    let bytes = 0
    for (const at of this.#open) {
      if (chunk.length === CHUNK.blocks || at >= this.#next + WINDOW) break
      if (this.#refused.get(at)?.has(peer) === true) break
      bytes += this.#wanted[at]!.length
      // the one that all wait for is always asked for
      if (chunk.length > 0 && bytes > CHUNK.bytes) break
      if (at !== this.#next && this.#held + bytes > MAX_HELD) break
      chunk.push(at)
    }
    this.#open = this.#open.filter(at => !chunk.includes(at))
    return chunk
  }

  async #fetch(peer: ChainPeer, chunk: number[]): Promise<void> {
    let done = 0
    try {
      const deadline = AbortSignal.any([this.#signal, AbortSignal.timeout(CHUNK_TIMEOUT)])
      const wanted = chunk.map(at => this.#wanted[at]!)
      const onBlock = (block: Uint8Array): void => {
        const at = chunk[done]!
        if (!equalBytes(blockHash(block), this.#wanted[at]!.hash))
          throw new Error('another block came than was asked for')
        done++
        this.#held += block.length
        this.#here.set(at, { block, from: peer.id })
        this.#wake()
      }
      await this.#peers.ask(peer, 'blocks', link => link.blocks(wanted, onBlock, deadline))
      // it has not got the next one
      if (done < chunk.length && peer.busyUntil <= Date.now()) this.#refuse(chunk[done]!, peer.id)
    } catch (error) {
      if (!this.#signal.aborted && (error as Error).message.includes('another block came')) {
        this.#peers.blame(peer.id, COST.fault, (error as Error).message)
      }
      if (done < chunk.length && peer.busyUntil <= Date.now()) this.#retry(chunk[done]!, peer.id, false)
    } finally {
      this.#busy.delete(peer.id)
      this.#open = [...new Set([...chunk.slice(done), ...this.#open])].sort((a, b) => a - b)
      this.#ask()
      this.#wake()
    }
  }

  #retry(at: number, peer: string, isOpen = true): void {
    this.#tries[at]!++
    this.#refuse(at, peer)
    this.#here.delete(at)
    if (isOpen && !this.#open.includes(at)) this.#open.push(at)
  }

  #refuse(at: number, peer: string): void {
    const refused = this.#refused.get(at) ?? new Set()
    this.#refused.set(at, refused.add(peer))
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
