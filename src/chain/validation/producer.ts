import { crypto } from '../../crypto/index.ts'
import { HEADER_LENGTH, SIGNED_HEADER_LENGTH, sealStatement } from '../block.ts'
import { isAdmitted } from './admission.ts'
import { reject, type Validator } from './context.ts'

/** Who made the block may, and signed its hash. */
export const producer: Validator = {
  name: 'producer',
  layer: 'cryptographic',
  level: 'STRICT',
  run(context) {
    const { header, hash, signedHeader, chain } = context
    if (!isAdmitted(chain.params, header!.producer)) {
      return reject(context, 'AUTHOR_NOT_ADMITTED', 'the producer of the block may not write into this chain')
    }
    if (context.isHeaderChecked === true) {
      context.counts.knownSignatures++
      return
    }
    context.counts.signatures++
    const signature = signedHeader.subarray(HEADER_LENGTH, SIGNED_HEADER_LENGTH)
    if (!crypto.ed25519.verify(header!.producer, sealStatement(hash!), signature)) {
      reject(context, 'PRODUCER_SIGNATURE_INVALID', "the signature is not the producer's for this block")
    }
  }
}
