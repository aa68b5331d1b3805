import { setImmediate as others } from 'node:timers/promises'
import { verifyBeside } from '../../crypto/index.ts'
import { TalosError } from '../../errors.ts'
import { blockHash, decodeHeader, HEADER_LENGTH, SIGNED_HEADER_LENGTH, sealStatement } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { originOf } from '../checkpoint.ts'
import { FormatError } from '../format-error.ts'
import { toText } from '../hash.ts'
import type { Chain } from '../params.ts'
import { type RecordProof, type VerifiedProof, verifyProofIn } from '../proof.ts'
import { type ForkNode, ForkTree } from '../shared/fork-tree.ts'
import { Journal } from '../shared/journal.ts'
import { KEYS, type SharedStore } from '../shared/store.ts'
import { layerOf, VIOLATIONS } from '../validation/codes.ts'
import type { CheckedBlock, Issue } from '../validation/context.ts'
import { ChainState } from '../validation/state.ts'
import { validateHeader } from '../validation/validate.ts'
import { workOf } from '../work.ts'

/** Headers of a branch that is not better yet which are held. */
const MAX_BRANCH = 100_000
/** Blocks that a reorganisation may take back without consent. */
const MAX_REORGANISATION = 100
/** Headers that are checked before other work gets its turn. */
const TURN = 200
/** The signatures of so many last headers are verified again when the chain is opened: each covers all that is before it. */
const VERIFIED_AGAIN = 100

export interface LightChainInit {
  chain: Chain
  store: SharedStore
  /** Milliseconds since 1970. @default the clock's */
  now?: () => number
}

/**
 * What became of headers. `added`: the chain ends with the last of them; `waiting`: they are valid, and have no more work than the chain
 * yet; `too-deep`: they would take back `depth` blocks, which needs consent; `unlinked`: they follow nothing that is known.
 */
export type HeadersVerdict =
  | { state: 'added'; disconnected: number }
  | { state: 'waiting' | 'unlinked' | 'too-many' }
  | { state: 'too-deep'; depth: number }
  | { state: 'invalid'; issue: Issue | undefined }

export interface LightProof extends Omit<VerifiedProof, 'witnesses'> {
  /** Blocks of the chain from this one on: what would have to be made anew to take it out. */
  confirmations: number
}

/** Headers that go on from a block of the chain, until they have more work. */
interface Branch {
  fork: ForkNode
  state: ChainState
  blocks: CheckedBlock[]
}

/**
 * A chain of many writers, by its headers alone: each is checked (work, bits, time, link, history, and who made it), the chain with most
 * work is followed, and that a record is in it is proved by whoever has the bodies. Nothing of what peers say is believed.
 */
export class LightChain {
  readonly chain: Chain
  readonly #journal: Journal
  readonly #tree: ForkTree
  readonly #now: () => number
  #branch: Branch | undefined
  #running: Promise<unknown> = Promise.resolve()

  private constructor({ chain, store, now = Date.now }: LightChainInit) {
    this.chain = chain
    this.#journal = new Journal(store)
    this.#tree = new ForkTree(chain, this.#journal)
    this.#now = now
  }

  /**
   * Opens what a store has, and checks all of it again; or begins.
   *
   * @throws LIGHT_STORE_DAMAGED when it does not hold, CHAIN_OTHER_NETWORK, and what the store throws
   */
  static async open(init: LightChainInit): Promise<LightChain> {
    const params = init.store.get(KEYS.params)
    if (params !== undefined && !equalBytes(params, init.chain.encodedParams)) {
      throw new TalosError('CHAIN_OTHER_NETWORK', 'the database has the chain of another network')
    }
    try {
      const opened = new LightChain(init)
      opened.#journal.put(KEYS.params, init.chain.encodedParams)
      await opened.#checkStored()
      await opened.#journal.commit(true)
      return opened
    } catch (error) {
      // bytes that are no header, or a block that is missing
      if (error instanceof FormatError || error instanceof TypeError) throw damaged(undefined, error)
      throw error
    }
  }

  get tip(): ForkNode {
    return this.#tree.tip
  }

  /** Hashes that say to a peer where our chain is: the last ten blocks, then ever larger steps, the genesis block last. */
  locator(): Uint8Array[] {
    const hashes: Uint8Array[] = []
    let step = 1
    // where a branch is being fetched, it goes on from there
    const last = this.#branch?.blocks.at(-1)
    if (last !== undefined) hashes.push(last.hash)
    for (let height = this.tip.height; height > 0 && hashes.length < 31; height -= step) {
      hashes.push(this.#tree.hashAt(height)!)
      if (hashes.length >= 10) step *= 2
    }
    return [...hashes, this.chain.genesisHash]
  }

  /** Forgets headers that wait for others to have more work: another peer is asked now. */
  restart(): void {
    this.#branch = undefined
  }

  /**
   * Takes in headers (228 bytes each) that follow one another, all or none of them. `consent` to take back any number of blocks. Never throws for bad input;
   * throws what the store throws.
   */
  add(headers: readonly Uint8Array[], consent = false): Promise<HeadersVerdict> {
    const adding = this.#running.then(() => this.#add(headers, consent))
    this.#running = adding.catch(() => {})
    return adding
  }

  /** The history root over the first `size` blocks; undefined beyond those that are known. */
  rootAt(size: number): Uint8Array | undefined {
    const { height } = this.tip
    if (size === height + 1) return this.#tree.frontierAfter(this.tip).root()
    const node = size >= 1 && size <= height ? this.#tree.at(size) : undefined
    return node && decodeHeader(node.signedHeader).historyRoot.slice()
  }

  /**
   * Checks a proof of a record against the chain. Its checkpoint is not looked at: the root is known from the headers.
   *
   * @throws LIGHT_BEHIND while the headers do not reach so far, LIGHT_REORGANISED for a block that is not in the chain any more,
   * CHAIN_PROOF_INVALID
   */
  verifyProof(proof: RecordProof): LightProof {
    const header = decodeHeader(proof.header)
    const node = this.#tree.node(blockHash(proof.header))
    if (node !== undefined && !this.#tree.isActive(node)) {
      throw new TalosError(
        'LIGHT_REORGANISED',
        `block ${header.height} is not in the chain any more: a reorganisation took it out`,
        {
          hint: 'Ask for the proof anew: the record may be in a later block.'
        }
      )
    }
    const root = this.rootAt(proof.size)
    if (root === undefined || header.height > this.tip.height) {
      throw new TalosError(
        'LIGHT_BEHIND',
        `the proof is of ${proof.size} blocks, and ${this.tip.height + 1} are known here`,
        {
          hint: 'talos light sync'
        }
      )
    }
    const verified = verifyProofIn(proof, { origin: originOf(this.chain.id), size: proof.size, root })
    return { ...verified, confirmations: this.tip.height - verified.height + 1 }
  }

  async #add(headers: readonly Uint8Array[], consent: boolean): Promise<HeadersVerdict> {
    const known = this.#skipKnown(headers)
    if (known.length === 0) return { state: 'waiting' }
    const branch = this.#branchFor(known[0]!)
    if (branch === undefined) return { state: 'unlinked' }
    if (branch.blocks.length + known.length > MAX_BRANCH) return { state: 'too-many' }
    const { blocks, issue } = await this.#check(known, branch.state)
    if (blocks.length < known.length) {
      this.#branch = undefined
      return { state: 'invalid', issue }
    }
    branch.blocks.push(...blocks)
    return this.#follow(branch, consent)
  }

  /**
   * All of them checked, and of each producer the last signature: it covers all blocks before, also those that are said to be the
   * producer's own.
   */
  async #check(
    headers: readonly Uint8Array[],
    state: ChainState
  ): Promise<{ blocks: CheckedBlock[]; issue: Issue | undefined }> {
    const blocks: CheckedBlock[] = []
    const lasts = new Map<string, CheckedBlock>()
    const now = this.#now()
    for (const [at, bytes] of headers.entries()) {
      if (at % TURN === TURN - 1) await others()
      const { block, errors } = await validateHeader(bytes, this.chain, state, { now, isHeaderChecked: true })
      if (block === undefined) return { blocks: [], issue: errors[0] }
      state.advance(block)
      blocks.push(block)
      lasts.set(toText(block.header.producer), block)
    }
    const wrong = await Promise.all(
      [...lasts.values()].map(async ({ hash, header, signedHeader }) => {
        const signature = signedHeader.subarray(HEADER_LENGTH)
        return (await verifyBeside(header.producer, sealStatement(hash).slice(), signature)) ? undefined : header.height
      })
    )
    const height = wrong.find(one => one !== undefined)
    return height === undefined ? { blocks, issue: undefined } : { blocks: [], issue: unsigned(height) }
  }

  async #follow(branch: Branch, consent: boolean): Promise<HeadersVerdict> {
    const { fork, blocks } = branch
    const last = blocks.at(-1)!
    const work = fork.work + this.#workOf(blocks.length)
    if (!this.#tree.isBetter({ work, hash: last.hash })) {
      this.#branch = branch
      return { state: 'waiting' }
    }
    this.#branch = undefined
    const depth = this.tip.height - fork.height
    if (depth > MAX_REORGANISATION && !consent) return { state: 'too-deep', depth }
    let parent = fork
    for (const block of blocks) parent = this.#tree.add(block, parent)
    this.#tree.apply(this.#tree.changeTo(parent))
    try {
      await this.#journal.commit(true)
    } catch (error) {
      this.#journal.recover()
      this.#tree.reload()
      throw error
    }
    return { state: 'added', disconnected: depth }
  }

  /** Without those that the chain has. */
  #skipKnown(headers: readonly Uint8Array[]): readonly Uint8Array[] {
    const first = headers.findIndex(bytes => {
      const node = bytes.length === SIGNED_HEADER_LENGTH ? this.#tree.node(blockHash(bytes)) : undefined
      return node === undefined || !this.#tree.isActive(node)
    })
    return first < 0 ? [] : headers.slice(first)
  }

  #branchFor(bytes: Uint8Array): Branch | undefined {
    let previous: Uint8Array
    try {
      previous = decodeHeader(bytes).previous
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
    const last = this.#branch?.blocks.at(-1)
    if (last !== undefined && equalBytes(last.hash, previous)) return this.#branch
    const fork = this.#tree.node(previous)
    if (fork === undefined || !this.#tree.isActive(fork)) return undefined
    return { fork, state: this.#stateAfter(fork), blocks: [] }
  }

  #stateAfter(node: ForkNode): ChainState {
    const { height, hash } = node
    const [times, frontier] = [this.#tree.times(node), this.#tree.frontierAfter(node)]
    return new ChainState(this.chain, { height, hash, times, frontier, heads: [] })
  }

  /** Of so many blocks: all have the same target. */
  #workOf(count: number): bigint {
    return BigInt(count) * workOf(this.chain.params.bits)
  }

  /** Nothing of what is on disk is believed either. */
  async #checkStored(): Promise<void> {
    const state = new ChainState(this.chain)
    for (let height = 1; height <= this.tip.height; height++) {
      if (height % TURN === 0) await others()
      const isHeaderChecked = this.tip.height - height >= VERIFIED_AGAIN
      const node = this.#tree.at(height)
      // its time was not ahead when it came
      const options = { now: Number.MAX_SAFE_INTEGER, isHeaderChecked, ...(node && { expectedHash: node.hash }) }
      const { block } = node ? await validateHeader(node.signedHeader, this.chain, state, options) : {}
      if (node === undefined || block === undefined || node.work !== this.#workOf(height)) throw damaged(height)
      state.advance(block)
    }
    const root = this.#tree.frontierAfter(this.tip).root()
    if (!equalBytes(root, state.historyRoot())) throw damaged(this.tip.height)
  }
}

function unsigned(height: number): Issue {
  const violation = 'PRODUCER_SIGNATURE_INVALID'
  const message = "the signature is not the producer's for this block"
  return { violation, code: VIOLATIONS[violation], layer: layerOf(violation), message, height }
}

function damaged(height: number | undefined, cause?: unknown): TalosError {
  const where = height === undefined ? '' : ` at block ${height}`
  return new TalosError('LIGHT_STORE_DAMAGED', `what is on disk of the chain does not hold${where}`, {
    hint: 'Move the folder away: the headers are fetched anew.',
    cause
  })
}
