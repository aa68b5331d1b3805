import type { WitnessReport } from '../index.ts'

/** How far others have seen the audit chain, in a line. */
export function witnessedText({ state, signed, total, needed, size, blocks, trouble }: WitnessReport): string {
  const upTo = size === blocks ? 'all of it' : `${size} of ${blocks} blocks`
  if (state === 'witnessed') return `witnessed ${signed}/${total} (${upTo})`
  if (trouble !== undefined) return `probabilistic: ${trouble.message}`
  if (total === 0) return 'probabilistic: no witnesses are named'
  if (needed === 0) return 'probabilistic: the policy asks for no witness'
  return `probabilistic: ${signed}/${total} witnesses have signed, ${needed} are needed`
}
