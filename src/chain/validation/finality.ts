import { equalBytes } from '../bytes.ts'
import { reject, type Validator } from './context.ts'

/** No other block takes the place of a final one. */
export const finality: Validator = {
  name: 'finality',
  layer: 'consensus',
  level: 'STANDARD',
  run(context) {
    const final = context.view.finalHashAt?.(context.header!.height)
    if (final !== undefined && !equalBytes(final, context.hash!)) {
      reject(context, 'FINALITY_CONFLICT', 'another block is final at this height')
    }
  }
}
