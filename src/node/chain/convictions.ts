import { toHex } from '../../chain/bytes.ts'
import { originOf } from '../../chain/checkpoint.ts'
import { encodeEvidence, MAX_EVIDENCE, verifyEvidence } from '../../chain/evidence.ts'
import type { Conflict } from '../../chain/shared/mempool.ts'
import type { SharedStore } from '../../chain/shared/store.ts'
import { isTalosError } from '../../errors.ts'
import type { Channel, ChannelVerdict } from '../../protocols/broadcast/index.ts'

/** Evidence against an author: the first that was found. */
const PREFIX = 'q'
/** Authors that evidence is kept against. Each had to be admitted, and to sign twice. */
const MAX_CONVICTED = 10_000
/** Pieces of one answer. */
const MAX_TOLD = 16
const MAX_TOLD_BYTES = 131_072

/**
 * Who was caught signing two records for one place of a shared chain, with the evidence, on disk. From them no record is taken any more; a block of
 * somebody else that has one is none the less valid, so that all nodes agree on blocks whatever they know.
 */
export class Convictions {
  readonly #store: SharedStore
  readonly #chainId: Uint8Array
  readonly #evidence: Map<string, Uint8Array>
  readonly #onConviction: (author: Uint8Array, evidence: Uint8Array) => void
  #channel: Pick<Channel, 'publish'> | undefined

  private constructor(
    store: SharedStore,
    chainId: Uint8Array,
    evidence: Map<string, Uint8Array>,
    onConviction: (author: Uint8Array, evidence: Uint8Array) => void
  ) {
    this.#store = store
    this.#chainId = chainId
    this.#evidence = evidence
    this.#onConviction = onConviction
  }

  /** @param onConviction called for an author that was not convicted before, when that is on disk */
  static async open(
    store: SharedStore,
    chainId: Uint8Array,
    onConviction: (author: Uint8Array, evidence: Uint8Array) => void = () => {}
  ): Promise<Convictions> {
    const evidence = new Map<string, Uint8Array>()
    for await (const [key, value] of store.entries(PREFIX)) evidence.set(key.slice(PREFIX.length), value)
    return new Convictions(store, chainId, evidence, onConviction)
  }

  /** Where evidence is told to others. */
  tellOn(channel: Pick<Channel, 'publish'>): void {
    this.#channel = channel
  }

  isBarred(author: Uint8Array): boolean {
    return this.#evidence.size > 0 && this.#evidence.has(toHex(author))
  }

  /** Authors that were caught. */
  get size(): number {
    return this.#evidence.size
  }

  /** Some of the evidence, as much as an answer to a new peer holds. By and by it has all. */
  some(): Uint8Array[] {
    const all = [...this.#evidence.values()]
    const from = all.length <= MAX_TOLD ? 0 : Math.floor(Math.random() * (all.length - MAX_TOLD))
    let length = 0
    return all.slice(from, from + MAX_TOLD).filter(evidence => {
      length += evidence.length
      return length <= MAX_TOLD_BYTES
    })
  }

  /** Two records for one place, both signed by their author: remembered, and told to all. */
  async found({ known, offered }: Conflict): Promise<void> {
    const pair = [known, offered].map(({ bytes, signature }) => ({ record: bytes, signature: signature! }))
    const evidence = encodeEvidence({ what: 'records', chainId: this.#chainId, pair: [pair[0]!, pair[1]!] })
    if ((await this.judge(evidence)) === 'accept') await this.#channel?.publish(evidence).catch(() => 0)
  }

  /** Evidence that somebody brings: passed on when it is new and convicts an author of this chain. Throws what the store throws. */
  async judge(evidence: Uint8Array): Promise<ChannelVerdict> {
    if (evidence.length > MAX_EVIDENCE) return 'reject'
    try {
      const { what, culprit, origin } = verifyEvidence(evidence)
      if (what !== 'records' || origin !== originOf(this.#chainId)) return 'reject'
      const author = toHex(culprit)
      if (this.#evidence.has(author) || this.#evidence.size >= MAX_CONVICTED) return 'ignore'
      const kept = Uint8Array.from(evidence)
      this.#evidence.set(author, kept)
      await this.#store.write(new Map([[PREFIX + author, kept]]), true)
      this.#onConviction(culprit, kept)
      return 'accept'
    } catch (error) {
      if (isTalosError(error, 'CHAIN_EVIDENCE_INVALID')) return 'reject'
      throw error
    }
  }
}
