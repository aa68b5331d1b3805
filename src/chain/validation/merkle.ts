import { toText } from '../hash.ts'
import { rootOfTexts } from '../tree.ts'
import { reject, type Validator } from './context.ts'

/** The root in the header is that over the records, always. */
export const merkle: Validator = {
  name: 'merkle',
  layer: 'cryptographic',
  level: 'STRICT',
  run(context) {
    // a block has at least one: the header said so
    const root = rootOfTexts(context.entries!.map(({ id, idText = toText(id) }) => idText))
    if (root !== toText(context.header!.recordsRoot)) {
      reject(context, 'MERKLE_INVALID', 'the records are not those that the header commits to')
    }
  }
}
