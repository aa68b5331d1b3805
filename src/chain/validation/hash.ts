import { blockHash } from '../block.ts'
import { equalBytes } from '../bytes.ts'
import { reject, type Validator } from './context.ts'

/** The block is the one that was asked for. */
export const hash: Validator = {
  name: 'hash',
  layer: 'cryptographic',
  level: 'MINIMAL',
  run(context) {
    context.hash = blockHash(context.signedHeader)
    if (context.expectedHash !== undefined && !equalBytes(context.hash, context.expectedHash)) {
      reject(context, 'HASH_MISMATCH', 'the block has another hash than the one asked for')
    }
  }
}
