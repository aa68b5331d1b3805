import { type AnchorProvider, decodeAnchor } from '../anchor.ts'
import { equalBytes } from '../bytes.ts'
import { originOf } from '../checkpoint.ts'
import { EXTENSION, KIND } from '../record.ts'
import { reject, type ValidationContext, type Validator } from './context.ts'

export interface AnchorPolicy {
  providers: readonly AnchorProvider[]
  /** Of how many providers a chain must have a valid anchor. @default 0 */
  quorum?: number
}

/**
 * Every anchor in the block is of an earlier state of this chain, and its provider says that it is true. What cannot be checked is
 * not true.
 */
export function anchors({ providers }: AnchorPolicy = { providers: [] }): Validator {
  return {
    name: 'anchors',
    layer: 'cross-chain',
    level: 'PARANOID',
    async run(context) {
      for (const [i, { record }] of context.entries!.entries()) {
        if (record.kind !== KIND.ANCHOR) continue
        const extension = record.extensions.find(({ type }) => type === EXTENSION.ANCHOR)
        if (extension === undefined) return reject(context, 'ANCHOR_MISMATCH', 'an anchor without a proof', i)
        if (!(await check(context, extension.value, providers, i))) return
        context.counts.anchors++
      }
    }
  }
}

async function check(
  context: ValidationContext,
  value: Uint8Array,
  providers: readonly AnchorProvider[],
  at: number
): Promise<boolean> {
  const { provider: name, size, root, proof } = decodeAnchor(value)
  const { view, chain } = context
  // an anchor of its own block could never be made: its hash would depend on the anchor
  if (!(size >= 1 && size <= context.header!.height)) {
    reject(context, 'ANCHOR_MISMATCH', 'an anchor is not of an earlier block', at)
    return false
  }
  const known = size === context.header!.height ? view.historyRoot() : await view.historyRootAt?.(size)
  if (known === undefined || !equalBytes(known, root)) {
    reject(context, 'ANCHOR_MISMATCH', 'an anchor is of another history', at)
    return false
  }
  const provider = providers.find(candidate => candidate.name === name)
  const verdict: unknown = await provider?.verify(proof, { origin: originOf(chain.id), size, root })
  if (verdict === true) {
    context.anchoredBy.add(name)
    return true
  }
  const message = provider === undefined ? `no provider '${name}' is configured` : `'${name}' does not confirm it`
  reject(context, 'EXTERNAL_VERIFICATION_FAILED', `an anchor: ${message}`, at)
  return false
}
