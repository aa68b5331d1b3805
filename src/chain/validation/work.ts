import { meetsTarget } from '../work.ts'
import { reject, type Validator } from './context.ts'

/** The target is the chain's, and the hash meets it. */
export const work: Validator = {
  name: 'work',
  layer: 'consensus',
  level: 'STANDARD',
  run(context) {
    const { bits } = context.header!
    if (bits !== context.chain.params.bits) {
      return reject(context, 'BITS_INVALID', 'the block has another target than the chain')
    }
    if (!meetsTarget(context.hash!, bits)) reject(context, 'POW_INVALID', 'the hash is above the target')
  }
}
