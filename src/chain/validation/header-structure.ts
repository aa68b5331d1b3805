import { decodeHeader, SIGNED_HEADER_LENGTH } from '../block.ts'
import { reject, type Validator } from './context.ts'

/** Lengths, version, flags, and the limits of the chain, before anything is hashed. */
export const headerStructure: Validator = {
  name: 'header-structure',
  layer: 'structural',
  level: 'MINIMAL',
  run(context) {
    const { chain, signedHeader } = context
    const header = decodeHeader(signedHeader)
    context.header = header
    const { maxBlockLength, maxRecords } = chain.params
    if (SIGNED_HEADER_LENGTH + header.bodyLength > maxBlockLength) {
      return reject(context, 'SIZE_EXCEEDED', `a block has at most ${maxBlockLength} bytes`)
    }
    if (header.recordCount > maxRecords) {
      return reject(context, 'SIZE_EXCEEDED', `a block has at most ${maxRecords} records`)
    }
    if (header.recordCount === 0) return reject(context, 'MISSING_FIELD', 'a block without records')
    if (header.signedRecords !== chain.signedRecords) {
      return reject(context, 'INVALID_TYPE', `records of this chain are ${chain.signedRecords ? '' : 'not '}signed`)
    }
    if (context.body !== undefined && context.body.length !== header.bodyLength) {
      reject(context, 'MALFORMED_BLOCK', 'the body has another length than the header says')
    }
  }
}
