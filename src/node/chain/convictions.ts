import { toHex } from '../../chain/bytes.ts'
import { originOf } from '../../chain/checkpoint.ts'
import { type Equivocation, encodeEvidence, verifyEvidence } from '../../chain/evidence.ts'
import type { Chain } from '../../chain/params.ts'
import type { Conflict } from '../../chain/shared/mempool.ts'
import type { SharedStore } from '../../chain/shared/store.ts'
import { isAdmitted } from '../../chain/validation/admission.ts'
import { isTalosError } from '../../errors.ts'
import type { Channel, ChannelVerdict } from '../../protocols/broadcast/index.ts'

/** Evidence against an author: the first that was found. */
const PREFIX = 'q'
/** Authors that evidence is kept against. Each had to be admitted, and to sign twice. */
const MAX_CONVICTED = 10_000
/** Pieces of one answer. */
const MAX_TOLD = 16
const MAX_TOLD_BYTES = 131_072

type OnConviction = (found: Equivocation, evidence: Uint8Array) => void

/**
 * Who was caught with two histories, of the authors of a shared chain, with the evidence, on disk: two records for one place of this chain, or two
 * blocks or checkpoints for one place of a chain of its own, whichever came first. From them no record is taken any more; a block of somebody else that
 * has one is none the less valid, so that all nodes agree on blocks whatever they know.
 */
export class Convictions {
  readonly #store: SharedStore
  readonly #chain: Chain
  readonly #evidence: Map<string, Uint8Array>
  readonly #onConviction: OnConviction
  #channel: Pick<Channel, 'publish'> | undefined

  private constructor(store: SharedStore, chain: Chain, evidence: Map<string, Uint8Array>, onConviction: OnConviction) {
    this.#store = store
    this.#chain = chain
    this.#evidence = evidence
    this.#onConviction = onConviction
  }

  /** @param onConviction called for an author that was not convicted before, when that is on disk */
  static async open(store: SharedStore, chain: Chain, onConviction: OnConviction = () => {}): Promise<Convictions> {
    const evidence = new Map<string, Uint8Array>()
    for await (const [key, value] of store.entries(PREFIX)) evidence.set(key.slice(PREFIX.length), value)
    return new Convictions(store, chain, evidence, onConviction)
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

  /** The evidence against each. */
  all(): Uint8Array[] {
    return [...this.#evidence.values()]
  }

  of(author: Uint8Array): Uint8Array | undefined {
    return this.#evidence.get(toHex(author))
  }

  /** Some of the evidence, as much as an answer to a new peer holds. By and by it has all. */
  some(most = MAX_TOLD): Uint8Array[] {
    const all = this.all()
    const from = Math.floor(Math.random() * Math.max(1, all.length - most + 1))
    let length = 0
    return all.slice(from, from + most).filter(evidence => {
      length += evidence.length
      return length <= MAX_TOLD_BYTES
    })
  }

  /** Two records for one place, both signed by their author: remembered, and told to all. */
  async found({ known, offered }: Conflict): Promise<void> {
    const pair = [known, offered].map(({ bytes, signature }) => ({ record: bytes, signature: signature! }))
    await this.take(encodeEvidence({ what: 'records', chainId: this.#chain.id, pair: [pair[0]!, pair[1]!] }))
  }

  /** As judge(), for evidence that did not come from others of this chain: they are told. */
  async take(evidence: Uint8Array): Promise<ChannelVerdict> {
    const verdict = await this.judge(evidence)
    if (verdict === 'accept') await this.#channel?.publish(evidence).catch(() => 0)
    return verdict
  }

  /**
   * Evidence that somebody brings: kept when it convicts an author of this chain that was not convicted before. What convicts nobody who may write into
   * it is rejected. Throws what the store throws.
   */
  async judge(evidence: Uint8Array): Promise<ChannelVerdict> {
    try {
      const found = verifyEvidence(evidence)
      const { what, culprit, origin } = found
      if (what === 'records' && origin !== originOf(this.#chain.id)) return 'reject'
      if (!isAdmitted(this.#chain.params, culprit)) return 'reject'
      const author = toHex(culprit)
      if (this.#evidence.has(author) || this.#evidence.size >= MAX_CONVICTED) return 'ignore'
      const kept = Uint8Array.from(evidence)
      this.#evidence.set(author, kept)
      await this.#store.write(new Map([[PREFIX + author, kept]]), true)
      this.#onConviction(found, kept)
      return 'accept'
    } catch (error) {
      if (isTalosError(error, 'CHAIN_EVIDENCE_INVALID')) return 'reject'
      throw error
    }
  }
}
