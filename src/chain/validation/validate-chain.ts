import { equalBytes, toHex, ZERO_HASH } from '../bytes.ts'
import type { Chain } from '../params.ts'
import { LAYERS, type Layer, layerOf, VIOLATIONS, type ViolationName } from './codes.ts'
import { type Counts, type Issue, type Level, noCounts } from './context.ts'
import type { SegmentResult } from './segment.ts'
import { type ChainPoint, ChainState } from './state.ts'
import { type ValidationOptions, type ValidationResult, validateBlock, validateHeader } from './validate.ts'

/** What a report lists of each kind; the rest is counted. */
const MAX_LISTED = 100

export interface ChainReport {
  valid: boolean
  level: Level
  chainId: string
  /** Height of the first and the last block that was checked; 0 and 0 when there is none. */
  from: number
  to: number
  blocks: number
  /** Blocks of which only the header was there: they were pruned. */
  headersOnly: number
  counts: Counts
  /** Milliseconds spent in each layer. */
  layers: Record<Layer, { state: 'passed' | 'failed' | 'skipped'; duration: number }>
  /** At most 100. */
  errors: readonly Issue[]
  warnings: readonly Issue[]
  errorCount: number
  warningCount: number
  /** Providers that confirm a state of this chain. */
  anchoredBy: readonly string[]
  /** Threads that checked blocks, besides the one that asked. */
  threads: number
  /** Milliseconds. */
  duration: number
}

/** Checks the blocks of a chain one after the other, in order, and adds up what was found. */
export class ChainValidator {
  readonly state: ChainState
  /** Threads that checked blocks whose results were absorbed: for the report. */
  threads = 0
  readonly #chain: Chain
  readonly #options: ValidationOptions
  readonly #started = performance.now()
  readonly #report: ChainReport & { errors: Issue[]; warnings: Issue[] }
  readonly #anchoredBy = new Set<string>()

  /** @param from what comes before the first block; by default the genesis block */
  constructor(chain: Chain, options: ValidationOptions = {}, from?: ChainPoint, state = new ChainState(chain, from)) {
    this.#chain = chain
    this.#options = options
    this.state = state
    this.#report = {
      valid: true,
      level: options.level ?? 'STRICT',
      chainId: toHex(chain.id),
      from: 0,
      to: 0,
      blocks: 0,
      headersOnly: 0,
      counts: noCounts(),
      layers: Object.fromEntries(
        LAYERS.map(layer => [layer, { state: 'skipped', duration: 0 }])
      ) as ChainReport['layers'],
      errors: [],
      warnings: [],
      errorCount: 0,
      warningCount: 0,
      anchoredBy: [],
      threads: 0,
      duration: 0
    }
  }

  get valid(): boolean {
    return this.#report.errorCount === 0
  }

  /** The block that follows. After one that is not valid nothing more can be checked. */
  async block(bytes: Uint8Array, expectedHash?: Uint8Array): Promise<ValidationResult> {
    const expected = expectedHash === undefined ? {} : { expectedHash }
    return this.#add(await validateBlock(bytes, this.#chain, this.state, { ...this.#options, ...expected }))
  }

  /** The header that follows, of a block whose body is not there. */
  async header(signedHeader: Uint8Array): Promise<ValidationResult> {
    this.#report.headersOnly++
    return this.#add(await validateHeader(signedHeader, this.#chain, this.state, this.#options))
  }

  /**
   * Takes in the blocks that follow, which a thread found valid: true. False, and nothing has changed, when they are not valid, or do not
   * continue what is known of their authors.
   */
  absorb({ report: part, claimed, heads }: SegmentResult, after: Omit<ChainPoint, 'heads'>): boolean {
    const continues = claimed.every(({ author, stream, sequence, id }) => {
      const head = this.state.headOf(author, stream) ?? { sequence: 0, id: ZERO_HASH }
      return head.sequence === sequence && equalBytes(head.id, id)
    })
    if (!part.valid || !continues) return false
    const report = this.#report
    this.count(part.counts)
    for (const layer of LAYERS) this.#ran(layer, part.layers[layer])
    for (const issue of part.warnings) this.#issue('warnings', issue)
    if (report.blocks === 0) report.from = part.from
    report.to = part.to
    report.blocks += part.blocks
    report.headersOnly += part.headersOnly
    this.state.moveTo({ ...after, heads })
    return true
  }

  /** Something else that is wrong. */
  reject(violation: ViolationName, message: string, height?: number): void {
    const issue = { violation, code: VIOLATIONS[violation], layer: layerOf(violation), message }
    this.#issue('errors', height === undefined ? issue : { ...issue, height })
  }

  /** Milliseconds and signatures or the like that were checked elsewhere. */
  count(counts: Partial<Counts>): void {
    for (const [name, number] of Object.entries(counts)) this.#report.counts[name as keyof Counts] += number
  }

  end(): ChainReport {
    const { anchors, level } = { ...this.#options, level: this.#report.level }
    const quorum = anchors?.quorum ?? 0
    if (level === 'PARANOID' && this.#anchoredBy.size < quorum) {
      this.reject(
        'QUORUM_NOT_MET',
        `${this.#anchoredBy.size} of ${quorum} providers that are needed confirm this chain`
      )
    }
    const report = this.#report
    return {
      ...report,
      valid: this.valid,
      anchoredBy: [...this.#anchoredBy],
      threads: this.threads,
      duration: performance.now() - this.#started
    }
  }

  #add(result: ValidationResult): ValidationResult {
    const report = this.#report
    this.count(result.counts)
    for (const layer of LAYERS) this.#ran(layer, result.layers[layer])
    for (const issue of result.errors) this.#issue('errors', issue)
    for (const issue of result.warnings) this.#issue('warnings', issue)
    for (const name of result.anchoredBy) this.#anchoredBy.add(name)
    report.blocks++
    if (result.block !== undefined) {
      const { height } = result.block.header
      if (report.blocks === 1) report.from = height
      report.to = height
      this.state.advance(result.block)
    }
    return result
  }

  #ran(layer: Layer, { state, duration }: { state: 'passed' | 'failed' | 'skipped'; duration: number }): void {
    const all = this.#report.layers[layer]
    all.duration += duration
    if (state !== 'skipped' && all.state !== 'failed') all.state = state
  }

  #issue(list: 'errors' | 'warnings', issue: Issue): void {
    if (list === 'errors') {
      this.#report.errorCount++
      this.#report.layers[issue.layer].state = 'failed'
    } else this.#report.warningCount++
    if (this.#report[list].length < MAX_LISTED) this.#report[list].push(issue)
  }
}

/** Whether `header` is the one that everybody computes for block 0. */
export function isGenesis(chain: Chain, header: Uint8Array): boolean {
  return equalBytes(header.subarray(0, chain.genesis.length), chain.genesis)
}
