import { decodeEvidence, verifyEvidence } from '../../chain/evidence.ts'
import { isTalosError } from '../../errors.ts'
import type { Broadcasts, Channel, ChannelVerdict } from '../../protocols/broadcast/index.ts'
import { RateLimiter } from '../../protocols/limits/index.ts'

/** Where evidence against owners of chains is passed on: docs/spec/witness.md §4. */
const TOPIC = '/talos/evidence/1'
/** What one peer may hand over: each costs up to four signatures to check. */
const RATE = { burst: 100, perSecond: 1 } as const
/** How often what is kept is told again, to whoever came since. Milliseconds. */
const RETELL = 300_000
/** Pieces of each keeper, each time. */
const MAX_TOLD = 16

/** Who keeps evidence against those that it has to do with: a witness, a chain that is shared. */
export interface EvidenceKeeper {
  /** `accept` when it is kept from now on, `ignore` when there was some, `reject` when it is of no concern here. */
  take(evidence: Uint8Array): Promise<ChannelVerdict>
  /** Some of what it keeps. */
  some(most: number): Promise<readonly Uint8Array[]>
}

/**
 * Passes on evidence that the owner of a chain signed two histories of it: between the keepers of this node, and to others. Only what a keeper here
 * is concerned with is forwarded, so that nobody fills the topic with quarrels of keys that nobody knows.
 */
export class EvidenceExchange {
  readonly #keepers: readonly EvidenceKeeper[]
  readonly #channel: Channel
  readonly #rate = new RateLimiter(RATE)
  readonly #timer: NodeJS.Timeout

  /** @param retell milliseconds, for tests */
  constructor(broadcasts: Pick<Broadcasts, 'channel'>, keepers: readonly EvidenceKeeper[], retell = RETELL) {
    this.#keepers = keepers
    this.#channel = broadcasts.channel(TOPIC, (from, data) => this.#judge(from, data))
    this.#timer = setInterval(() => void this.#retell().catch(() => {}), retell).unref()
  }

  /** Evidence that one of the keepers here has found, or was given. Of two records it says nothing: they concern one chain, which has a topic for them. */
  async found(evidence: Uint8Array): Promise<void> {
    if (!isOfOwner(evidence)) return
    for (const keeper of this.#keepers) await keeper.take(evidence)
    await this.#publish(evidence)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#channel.close()
  }

  async #judge(from: string, data: Uint8Array): Promise<ChannelVerdict> {
    if (this.#rate.take(from, 1, Date.now()) > 0) return 'ignore'
    try {
      if (verifyEvidence(data).what === 'records') return 'reject'
    } catch (error) {
      if (isTalosError(error, 'CHAIN_EVIDENCE_INVALID')) return 'reject'
      throw error
    }
    let verdict: ChannelVerdict = 'ignore'
    for (const keeper of this.#keepers) if ((await keeper.take(data)) === 'accept') verdict = 'accept'
    return verdict
  }

  async #retell(): Promise<void> {
    for (const keeper of this.#keepers) {
      for (const evidence of await keeper.some(MAX_TOLD)) if (isOfOwner(evidence)) await this.#publish(evidence)
    }
  }

  async #publish(evidence: Uint8Array): Promise<void> {
    await this.#channel.publish(evidence).catch(() => 0)
  }
}

const isOfOwner = (evidence: Uint8Array): boolean => decodeEvidence(evidence).what !== 'records'
