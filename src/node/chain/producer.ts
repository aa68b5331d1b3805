import type { Logger } from '@libp2p/interface'
import { decodeHeader } from '../../chain/block.ts'
import { compareBytes, concatBytes } from '../../chain/bytes.ts'
import { sha256 } from '../../chain/hash.ts'
import { finish, type Producer, proposeNext } from '../../chain/shared/propose.ts'
import type { SharedChain } from '../../chain/shared/shared-chain.ts'
import { isAdmitted } from '../../chain/validation/admission.ts'

/** The part of a processor that mining takes. */
const DUTY = 0.25
/** Where everybody may write: producers of so many blocks before are who takes turns. */
const SEEN_IN = 100
/** Turns are this part of the spacing apart. */
const TURN = 4
/** How long to wait after a block could not be made. Milliseconds. */
const RETRY = 1_000

export interface BlockProducerInit {
  shared: SharedChain
  producer: Producer
  log: Logger
  /** A block of ours is in the chain. */
  onBlock: (block: Uint8Array) => void
  /** Blocks are not made while this is true: the chain is being fetched. */
  isBehind: () => boolean
  now?: () => number
}

/**
 * Makes blocks when records wait, and only then. So that not all make one at a time, producers take turns by a number that follows from
 * the last block and their key; whoever sees another's block in time gives its own up.
 */
export class BlockProducer {
  readonly #init: BlockProducerInit
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #work: { stop: AbortController; done: Promise<void> } | undefined
  #isOn = false

  constructor(init: BlockProducerInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  start(): void {
    this.#isOn = isAdmitted(this.#init.shared.chain.params, this.#init.producer.publicKey)
    this.wake()
  }

  async stop(): Promise<void> {
    this.#isOn = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#work?.stop.abort()
    await this.#work?.done
  }

  get isMining(): boolean {
    return this.#work !== undefined
  }

  /** Something waits. */
  wake(): void {
    if (!this.#isOn || this.#timer !== undefined || this.#work !== undefined) return
    if (this.#init.shared.mempool.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#begin()
    }, this.#wait())
  }

  /** The chain ends elsewhere: what was begun is given up. */
  changed(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#work === undefined) this.wake()
    else this.#work.stop.abort()
  }

  /** Makes a block at once, if anything waits that may be in it. */
  now(): void {
    if (!this.#isOn || this.#work !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#begin()
  }

  /** Milliseconds until it is our turn: the spacing after the last block, and a part of it for each who comes before us. */
  #wait(): number {
    const { tip, chain } = this.#init.shared
    const { spacing } = chain.params
    // whoever sets the time of a block ahead does not make others wait for longer
    return Math.min(spacing, Math.max(0, tip.time + spacing - this.#now())) + (this.#rank() * spacing) / TURN
  }

  #rank(): number {
    const { tip } = this.#init.shared
    const turnOf = (key: Uint8Array): Uint8Array => sha256(concatBytes(tip.hash, key))
    const own = turnOf(this.#init.producer.publicKey)
    return this.#producers().filter(key => compareBytes(turnOf(key), own) < 0).length
  }

  #producers(): Uint8Array[] {
    const { chain, tree, tip } = this.#init.shared
    if (chain.params.admission === 'list') return [...chain.params.keys]
    const seen = new Map<string, Uint8Array>()
    for (let height = tip.height; height > Math.max(0, tip.height - SEEN_IN); height--) {
      const { producer } = decodeHeader(tree.at(height)!.signedHeader)
      seen.set(Buffer.from(producer).toString('hex'), producer)
    }
    return [...seen.values()]
  }

  #begin(): void {
    const stop = new AbortController()
    const done = this.#make(stop.signal).then(
      isMade => this.#ended(isMade ? 0 : RETRY),
      error => {
        if (!stop.signal.aborted) this.#init.log.error('could not make a block - %e', error)
        this.#ended(stop.signal.aborted ? 0 : RETRY)
      }
    )
    this.#work = { stop, done }
  }

  #ended(pause: number): void {
    this.#work = undefined
    if (!this.#isOn) return
    if (pause === 0) this.wake()
    else this.#timer = setTimeout(() => this.changed(), pause)
  }

  /** False when nothing that waits may be in a block yet, or the chain is being fetched. */
  async #make(signal: AbortSignal): Promise<boolean> {
    const { shared, producer, onBlock, isBehind } = this.#init
    const proposal = isBehind() ? undefined : proposeNext(shared, producer.publicKey, this.#now())
    if (proposal === undefined) return false
    const block = await finish(proposal, producer, { signal, duty: DUTY })
    signal.throwIfAborted()
    const verdict = await shared.accept(block)
    if (verdict.state === 'invalid') throw new Error(`a block of ours is not valid: ${verdict.errors[0]?.message}`)
    onBlock(block)
    return true
  }
}
