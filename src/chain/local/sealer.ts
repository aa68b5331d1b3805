import { setImmediate as turn } from 'node:timers/promises'
import { TalosError } from '../../errors.ts'
import { SIGNED_HEADER_LENGTH } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import type { Chain } from '../params.ts'
import { assembleBlock, nextGroups, type Owner } from './assemble.ts'
import { putBlock } from './begin.ts'
import { payloadOf } from './group.ts'
import { putIds } from './ids.ts'
import type { LocalBlock } from './lookup.ts'
import { putOperations } from './operations.ts'
import { putPeers } from './peers.ts'
import { type MadeRecord, makeRecords, type PendingGroup, type PendingGroups } from './pending.ts'
import { type ChainStore, decodeTip, encodeTip, KEYS, type LocalTip } from './store.ts'
import { searchTerms } from './stored-record.ts'

/** Blocks of which the records are read at once, and which may be on their way to the disk while the next one is made. */
const AHEAD = 4
/** Records that are made before others have their turn. */
const RECORDS_A_TURN = 64

export interface SealerInit {
  chain: Chain
  store: ChainStore
  owner: Owner
  now: () => number
  stream: number
  pending: PendingGroups
  tip: LocalTip
  /** No block is begun after it. */
  signal: AbortSignal
}

/** A block that was made, and when it is on disk. */
interface Begun {
  block: LocalBlock
  written: Promise<void>
}

interface Assembled extends Awaited<ReturnType<typeof assembleBlock>> {
  records: readonly MadeRecord[]
  groups: readonly PendingGroup[]
}

/**
 * Makes blocks of what has none, one after the other. While one is on its way to the disk the next is mined and signed, and those that wait for
 * the disk share its next write; each is one transaction all the same, and none is written unless the one before it was.
 */
export class Sealer {
  readonly #init: SealerInit
  readonly #onBlock = new Set<() => void>()
  readonly #writing = new Set<Promise<void>>()
  #turn: Promise<unknown> = Promise.resolve()
  /** On disk. */
  #tip: LocalTip
  /** After the blocks that are on their way there. */
  #next: LocalTip
  /** What the next blocks are made of, as far as it was read. */
  #planned: PendingGroup[][] = []
  /** Why one of these could not be written: then those after it cannot be either. */
  #failure: { error: unknown } | undefined

  constructor(init: SealerInit) {
    this.#init = init
    this.#tip = init.tip
    this.#next = init.tip
  }

  get tip(): LocalTip {
    return this.#tip
  }

  /** Makes one block; undefined when there is nothing to make it of, or no more after the signal. */
  async seal(): Promise<LocalBlock | undefined> {
    const begun = await this.#begin(1)
    await (begun?.written ?? Promise.all(this.#writing))
    return begun?.block
  }

  /** Makes blocks until every record has one. */
  async sealAll(): Promise<void> {
    const written: Promise<void>[] = []
    try {
      for (let begun = await this.#begin(AHEAD); begun !== undefined; begun = await this.#begin(AHEAD)) {
        written.push(begun.written)
        if (written.length > AHEAD) await written.shift()
      }
      // and those that somebody else has begun
      await Promise.all([...written, ...this.#writing])
    } finally {
      // whatever was made is on disk, or is not, when this ends
      await Promise.allSettled(written)
    }
  }

  /** Resolves when a record after `sequence` is in a block. @throws the reason of the signal */
  async sealedAfter(sequence: number, signal: AbortSignal): Promise<void> {
    while (this.#tip.sequence <= sequence) {
      signal.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onBlock.add(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
      this.#onBlock.delete(resolve)
    }
  }

  /** Runs `work` when no block is being made or written, and lets none be made meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#settled()
      return work()
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#turn.then(work)
    this.#turn = running.catch(() => {})
    return running
  }

  /** @param ahead blocks for which records are read, if they have to be */
  #begin(ahead: number): Promise<Begun | undefined> {
    return this.#inTurn(async () => {
      if (this.#failure !== undefined) await this.#settled()
      const before = this.#next
      const assembled = await this.#assemble(before, ahead)
      if (assembled === undefined) return undefined
      this.#planned.shift()
      this.#next = assembled.next
      const written = this.#write(before, assembled).catch(error => {
        this.#failure ??= { error }
        throw this.#failure.error
      })
      this.#writing.add(written)
      const end = () => this.#writing.delete(written)
      written.then(end, end)
      return { block: assembled.block, written }
    })
  }

  /** Waits for what is on its way to the disk; after a failure the next block follows the last one there. */
  async #settled(): Promise<void> {
    await Promise.allSettled([...this.#writing])
    this.#planned = []
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#next = this.#tip
  }

  async #assemble(tip: LocalTip, ahead: number): Promise<Assembled | undefined> {
    const { chain, store, pending, signal } = this.#init
    if (signal.aborted) return undefined
    if (this.#planned.length === 0) {
      // read for some blocks at once: to read is to wait for the write that is under way
      this.#planned = await store.transact(transaction => nextGroups(transaction, tip, chain, pending, ahead))
    }
    const [groups] = this.#planned
    if (groups === undefined) return undefined
    const lastTime = groups.at(-1)!.items.at(-1)!.time
    const records = await this.#makeAll(groups, tip)
    return { ...(await assembleBlock(records, lastTime, tip, this.#init, signal)), records, groups }
  }

  /** Some at a time, so that others have their turn. */
  async #makeAll(groups: readonly PendingGroup[], tip: LocalTip): Promise<MadeRecord[]> {
    const records: MadeRecord[] = []
    const continued = { author: this.#init.owner.publicKey, stream: this.#init.stream }
    let rested = 0
    for (const group of groups) {
      records.push(...makeRecords(group, { ...continued, previous: records.at(-1)?.id ?? tip.recordId }))
      if (records.length - rested < RECORDS_A_TURN) continue
      await turn()
      rested = records.length
    }
    return records
  }

  async #write(before: LocalTip, { block, next, completed, records, groups }: Assembled): Promise<void> {
    const { height, first, bytes } = block
    const ids = records.map(({ id }) => id)
    const peers = groups.flatMap(({ items }) => items.map(item => searchTerms(payloadOf(item)).peer))
    await this.#init.store.transact(async transaction => {
      const stored = await transaction.get(KEYS.tip)
      if (stored === undefined || !equalBytes(decodeTip(stored).hash, before.hash)) throw outOfOrder(height)
      putBlock(transaction, bytes.slice(0, SIGNED_HEADER_LENGTH), next, first)
      transaction.put(KEYS.body(first), bytes.slice(SIGNED_HEADER_LENGTH))
      for (const { level, index, hash } of completed) transaction.put(KEYS.node(level, index), hash.slice())
      await putIds(transaction, height, first, ids)
      putOperations(transaction, first, groups)
      putPeers(transaction, first, peers)
      transaction.put(KEYS.tip, encodeTip(next))
    })
    this.#tip = next
    this.#init.pending.release(next.sequence)
    for (const tell of this.#onBlock) tell()
  }
}

function outOfOrder(height: number): TalosError {
  return new TalosError('CHAIN_BLOCK_OUT_OF_ORDER', `the chain on disk does not end before block ${height}`, {
    hint: 'Does another program write into this database? Start the node anew.'
  })
}
