import { verifyRecord } from '../record-signature.ts'
import { reject, type Validator } from './context.ts'

/** Every record is signed by its author, unless it was verified when it came in. */
export const signatures: Validator = {
  name: 'signatures',
  layer: 'cryptographic',
  level: 'STRICT',
  run(context) {
    const { chain, counts } = context
    if (!chain.signedRecords) return
    for (const [i, { record, id, signature, isVerified }] of context.entries!.entries()) {
      if (isVerified === true) {
        counts.knownSignatures++
        continue
      }
      counts.signatures++
      if (signature === undefined || !verifyRecord(chain.id, record.author, id, signature)) {
        return reject(context, 'SIGNATURE_INVALID', "the signature is not the author's for this record", i)
      }
    }
  }
}
