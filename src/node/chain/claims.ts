import { toHex } from '../../chain/bytes.ts'
import { encodeClaim } from '../../chain/claim.ts'
import { type LocalChain, proveConsistency } from '../../chain/index.ts'
import { EXTENSION } from '../../chain/record.ts'
import type { NetworkChain } from './network-chain.ts'
import type { ClaimReport } from './types.ts'

/** Writes the state of the agent's own chain into a shared one: from time to time, at the end, and when it is asked for. */
export class Claims {
  readonly #own: LocalChain
  readonly #network: NetworkChain
  readonly #timer: NodeJS.Timeout | undefined
  #running: Promise<unknown> = Promise.resolve()

  /** @param interval milliseconds; 0 for never by itself */
  constructor(own: LocalChain, network: NetworkChain, interval: number) {
    this.#own = own
    this.#network = network
    if (interval > 0) this.#timer = setInterval(() => void this.write().catch(() => {}), interval).unref()
  }

  /** What was claimed last, in the shared chain or waiting for it. */
  get last(): { size: number; root: Uint8Array; record?: Uint8Array } | undefined {
    return this.#network.lastClaim(this.#own.chain.id)
  }

  /**
   * Claims what the own chain is now, with proof that it continues what was claimed before.
   *
   * @throws CHAIN_WAITING_FULL, CHAIN_NOT_ADMITTED, STORAGE_*
   */
  write(): Promise<ClaimReport> {
    const writing = this.#running.then(() => this.#write())
    this.#running = writing.catch(() => {})
    return writing
  }

  /** The last claim, of all that was recorded. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.write()
  }

  async #write(): Promise<ClaimReport> {
    await this.#own.sealAll()
    const { height, frontier } = this.#own.tip
    const [size, root] = [height + 1, frontier.root()]
    const { last } = this
    if (last !== undefined && last.size >= size) {
      return { record: toHex(last.record ?? new Uint8Array()), size: last.size, root: toHex(last.root), isNew: false }
    }
    const previousSize = last?.size ?? 0
    const path = previousSize === 0 ? [] : await proveConsistency(this.#own, previousSize, size)
    const value = encodeClaim({ chain: this.#own.chain.id, size, root, previousSize, path })
    const { id } = await this.#network.write('CHECKPOINT', [{ type: EXTENSION.CHECKPOINT, value }])
    return { record: toHex(id), size, root: toHex(root), isNew: true }
  }
}
