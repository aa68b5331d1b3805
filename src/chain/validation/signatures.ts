import { verifyRecord, verifyRecordBeside } from '../record-signature.ts'
import { type CheckedEntry, reject, type Validator } from './context.ts'

/** Signatures that are verified at once, in the threads of the platform: what is forged costs no more than so many. */
const GROUP = 64
/** Fewer are verified sooner in this thread. */
const FEW = 4

/** Every record is signed by its author, unless it was verified when it came in. */
export const signatures: Validator = {
  name: 'signatures',
  layer: 'cryptographic',
  level: 'STRICT',
  run(context) {
    const { chain, counts } = context
    if (!chain.signedRecords) return
    const entries = context.entries!
    const unknown = [...entries.keys()].filter(i => entries[i]!.isVerified !== true)
    counts.knownSignatures += entries.length - unknown.length
    const wrong = (at: number) =>
      reject(context, 'SIGNATURE_INVALID', "the signature is not the author's for this record", at)
    if (unknown.length >= FEW) return inGroups()
    for (const i of unknown) {
      counts.signatures++
      const { record, id, signature } = entries[i]!
      if (signature === undefined || !verifyRecord(chain.id, record.author, id, signature)) return wrong(i)
    }

    async function inGroups(): Promise<void> {
      for (let from = 0; from < unknown.length; from += GROUP) {
        const group = unknown.slice(from, from + GROUP)
        counts.signatures += group.length
        const verdicts = await Promise.all(group.map(i => isSigned(entries[i]!)))
        const at = verdicts.indexOf(false)
        if (at >= 0) return wrong(group[at]!)
      }
    }

    async function isSigned({ record, id, signature }: CheckedEntry): Promise<boolean> {
      return signature !== undefined && verifyRecordBeside(chain.id, record.author, id, signature)
    }
  }
}
