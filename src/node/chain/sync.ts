import { setImmediate } from 'node:timers/promises'
import type { Logger } from '@libp2p/interface'
import { blockHash, decodeHeader, SIGNED_HEADER_LENGTH } from '../../chain/block.ts'
import { equalBytes, toHex } from '../../chain/bytes.ts'
import { FormatError } from '../../chain/format-error.ts'
import type { ForkNode } from '../../chain/shared/fork-tree.ts'
import type { SharedChain } from '../../chain/shared/shared-chain.ts'
import { ChainState } from '../../chain/validation/state.ts'
import { validateHeader } from '../../chain/validation/validate.ts'
import { workOf } from '../../chain/work.ts'
import type { ChainStatus, WantedBlock } from '../../protocols/chain/index.ts'
import { Download } from './download.ts'
import { type ChainPeer, type ChainPeers, COST } from './peers.ts'

/** Headers that are checked before other work gets its turn. */
const HEADERS_AT_ONCE = 50
/** Blocks that are written together. */
const BLOCKS_AT_ONCE = 64
/** Headers of one answer. */
const MAX_HEADERS = 2_000
/** How long a peer whose chain could not be had is left alone. Milliseconds. */
const PAUSE = 10_000
/** Headers of a branch that is not better yet which are looked at, and not held. */
const MAX_LOOKED_AT = 1_000_000

export interface SyncState {
  /** Whose chain is being fetched. */
  peer: string
  height: number
  target: number
}

interface Branch {
  /** Where it leaves our chain, or goes on from it. */
  fork: ForkNode
  first: Uint8Array
  wanted: WantedBlock[]
  work: bigint
  height: number
  hash: Uint8Array
}

/**
 * Brings the chain to the best that the peers have: what they say of theirs, then headers, which must have more work than ours before any
 * body is asked for, then bodies, from all that have them. What was taken in is on disk: it goes on from there however it ends.
 */
export class Synchroniser {
  readonly #shared: SharedChain
  readonly #peers: ChainPeers
  readonly #log: Logger
  /** Peers whose chain is not to be tried again for a while, unless it ends elsewhere. */
  readonly #given = new Map<string, { tip: string; until: number }>()
  #running: Promise<void> | undefined
  #isWanted = false
  state: SyncState | undefined

  constructor(shared: SharedChain, peers: ChainPeers, log: Logger) {
    this.#shared = shared
    this.#peers = peers
    this.#log = log
  }

  /** Looks whether somebody has a better chain. */
  wake(): void {
    this.#isWanted = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Consent was given: those whose chain took back too much are asked again. */
  again(): void {
    this.#given.clear()
    this.wake()
  }

  /** Resolves when nobody is known to have a better chain. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#peers.signal.aborted) {
      this.#isWanted = false
      for (let lead = this.#best(); lead !== undefined; lead = this.#best()) {
        const before = this.#shared.tip.hash
        try {
          await this.#follow(lead)
        } catch (error) {
          if (this.#peers.signal.aborted) return
          this.#log('could not follow %s - %e', lead.id, error)
          if (lead.busyUntil <= Date.now()) this.#give(lead)
        } finally {
          this.state = undefined
        }
        if (lead.busyUntil > Date.now()) this.#later(lead.busyUntil - Date.now())
        if (!equalBytes(before, this.#shared.tip.hash)) void this.#peers.refreshAll()
      }
    }
  }

  #later(wait: number): void {
    setTimeout(() => this.wake(), wait).unref()
  }

  /** Who claims the most work, more than ours. */
  #best(): ChainPeer | undefined {
    const better = this.#peers.list().filter(peer => {
      const { status, id, busyUntil } = peer
      return this.#isBetter(status) && !this.#isGiven(id, status) && busyUntil <= Date.now()
    })
    return better.sort((a, b) => (a.status.work > b.status.work ? -1 : 1))[0]
  }

  #isBetter({ work, tip }: Pick<ChainStatus, 'work' | 'tip'>): boolean {
    return this.#shared.tree.isBetter({ work, hash: tip })
  }

  #give(peer: ChainPeer): void {
    this.#given.set(peer.id, { tip: toHex(peer.status.tip), until: Date.now() + PAUSE })
  }

  #isGiven(id: string, { tip }: ChainStatus): boolean {
    const given = this.#given.get(id)
    return given !== undefined && given.tip === toHex(tip) && given.until > Date.now()
  }

  async #follow(lead: ChainPeer): Promise<void> {
    const { tip } = this.#shared
    this.state = { peer: lead.id, height: tip.height, target: lead.status.height }
    const branch = await this.#branch(lead)
    if (branch === undefined) return
    const { fork, first, wanted, height } = branch
    const depth = this.#shared.tip.height - fork.height
    if (!this.#shared.mayReorganise({ first, fork: fork.height, depth, height })) {
      this.#log('%s has a better chain that would take back %d blocks', lead.id, depth)
      return this.#give(lead)
    }
    await this.#fetch(lead, wanted)
  }

  /** Headers of the peer's chain, until they have more work than ours: only then is it worth asking for more. */
  async #branch(lead: ChainPeer): Promise<Branch | undefined> {
    let locator = this.#shared.locator()
    let branch: Branch | undefined
    let state: ChainState | undefined
    for (let looked = 0; looked < MAX_LOOKED_AT; ) {
      const { headers } = await this.#peers.ask(lead, 'questions', link => link.headers(locator, this.#peers.signal))
      for (const [at, header] of headers.entries()) {
        if (at % HEADERS_AT_ONCE === 0) await setImmediate()
        if (state === undefined || branch === undefined) {
          const fork = this.#forkOf(header)
          if (fork === undefined) return this.#lied(lead, COST.invalid, 'headers that follow nothing that was named')
          state = new ChainState(this.#shared.chain, {
            height: fork.height,
            hash: fork.hash,
            times: this.#shared.tree.times(fork),
            frontier: this.#shared.tree.frontierAfter(fork),
            heads: []
          })
          branch = { fork, first: blockHash(header), wanted: [], work: fork.work, height: fork.height, hash: fork.hash }
        }
        const { block, errors } = await validateHeader(header, this.#shared.chain, state)
        if (block === undefined)
          return this.#lied(lead, COST.invalid, `a header that is not valid: ${errors[0]!.message}`)
        state.advance(block)
        branch.work += workOf(block.header.bits)
        branch.height = block.header.height
        branch.hash = block.hash
        // what leaves our chain that far back is only counted
        if (branch.wanted.length < 2 * MAX_HEADERS || this.#mayTake(branch)) {
          branch.wanted.push({ hash: block.hash.slice(), length: SIGNED_HEADER_LENGTH + block.header.bodyLength })
        }
      }
      looked += headers.length
      if (branch !== undefined && this.#shared.tree.isBetter(branch)) return branch
      if (headers.length < MAX_HEADERS) return this.#disappointed(lead)
      locator = [branch!.hash, this.#shared.chain.genesisHash]
    }
    return this.#disappointed(lead)
  }

  #mayTake({ fork, first, height }: Branch): boolean {
    const depth = this.#shared.tip.height - fork.height
    return this.#shared.mayReorganise({ first, fork: fork.height, depth, height })
  }

  #forkOf(header: Uint8Array): ForkNode | undefined {
    try {
      const fork = this.#shared.tree.node(decodeHeader(header).previous)
      return fork !== undefined && this.#shared.tree.isActive(fork) ? fork : undefined
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
  }

  /** The headers are not as many as was said. Is it so still? */
  async #disappointed(lead: ChainPeer): Promise<undefined> {
    const claimed = lead.status
    const status = await this.#peers.refresh(lead)
    if (!this.#isBetter(status) || !equalBytes(status.tip, claimed.tip)) return undefined
    return this.#lied(lead, COST.falseWork, 'it claims more work than its headers have')
  }

  #lied(peer: ChainPeer, cost: number, why: string): undefined {
    this.#give(peer)
    this.#peers.blame(peer.id, cost, why)
    return undefined
  }

  async #fetch(lead: ChainPeer, branch: readonly WantedBlock[]): Promise<void> {
    const wanted = branch.filter(({ hash }) => this.#shared.tree.node(hash) === undefined)
    const last = branch.at(-1)!
    if (wanted.length === 0) {
      await this.#shared.reconsider(last.hash)
      if (!equalBytes(this.#shared.tip.hash, last.hash)) this.#give(lead)
      return
    }
    const download = new Download(this.#peers, wanted)
    try {
      for (;;) {
        const delivered = await download.take(BLOCKS_AT_ONCE)
        if (delivered === undefined) break
        const verdicts = await this.#shared.acceptAll(
          delivered.map(({ block }) => block),
          true
        )
        if (this.state !== undefined) this.state.height = this.#shared.tip.height
        const verdict = verdicts.at(-1)!
        if (verdict.state === 'too-deep') return this.#give(lead)
        if (verdict.state !== 'invalid') continue
        // whoever sent it may have changed it; when others send the same, it is the chain that is not valid
        const { from } = delivered[verdicts.length - 1]!
        this.#peers.blame(from, COST.fault, `a block that is not valid: ${verdict.errors[0]?.message}`)
        download.again(delivered.length - verdicts.length + 1, from)
      }
    } finally {
      download.stop()
    }
    if (this.#shared.tree.node(last.hash) === undefined) this.#give(lead)
  }
}
