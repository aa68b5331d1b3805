import { equalBytes } from '../bytes.ts'
import { merkleRoot } from '../tree.ts'
import { reject, type Validator } from './context.ts'

/** The root in the header is that over the records, always. */
export const merkle: Validator = {
  name: 'merkle',
  layer: 'cryptographic',
  level: 'STRICT',
  run(context) {
    const root = merkleRoot(context.entries!.map(({ id }) => id))
    if (!equalBytes(root, context.header!.recordsRoot)) {
      reject(context, 'MERKLE_INVALID', 'the records are not those that the header commits to')
    }
  }
}
