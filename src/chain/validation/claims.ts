import { toHex } from '../bytes.ts'
import { type CheckpointClaim, type ClaimedState, continuesClaim, decodeClaim } from '../claim.ts'
import { type ChainRecord, EXTENSION, KIND } from '../record.ts'
import { reject, type Validator } from './context.ts'

/** On a chain of many writers: what authors claim of their own chains shows that these only grew. */
export const claims: Validator = {
  name: 'claims',
  layer: 'semantic',
  level: 'STRICT',
  run(context) {
    if (!context.chain.signedRecords) return
    const last = new Map<string, ClaimedState>()
    for (const [i, { record }] of context.entries!.entries()) {
      const claim = claimIn(record)
      if (claim === undefined) continue
      const key = claimKey(record.author, claim.chain)
      if (!continuesClaim(claim, last.get(key) ?? context.view.claimOf?.(record.author, claim.chain))) {
        return reject(context, 'EQUIVOCATION', 'a claim does not continue what its author claimed before', i)
      }
      last.set(key, claim)
    }
  }
}

export const claimKey = (author: Uint8Array, chain: Uint8Array): string => `${toHex(author)}/${toHex(chain)}`

/** The claim that a record makes; undefined for a record of another kind. @throws CHAIN_FORMAT for a CHECKPOINT record without one, or a malformed one */
export function claimIn({ kind, extensions }: ChainRecord): CheckpointClaim | undefined {
  if (kind !== KIND.CHECKPOINT) return undefined
  const extension = extensions.find(({ type }) => type === EXTENSION.CHECKPOINT)
  return decodeClaim(extension?.value ?? new Uint8Array())
}
