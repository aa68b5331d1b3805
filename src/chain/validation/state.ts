import { equalBytes, toHex } from '../bytes.ts'
import type { ClaimedState } from '../claim.ts'
import type { Chain } from '../params.ts'
import { Frontier, hashLeaf } from '../tree.ts'
import { claimIn, claimKey } from './claims.ts'
import type { ChainView, CheckedBlock, Head } from './context.ts'

const MEDIAN_OF = 11

/** What of a chain is needed to go on from one of its blocks. */
export interface ChainPoint {
  height: number
  hash: Uint8Array
  /** Of the last blocks, at most eleven, oldest first. */
  times: readonly number[]
  /** Over all blocks up to this one. */
  frontier: Frontier
  heads: ReadonlyArray<Head & { author: Uint8Array; stream: number }>
}

/** A chain that grows in memory, block after block: what blocks of a file or an answer are checked against. */
export class ChainState implements ChainView {
  #point: Omit<ChainPoint, 'heads'>
  readonly #heads = new Map<string, Head & { author: Uint8Array; stream: number }>()
  readonly #claims = new Map<string, ClaimedState>()
  readonly #signedRecords: boolean

  readonly historyRootAt: ((size: number) => Promise<Uint8Array | undefined>) | undefined

  /**
   * @param from what comes before the first block; by default the genesis block
   * @param historyRootAt the history root over the first blocks, for anchors
   */
  constructor(chain: Chain, from?: ChainPoint, historyRootAt?: (size: number) => Promise<Uint8Array | undefined>) {
    this.historyRootAt = historyRootAt
    this.#signedRecords = chain.signedRecords
    this.#point = from ?? {
      height: 0,
      hash: chain.genesisHash,
      times: [chain.params.genesisTime],
      frontier: new Frontier().append(hashLeaf(chain.genesisHash)).frontier
    }
    for (const head of from?.heads ?? []) this.#heads.set(keyOf(head.author, head.stream), head)
  }

  get height(): number {
    return this.#point.height + 1
  }

  get previousHash(): Uint8Array {
    return this.#point.hash
  }

  get previousTime(): number {
    return this.#point.times.at(-1)!
  }

  get medianTime(): number {
    return medianOf(this.#point.times)
  }

  historyRoot(): Uint8Array {
    return this.#point.frontier.root()
  }

  headOf(author: Uint8Array, stream: number): Head | undefined {
    return this.#heads.get(keyOf(author, stream))
  }

  claimOf(author: Uint8Array, chain: Uint8Array): ClaimedState | undefined {
    return this.#claims.get(claimKey(author, chain))
  }

  /** Takes a block in that was found valid. */
  advance({ header, hash, entries }: CheckedBlock): void {
    const { times, frontier } = this.#point
    this.#point = {
      height: header.height,
      hash,
      times: [...times.slice(1 - MEDIAN_OF), header.time],
      frontier: frontier.append(hashLeaf(hash)).frontier
    }
    for (const [i, { record, id }] of entries.entries()) {
      const claim = this.#signedRecords ? claimIn(record) : undefined
      if (claim !== undefined) this.#claims.set(claimKey(record.author, claim.chain), claim)
      const next = entries[i + 1]?.record
      // only the last of each author and stream counts, and they mostly come in runs
      if (next !== undefined && next.stream === record.stream && equalBytes(next.author, record.author)) continue
      const { author, stream, sequence } = record
      this.#heads.set(keyOf(author, stream), { author, stream, sequence, id })
    }
  }

  /** Goes on from where blocks were checked elsewhere. */
  moveTo({ heads, ...point }: ChainPoint): void {
    this.#point = point
    for (const head of heads) this.setHead(head)
  }

  /** The last record of a stream where it is not known from the blocks. */
  setHead({ author, stream, sequence, id }: Head & { author: Uint8Array; stream: number }): void {
    this.#heads.set(keyOf(author, stream), { author, stream, sequence, id })
  }

  point(): ChainPoint {
    return { ...this.#point, heads: [...this.#heads.values()] }
  }
}

export function medianOf(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!
}

const keyOf = (author: Uint8Array, stream: number): string => `${toHex(author)}/${stream}`
