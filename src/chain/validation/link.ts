import { equalBytes } from '../bytes.ts'
import { reject, type Validator } from './context.ts'

/** The block follows the one before it. The genesis block is never checked here: it is computed. */
export const link: Validator = {
  name: 'link',
  layer: 'consensus',
  level: 'STANDARD',
  run(context) {
    const { header, view } = context
    if (header!.height !== view.height) {
      return reject(context, 'CHAIN_LINK_BROKEN', `height ${header!.height} where ${view.height} follows`)
    }
    if (equalBytes(header!.previous, view.previousHash)) return
    if (view.height === 1) reject(context, 'NETWORK_MISMATCH', 'the block follows the genesis block of another chain')
    else reject(context, 'CHAIN_LINK_BROKEN', 'the block follows another block')
  }
}
