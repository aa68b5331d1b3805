import { equalBytes } from '../bytes.ts'
import { reject, type Validator } from './context.ts'

/** The block commits to every block before it. */
export const history: Validator = {
  name: 'history',
  layer: 'consensus',
  level: 'STANDARD',
  run(context) {
    if (!equalBytes(context.header!.historyRoot, context.view.historyRoot())) {
      reject(context, 'HISTORY_ROOT_INVALID', 'the block commits to another history')
    }
  }
}
